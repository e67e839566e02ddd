// Where the next page of a list begins.

#ifndef QUORATE_SERVER_RPC_PAGE_TOKEN_H_
#define QUORATE_SERVER_RPC_PAGE_TOKEN_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace quorate::server {

// Returns a token for the page of `list` ("seats") with `filter` that begins
// after `key`. Opaque to clients and the same on every member, so a list may
// be continued on another one.
std::string MakePageToken(absl::string_view list, absl::string_view filter,
                          absl::string_view key);

// The key of a token; nothing where the token is not one of ours for this list
// and filter (AIP-158: the other fields must not change between pages).
std::optional<std::string> ParsePageToken(absl::string_view list,
                                          absl::string_view filter,
                                          absl::string_view token);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_PAGE_TOKEN_H_
