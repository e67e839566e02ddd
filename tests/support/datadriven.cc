#include "tests/support/datadriven.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"

namespace quorate {

namespace {

constexpr absl::string_view kSeparator = "----";

uint64_t ParseNumber(const Directive& directive, absl::string_view text) {
  uint64_t number = 0;
  if (!absl::SimpleAtoi(text, &number)) {
    ADD_FAILURE() << directive.position << ": not a number: " << text;
  }
  return number;
}

// Splits at spaces that stand outside parentheses.
std::vector<std::string> SplitWords(absl::string_view line) {
  std::vector<std::string> words(1);
  int depth = 0;
  for (const char c : line) {
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c == ' ' && depth == 0) {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  words.erase(std::remove(words.begin(), words.end(), ""), words.end());
  return words;
}

Directive::Argument ParseArgument(const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos) return {word, {}};
  Directive::Argument argument{word.substr(0, equals), {}};
  absl::string_view value = absl::string_view(word).substr(equals + 1);
  if (!absl::ConsumePrefix(&value, "(")) {
    argument.values.emplace_back(value);
    return argument;
  }
  absl::ConsumeSuffix(&value, ")");
  for (absl::string_view part :
       absl::StrSplit(value, absl::ByAnyChar(", "), absl::SkipEmpty())) {
    argument.values.emplace_back(part);
  }
  return argument;
}

// Reads a script line by line and writes it anew, with fresh outputs.
class ScriptRun {
 public:
  ScriptRun(std::string path, std::vector<std::string> lines)
      : path_(std::move(path)), lines_(std::move(lines)) {}

  void Run(const DirectiveRunner& runner, bool update) {
    while (next_ < lines_.size()) {
      const std::string& line = lines_[next_];
      if (line.empty() || line[0] == '#') {
        rewritten_.push_back(line);
        ++next_;
        continue;
      }
      Directive directive = ParseDirective();
      std::string actual = runner(directive);
      if (!actual.empty() && actual.back() != '\n') actual += '\n';
      if (!update) {
        EXPECT_EQ(directive.expected, actual)
            << directive.position << " (UPDATE_GOLDEN=1 writes the new output)";
      }
      Rewrite(actual);
    }
  }

  std::string Rewritten() const { return absl::StrJoin(rewritten_, "\n"); }

 private:
  Directive ParseDirective() {
    Directive directive;
    directive.position = absl::StrCat(path_, ":", next_ + 1);
    const std::vector<std::string> words = SplitWords(lines_[next_]);
    directive.command = words.front();
    for (size_t i = 1; i < words.size(); ++i) {
      directive.arguments.push_back(ParseArgument(words[i]));
    }
    rewritten_.push_back(lines_[next_++]);
    while (next_ < lines_.size() && lines_[next_] != kSeparator) {
      absl::StrAppend(&directive.input, lines_[next_], "\n");
      rewritten_.push_back(lines_[next_++]);
    }
    ++next_;
    ParseOutput(directive);
    return directive;
  }

  void ParseOutput(Directive& directive) {
    const bool doubled = next_ < lines_.size() && lines_[next_] == kSeparator;
    if (doubled) ++next_;
    const absl::string_view end = doubled ? kSeparator : "";
    while (next_ < lines_.size() && lines_[next_] != end) {
      absl::StrAppend(&directive.expected, lines_[next_++], "\n");
    }
    // Of a doubled end, the second separator too; then the empty line.
    if (doubled) next_ += 2;
    if (next_ < lines_.size() && lines_[next_].empty()) ++next_;
  }

  void Rewrite(const std::string& actual) {
    const bool doubled = absl::StrContains(actual, "\n\n") ||
                         (!actual.empty() && actual[0] == '\n');
    rewritten_.emplace_back(kSeparator);
    if (doubled) rewritten_.emplace_back(kSeparator);
    std::vector<std::string> lines = absl::StrSplit(actual, '\n');
    lines.pop_back();
    rewritten_.insert(rewritten_.end(), lines.begin(), lines.end());
    if (doubled) rewritten_.insert(rewritten_.end(), 2, "----");
    rewritten_.emplace_back("");
  }

  const std::string path_;
  const std::vector<std::string> lines_;
  size_t next_ = 0;
  std::vector<std::string> rewritten_;
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

uint64_t Directive::Number(absl::string_view key, uint64_t fallback) const {
  const std::vector<std::string>* values = Find(key);
  if (values == nullptr || values->empty()) return fallback;
  return ParseNumber(*this, values->front());
}

std::vector<uint64_t> Directive::Numbers(absl::string_view key) const {
  std::vector<uint64_t> numbers;
  const std::vector<std::string>* values = Find(key);
  if (values == nullptr) return numbers;
  for (const std::string& value : *values) {
    numbers.push_back(ParseNumber(*this, value));
  }
  return numbers;
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

void RunDataDriven(const std::string& path, const DirectiveRunner& runner) {
  std::ifstream in(path);
  ASSERT_TRUE(in.good()) << "cannot read " << path;
  std::stringstream text;
  text << in.rdbuf();
  std::vector<std::string> lines = absl::StrSplit(text.str(), '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  const bool update = std::getenv("UPDATE_GOLDEN") != nullptr;
  ScriptRun run(path, std::move(lines));
  run.Run(runner, update);
  if (update) std::ofstream(path) << run.Rewritten();
}

std::vector<std::string> DataDrivenFiles(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".txt") {
      files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace quorate
