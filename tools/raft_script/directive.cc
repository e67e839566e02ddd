#include "tools/raft_script/directive.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "base/status.h"

namespace quorate::raft_script {

namespace {

constexpr absl::string_view kSeparator = "----";

absl::Status ErrorAt(const Directive& directive, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(directive.position, ": ", what));
}

// Splits at blanks that stand outside parentheses.
std::vector<std::string> SplitWords(absl::string_view line) {
  std::vector<std::string> words(1);
  int depth = 0;
  for (const char c : line) {
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (absl::ascii_isspace(static_cast<unsigned char>(c)) && depth <= 0) {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  words.erase(std::remove(words.begin(), words.end(), ""), words.end());
  return words;
}

absl::Status ParseArgument(const std::string& word, Directive& directive) {
  const size_t equals = word.find('=');
  Directive::Argument argument{word.substr(0, equals), {}};
  if (argument.key.empty()) return ErrorAt(directive, "an argument's name");
  if (equals != std::string::npos) {
    absl::string_view value = absl::string_view(word).substr(equals + 1);
    if (!absl::ConsumePrefix(&value, "(")) {
      argument.values.emplace_back(value);
    } else if (!absl::ConsumeSuffix(&value, ")")) {
      return ErrorAt(directive, "a list without its end");
    } else {
      argument.values =
          absl::StrSplit(value, absl::ByAnyChar(", "), absl::SkipEmpty());
    }
  }
  directive.arguments.push_back(std::move(argument));
  return absl::OkStatus();
}

// Takes a script apart, line by line. Lives for one call.
class ScriptParser {
 public:
  ScriptParser(absl::string_view path, absl::Span<const std::string> lines)
      : path_(path), lines_(lines) {}

  absl::StatusOr<std::vector<Directive>> Parse() {
    std::vector<Directive> directives;
    while (next_ < lines_.size()) {
      const absl::string_view line = absl::StripAsciiWhitespace(lines_[next_]);
      if (line.empty() || line.front() == '#') {
        ++next_;
        continue;
      }
      Directive directive;
      directive.position = absl::StrCat(path_, ":", next_ + 1);
      QUORATE_RETURN_IF_ERROR(TakeCommand(directive));
      QUORATE_RETURN_IF_ERROR(TakeInput(directive));
      TakeOutput(directive);
      directives.push_back(std::move(directive));
    }
    return directives;
  }

 private:
  absl::Status TakeCommand(Directive& directive) {
    std::string line = lines_[next_++];
    while (absl::EndsWith(line, "\\") && next_ < lines_.size()) {
      line.back() = ' ';
      absl::StrAppend(&line, lines_[next_++]);
    }
    const std::vector<std::string> words = SplitWords(line);
    directive.command = words.front();
    for (size_t i = 1; i < words.size(); ++i) {
      QUORATE_RETURN_IF_ERROR(ParseArgument(words[i], directive));
    }
    return absl::OkStatus();
  }

  absl::Status TakeInput(Directive& directive) {
    while (next_ < lines_.size() && lines_[next_] != kSeparator) {
      absl::StrAppend(&directive.input, lines_[next_++], "\n");
    }
    if (next_ == lines_.size()) {
      return ErrorAt(directive, "a command without \"----\"");
    }
    directive.separator_line = next_++;
    return absl::OkStatus();
  }

  void TakeOutput(Directive& directive) {
    const bool doubled = SeparatorAt(next_);
    if (doubled) ++next_;
    while (next_ < lines_.size() &&
           !(doubled ? SeparatorAt(next_) && SeparatorAt(next_ + 1)
                     : BlankAt(next_))) {
      absl::StrAppend(&directive.expected, lines_[next_++], "\n");
    }
    if (doubled) next_ = std::min(next_ + 2, lines_.size());
    if (BlankAt(next_)) ++next_;
    directive.end_line = next_;
  }

  bool SeparatorAt(size_t line) const {
    return line < lines_.size() && lines_[line] == kSeparator;
  }

  bool BlankAt(size_t line) const {
    return line < lines_.size() &&
           absl::StripAsciiWhitespace(lines_[line]).empty();
  }

  const absl::string_view path_;
  const absl::Span<const std::string> lines_;
  size_t next_ = 0;
};

}  // namespace

const std::vector<std::string>* Directive::Find(absl::string_view key) const {
  for (const Argument& argument : arguments) {
    if (argument.key == key) return &argument.values;
  }
  return nullptr;
}

std::string Directive::Text(absl::string_view key,
                            absl::string_view fallback) const {
  const std::vector<std::string>* values = Find(key);
  if (values == nullptr) return std::string(fallback);
  return absl::StrJoin(*values, ",");
}

std::vector<uint64_t> Directive::Positional() const {
  std::vector<uint64_t> numbers;
  for (const Argument& argument : arguments) {
    uint64_t number = 0;
    if (argument.values.empty() && absl::SimpleAtoi(argument.key, &number)) {
      numbers.push_back(number);
    }
  }
  return numbers;
}

absl::StatusOr<uint64_t> ParseNumber(const Directive& directive,
                                     absl::string_view text) {
  uint64_t number = 0;
  if (!absl::SimpleAtoi(text, &number)) {
    return ErrorAt(directive, absl::StrCat("not a number: ", text));
  }
  return number;
}

absl::StatusOr<std::vector<Directive>> ParseScript(
    absl::string_view path, absl::Span<const std::string> lines) {
  return ScriptParser(path, lines).Parse();
}

std::vector<std::string> SplitLines(absl::string_view text) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

}  // namespace quorate::raft_script
