// What all lists have in common: page size, token, filter, order, freshness.

#ifndef QUORATE_SERVER_RPC_LIST_PAGE_H_
#define QUORATE_SERVER_RPC_LIST_PAGE_H_

#include <cstdint>
#include <span>
#include <string>

#include "absl/strings/string_view.h"

#include "quorate/type/v1/header.pb.h"

#include "server/rpc/list_filter.h"
#include "server/rpc/validation.h"

namespace quorate::server {

// What a list is called, and what may be asked of it.
struct ListShape {
  absl::string_view name;                     // "seats"
  absl::string_view order;                    // "handle"
  std::span<const absl::string_view> fields;  // Of its filter.
  bool numbered = false;                      // Keys are numbers, else names.
};

// A page that was asked for.
struct ListPage {
  int size = 0;
  std::string after_name;     // Begins after this name,
  uint64_t after_number = 0;  // or after this number.
  ListFilter filter;
};

// The token for the page after an item.
std::string TokenAfter(const ListShape& shape, absl::string_view filter,
                       absl::string_view name);
std::string TokenAfter(const ListShape& shape, absl::string_view filter,
                       uint64_t number);

// Reads `token` into the page; adds a fault for one that is not of this list.
void ReadToken(const ListShape& shape, absl::string_view filter,
               absl::string_view token, ListPage* page, FieldFaults* faults);

// Reads the fields that every List…Request has.
template <typename Request>
ListPage ReadListPage(const ListShape& shape, const Request& request,
                      FieldFaults* faults) {
  ListPage page;
  page.size = CheckPageSize(request.page_size(), faults);
  page.filter = ParseListFilter(request.filter(), shape.fields, faults);
  if (page.filter.field == "session") {
    CheckSessionName(page.filter.value, "filter", faults);
  }
  ReadToken(shape, request.filter(), request.page_token(), &page, faults);
  CheckOrderBy(request.order_by(), shape.order, faults);
  CheckConsistency(request.consistency(), faults);
  return page;
}

// Records that one call may look at before it gives a page that is not full
// (AIP-158 allows that): the applier does nothing else in that time, about a
// millisecond.
inline constexpr int kMaxVisitsOfPage = 10'000;

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_LIST_PAGE_H_
