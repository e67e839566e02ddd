// The filter of a list: one field that must have one value.

#ifndef QUORATE_SERVER_RPC_LIST_FILTER_H_
#define QUORATE_SERVER_RPC_LIST_FILTER_H_

#include <span>
#include <string>

#include "absl/strings/string_view.h"

#include "server/rpc/validation.h"

namespace quorate::server {

// Empty `field`: everything passes.
struct ListFilter {
  std::string field;
  std::string value;
};

// Parses `field="value"` (a part of AIP-160's grammar), where the field is one
// of `fields` and the value may hold \" and \\. Adds a fault to "filter", with
// an example, for anything else. An empty filter is no fault.
ListFilter ParseListFilter(absl::string_view filter,
                           std::span<const absl::string_view> fields,
                           FieldFaults* faults);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_LIST_FILTER_H_
