#include "trust/names.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/utf8.h"

namespace quorate::trust {
namespace {

constexpr size_t kMaxIdBytes = 64;      // Fits a table's column.
constexpr size_t kMaxPartyBytes = 128;  // Fits a registered company's name.
constexpr size_t kMaxQuotedBytes = 64;

bool IsId(absl::string_view name, absl::string_view marks) {
  return !name.empty() && name.size() <= kMaxIdBytes &&
         std::all_of(name.begin(), name.end(), [marks](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  absl::StrContains(marks, c);
         });
}

bool IsHarmless(uint32_t point) {
  const bool control = point < 0x20 || (point >= 0x7f && point <= 0x9f);
  const bool breaks_line = point == 0x2028 || point == 0x2029;
  // Unicode's bidirectional controls (UAX #9) and invisible joiners.
  const bool turns = (point >= 0x200b && point <= 0x200f) ||
                     (point >= 0x202a && point <= 0x202e) ||
                     (point >= 0x2060 && point <= 0x2069) || point == 0x061c ||
                     point == 0xfeff;
  return !control && !breaks_line && !turns;
}

}  // namespace

bool IsDocumentId(absl::string_view name) {
  return IsId(name, "._-");
}

bool IsFeatureName(absl::string_view name) {
  return IsId(name, "_-");
}

bool IsPartyName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxPartyBytes || name.front() == ' ' ||
      name.back() == ' ') {
    return false;
  }
  while (!name.empty()) {
    const std::optional<uint32_t> point = TakeCodePoint(&name);
    if (!point.has_value() || !IsHarmless(*point)) return false;
  }
  return true;
}

std::string Quoted(absl::string_view name) {
  return absl::StrCat("\"", absl::CHexEscape(name.substr(0, kMaxQuotedBytes)),
                      name.size() > kMaxQuotedBytes ? "..." : "", "\"");
}

}  // namespace quorate::trust
