// How records that are restored are taken, and refused.

#ifndef QUORATE_SERVER_LICENSING_RESTORING_H_
#define QUORATE_SERVER_LICENSING_RESTORING_H_

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "base/status.h"
#include "server/licensing/record_codec.h"

namespace quorate::licensing {

// DATA_LOSS where it does not parse, or is a record of another key.
template <typename Record>
absl::Status ParseInto(absl::string_view key, absl::string_view value,
                       std::vector<Record>* records) {
  QUORATE_ASSIGN_OR_RETURN(Record record, ParseRecord<Record>(key, value));
  records->push_back(std::move(record));
  return absl::OkStatus();
}

// DATA_LOSS: the records contradict each other.
template <typename... Parts>
absl::Status Contradiction(const Parts&... parts) {
  return absl::DataLossError(absl::StrCat(parts...));
}

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_RESTORING_H_
