#include "server/rpc/member_fields.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace quorate::server {
namespace {

constexpr size_t kMaxNameBytes = 64;
constexpr size_t kMaxEndpointBytes = 260;

bool IsNameByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
         c == '-' || c == '.';
}

bool IsHostByte(char c) {
  return IsNameByte(c) || c == ':' || c == '[' || c == ']' || c == '%';
}

bool IsDigit(char c) {
  return absl::ascii_isdigit(static_cast<unsigned char>(c));
}

}  // namespace

bool IsMemberName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes &&
         std::all_of(name.begin(), name.end(), IsNameByte);
}

bool IsEndpoint(absl::string_view endpoint) {
  const size_t colon = endpoint.rfind(':');
  if (colon == absl::string_view::npos || colon == 0) return false;
  if (endpoint.size() > kMaxEndpointBytes) return false;
  const absl::string_view host = endpoint.substr(0, colon);
  const absl::string_view port = endpoint.substr(colon + 1);
  const bool brackets = host.front() == '[' && host.back() == ']';
  if (!brackets && host.find(':') != absl::string_view::npos) return false;
  if (!std::all_of(host.begin(), host.end(), IsHostByte)) return false;
  int number = 0;
  return !port.empty() && std::all_of(port.begin(), port.end(), IsDigit) &&
         absl::SimpleAtoi(port, &number) && number > 0 && number <= 65535;
}

absl::string_view HostOf(absl::string_view endpoint) {
  absl::string_view host = endpoint.substr(0, endpoint.rfind(':'));
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return host;
}

std::optional<raft::MemberId> ParseMemberId(absl::string_view text) {
  uint64_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || number == 0 ||
      absl::StrCat(number) != text) {
    return std::nullopt;
  }
  return raft::MemberId(number);
}

}  // namespace quorate::server
