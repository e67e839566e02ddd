#include "server/policy_formats/option_lines.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace quorate::policy {
namespace {

// Cuts the comment off: from a '#' that is in no quotes on.
absl::string_view WithoutComment(absl::string_view line) {
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') quoted = !quoted;
    if (line[i] == '#' && !quoted) return line.substr(0, i);
  }
  return line;
}

std::vector<std::string> WordsOf(absl::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  bool there = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
      there = true;
    } else if (!quoted && absl::ascii_isspace(static_cast<unsigned char>(c))) {
      if (there) words.push_back(std::exchange(word, ""));
      there = false;
    } else {
      word.push_back(c);
      there = true;
    }
  }
  if (there) words.push_back(word);
  return words;
}

}  // namespace

std::vector<OptionLine> SplitOptionLines(absl::string_view text, size_t most) {
  std::vector<OptionLine> lines;
  uint32_t number = 0;
  std::string whole;
  uint32_t begun = 0;
  while (!text.empty() && lines.size() < most) {
    const size_t end = std::min(text.find('\n'), text.size());
    absl::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    line = absl::StripTrailingAsciiWhitespace(WithoutComment(line));
    if (whole.empty()) begun = number;
    const bool goes_on = !text.empty() && absl::ConsumeSuffix(&line, "\\");
    absl::StrAppend(&whole, line, goes_on ? " " : "");
    if (goes_on) continue;
    OptionLine ready = {
        .number = begun, .words = WordsOf(whole), .bytes = whole.size()};
    whole.clear();
    if (!ready.words.empty()) lines.push_back(std::move(ready));
  }
  return lines;
}

}  // namespace quorate::policy
