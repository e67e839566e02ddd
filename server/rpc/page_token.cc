#include "server/rpc/page_token.h"

#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/ordered_encoding.h"

namespace quorate::server {
namespace {

// The first byte of a token, so that its form may change.
constexpr char kForm = '\x01';

// A key is a number, a name of at most 64 bytes, or a place in the history:
// such a name and three strings of at most 256. Base64 adds a third.
constexpr size_t kMaxTokenBytes = 2048;

// FNV-1a, 64 bits: the same on every member and in every version, which
// absl::Hash is not. A collision only continues a list under another filter.
uint64_t Fingerprint(absl::string_view list, absl::string_view filter) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const absl::string_view part :
       {list, absl::string_view("\0", 1), filter}) {
    for (const char c : part) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
  }
  return hash;
}

std::string Prefix(absl::string_view list, absl::string_view filter) {
  std::string prefix(1, kForm);
  AppendOrdered64(Fingerprint(list, filter), &prefix);
  return prefix;
}

}  // namespace

std::string MakePageToken(absl::string_view list, absl::string_view filter,
                          absl::string_view key) {
  return absl::WebSafeBase64Escape(absl::StrCat(Prefix(list, filter), key));
}

std::optional<std::string> ParsePageToken(absl::string_view list,
                                          absl::string_view filter,
                                          absl::string_view token) {
  std::string bytes;
  if (token.size() > kMaxTokenBytes ||
      !absl::WebSafeBase64Unescape(token, &bytes)) {
    return std::nullopt;
  }
  const std::string prefix = Prefix(list, filter);
  if (!absl::StartsWith(bytes, prefix)) return std::nullopt;
  return bytes.substr(prefix.size());
}

}  // namespace quorate::server
