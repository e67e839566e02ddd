#include "server/policy/version_range.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace quorate::policy {
namespace {

bool IsDigit(char c) {
  return absl::ascii_isdigit(static_cast<unsigned char>(c));
}

// Cuts the number, without the zeros before it, off the front.
absl::string_view TakeNumber(absl::string_view* text) {
  size_t size = 0;
  while (size < text->size() && IsDigit((*text)[size]))
    ++size;
  absl::string_view number = text->substr(0, size);
  text->remove_prefix(size);
  while (absl::ConsumePrefix(&number, "0")) {
  }
  return number;
}

// Numbers of any length, without the zeros before them.
int CompareNumbers(absl::string_view a, absl::string_view b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

int CompareParts(absl::string_view a, absl::string_view b) {
  while (!a.empty() && !b.empty()) {
    if (IsDigit(a.front()) && IsDigit(b.front())) {
      const absl::string_view of_a = TakeNumber(&a);
      const absl::string_view of_b = TakeNumber(&b);
      if (const int order = CompareNumbers(of_a, of_b); order != 0) {
        return order;
      }
      continue;
    }
    if (a.front() != b.front()) {
      const auto of_a = static_cast<unsigned char>(a.front());
      const auto of_b = static_cast<unsigned char>(b.front());
      return of_a < of_b ? -1 : 1;
    }
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  if (a.empty() && b.empty()) return 0;
  return a.empty() ? -1 : 1;
}

}  // namespace

int CompareVersions(absl::string_view a, absl::string_view b) {
  const std::vector<absl::string_view> of_a =
      absl::StrSplit(a, absl::ByAnyChar(".-"));
  const std::vector<absl::string_view> of_b =
      absl::StrSplit(b, absl::ByAnyChar(".-"));
  for (size_t i = 0; i < std::max(of_a.size(), of_b.size()); ++i) {
    const int order = CompareParts(i < of_a.size() ? of_a[i] : "0",
                                   i < of_b.size() ? of_b[i] : "0");
    if (order != 0) return order;
  }
  return 0;
}

bool VersionRange::Contains(absl::string_view version) const {
  if (CompareVersions(version, first) < 0) return false;
  return !last.has_value() || CompareVersions(version, *last) <= 0;
}

std::optional<VersionRange> ParseVersionRange(absl::string_view text) {
  const size_t dots = text.find("..");
  if (dots == absl::string_view::npos) {
    if (text.empty()) return std::nullopt;
    return VersionRange{.first = std::string(text), .last = std::string(text)};
  }
  const absl::string_view first = text.substr(0, dots);
  const absl::string_view last = text.substr(dots + 2);
  if (first.empty() && last.empty()) return std::nullopt;
  if (!last.empty() && last.front() == '.') return std::nullopt;
  if (!last.empty() && CompareVersions(first, last) > 0) return std::nullopt;
  VersionRange range = {.first = std::string(first)};
  if (!last.empty()) range.last = std::string(last);
  return range;
}

}  // namespace quorate::policy
