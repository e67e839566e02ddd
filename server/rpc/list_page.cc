#include "server/rpc/list_page.h"

#include <optional>
#include <utility>

#include "base/ordered_encoding.h"
#include "server/rpc/page_token.h"

namespace quorate::server {

std::string TokenAfter(const ListShape& shape, absl::string_view filter,
                       absl::string_view name) {
  return MakePageToken(shape.name, filter, name);
}

std::string TokenAfter(const ListShape& shape, absl::string_view filter,
                       uint64_t number) {
  return MakePageToken(shape.name, filter, Ordered64(number));
}

void ReadToken(const ListShape& shape, absl::string_view filter,
               absl::string_view token, ListPage* page, FieldFaults* faults) {
  if (token.empty()) return;
  std::optional<std::string> key = ParsePageToken(shape.name, filter, token);
  std::optional<uint64_t> number;
  if (key.has_value() && shape.numbered) number = ParseOrdered64(*key);
  if (!key.has_value() || (shape.numbered && !number.has_value())) {
    faults->Add("page_token",
                "is not from the page before, with the same filter");
    return;
  }
  if (shape.numbered) {
    page->after_number = *number;
  } else {
    page->after_name = *std::move(key);
  }
}

}  // namespace quorate::server
