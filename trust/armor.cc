#include "trust/armor.h"

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "base/check.h"
#include "trust/bounded_parse.h"
#include "trust/refusal.h"

namespace quorate::trust {
namespace {

constexpr size_t kLineLength = 64;

constexpr ArmorLabel kLabels[] = {
    ArmorLabel::kRoot, ArmorLabel::kKeyCertificate, ArmorLabel::kLicense};

std::string BeginLine(ArmorLabel label) {
  return absl::StrCat("-----BEGIN ", ToString(label), "-----");
}

std::string EndLine(ArmorLabel label) {
  return absl::StrCat("-----END ", ToString(label), "-----");
}

absl::Status BadForm(ArmorLabel label, absl::string_view what) {
  return Refuse(Refusal::kForm,
                absl::StrCat("the text is no ", ToString(label), ": ", what));
}

// Without line ends; blank lines at the end are left out.
std::vector<absl::string_view> Lines(absl::string_view text) {
  std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  for (absl::string_view& line : lines) {
    absl::ConsumeSuffix(&line, "\r");
  }
  while (!lines.empty() && lines.back().empty()) {
    lines.pop_back();
  }
  return lines;
}

}  // namespace

absl::string_view ToString(ArmorLabel label) {
  switch (label) {
    using enum ArmorLabel;
    case kRoot:
      return "QUORATE ROOT";
    case kKeyCertificate:
      return "QUORATE KEY CERTIFICATE";
    case kLicense:
      return "QUORATE LICENSE";
  }
  QUORATE_CHECK(false);
}

std::optional<ArmorLabel> ArmorLabelOf(absl::string_view text) {
  absl::string_view first = text.substr(0, text.find('\n'));
  absl::ConsumeSuffix(&first, "\r");
  for (const ArmorLabel label : kLabels) {
    if (first == BeginLine(label)) return label;
  }
  return std::nullopt;
}

std::string Armor(ArmorLabel label, absl::string_view bytes) {
  const std::string base64 = absl::Base64Escape(bytes);
  std::string text = absl::StrCat(BeginLine(label), "\n");
  for (size_t at = 0; at < base64.size(); at += kLineLength) {
    absl::StrAppend(&text, base64.substr(at, kLineLength), "\n");
  }
  absl::StrAppend(&text, EndLine(label), "\n");
  return text;
}

absl::StatusOr<std::string> Dearmor(ArmorLabel label, absl::string_view text) {
  if (text.size() > kMaxDocumentBytes) {
    return Refuse(Refusal::kSize, absl::StrCat("the file has more than ",
                                               kMaxDocumentBytes, " bytes"));
  }
  const std::vector<absl::string_view> lines = Lines(text);
  if (lines.empty() || lines.front() != BeginLine(label)) {
    return BadForm(label, "it does not begin with its first line");
  }
  if (lines.size() < 3 || lines.back() != EndLine(label)) {
    return BadForm(label, "it does not end with its last line");
  }
  std::string base64;
  for (size_t i = 1; i + 1 < lines.size(); ++i) {
    const bool last = i + 2 == lines.size();
    if (lines[i].empty() || lines[i].size() > kLineLength ||
        (!last && lines[i].size() != kLineLength)) {
      return BadForm(label,
                     absl::StrCat("line ", i + 1, " has a wrong length"));
    }
    absl::StrAppend(&base64, lines[i]);
  }
  std::string bytes;
  // The second condition refuses other spellings of the same bytes.
  if (!absl::Base64Unescape(base64, &bytes) ||
      absl::Base64Escape(bytes) != base64) {
    return BadForm(label, "it has characters that are not base64");
  }
  return bytes;
}

}  // namespace quorate::trust
