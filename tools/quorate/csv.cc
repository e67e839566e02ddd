#include "tools/quorate/csv.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace quorate::cli {
namespace {

bool LooksLikeFormula(absl::string_view cell) {
  constexpr absl::string_view kBeginnings = "=+-@\t\r\n";
  return !cell.empty() && kBeginnings.find(cell.front()) != cell.npos;
}

void AppendCell(std::string* out, absl::string_view cell) {
  const std::string text =
      absl::StrCat(LooksLikeFormula(cell) ? "'" : "", cell);
  if (text.find_first_of(",\"\r\n") == std::string::npos) {
    out->append(text);
    return;
  }
  absl::StrAppend(out, "\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

}  // namespace

std::string CsvLine(const std::vector<std::string>& cells) {
  return absl::StrCat(absl::StrJoin(cells, ",", AppendCell), "\r\n");
}

}  // namespace quorate::cli
