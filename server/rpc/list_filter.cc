#include "server/rpc/list_filter.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace quorate::server {
namespace {

// A text field's limit with every byte escaped, and room for the field.
constexpr size_t kMaxFilterBytes = 1024;

// The text between the quotes; nothing where they do not enclose it all.
std::optional<std::string> Unquote(absl::string_view quoted) {
  if (quoted.size() < 2 || quoted.front() != '"') return std::nullopt;
  std::string text;
  size_t i = 1;
  for (; i < quoted.size() && quoted[i] != '"'; ++i) {
    if (quoted[i] == '\\') {
      ++i;
      if (i == quoted.size()) return std::nullopt;
      if (quoted[i] != '"' && quoted[i] != '\\') return std::nullopt;
    }
    text += quoted[i];
  }
  if (i + 1 != quoted.size()) return std::nullopt;
  return text;
}

std::string Example(std::span<const absl::string_view> fields) {
  return absl::StrCat(
      "must be empty or one of ",
      absl::StrJoin(fields, ", ", [](std::string* out, absl::string_view f) {
        absl::StrAppend(out, f, "=\"...\"");
      }));
}

}  // namespace

ListFilter ParseListFilter(absl::string_view filter,
                           std::span<const absl::string_view> fields,
                           FieldFaults* faults) {
  filter = absl::StripAsciiWhitespace(filter);
  if (filter.empty()) return {};
  const size_t equals = filter.find('=');
  if (filter.size() > kMaxFilterBytes || equals == absl::string_view::npos) {
    faults->Add("filter", Example(fields));
    return {};
  }
  const absl::string_view field =
      absl::StripAsciiWhitespace(filter.substr(0, equals));
  const std::optional<std::string> value =
      Unquote(absl::StripAsciiWhitespace(filter.substr(equals + 1)));
  if (!value.has_value() ||
      std::find(fields.begin(), fields.end(), field) == fields.end()) {
    faults->Add("filter", Example(fields));
    return {};
  }
  return {.field = std::string(field), .value = *value};
}

}  // namespace quorate::server
