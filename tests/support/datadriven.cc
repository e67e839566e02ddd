#include "tests/support/datadriven.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace quorate {

namespace {

uint64_t NumberOrFailure(const Directive& directive, absl::string_view text) {
  const absl::StatusOr<uint64_t> number =
      raft_script::ParseNumber(directive, text);
  if (!number.ok()) ADD_FAILURE() << number.status().message();
  return number.value_or(0);
}

// Writes a script anew, with fresh outputs.
class Rewriter {
 public:
  explicit Rewriter(const std::vector<std::string>& lines) : lines_(lines) {}

  void Replace(const Directive& directive, const std::string& actual) {
    KeepUpTo(directive.separator_line);
    const bool doubled = absl::StrContains(actual, "\n\n") ||
                         (!actual.empty() && actual[0] == '\n');
    rewritten_.insert(rewritten_.end(), doubled ? 2 : 1, "----");
    for (std::string& line : raft_script::SplitLines(actual)) {
      rewritten_.push_back(std::move(line));
    }
    if (doubled) rewritten_.insert(rewritten_.end(), 2, "----");
    rewritten_.emplace_back("");
    next_ = directive.end_line;
  }

  std::string Finish() {
    KeepUpTo(lines_.size());
    return absl::StrJoin(rewritten_, "\n");
  }

 private:
  void KeepUpTo(size_t line) {
    while (next_ < line)
      rewritten_.push_back(lines_[next_++]);
  }

  const std::vector<std::string>& lines_;
  size_t next_ = 0;
  std::vector<std::string> rewritten_;
};

}  // namespace

uint64_t Directive::Number(absl::string_view key, uint64_t fallback) const {
  const std::vector<std::string>* values = Find(key);
  if (values == nullptr || values->empty()) return fallback;
  return NumberOrFailure(*this, values->front());
}

std::vector<uint64_t> Directive::Numbers(absl::string_view key) const {
  std::vector<uint64_t> numbers;
  const std::vector<std::string>* values = Find(key);
  if (values == nullptr) return numbers;
  for (const std::string& value : *values) {
    numbers.push_back(NumberOrFailure(*this, value));
  }
  return numbers;
}

void RunDataDriven(const std::string& path, const DirectiveRunner& runner) {
  std::ifstream in(path);
  ASSERT_TRUE(in.good()) << "cannot read " << path;
  std::stringstream text;
  text << in.rdbuf();
  const std::vector<std::string> lines = raft_script::SplitLines(text.str());
  const auto directives = raft_script::ParseScript(path, lines);
  ASSERT_TRUE(directives.ok()) << directives.status().message();
  const bool update = std::getenv("UPDATE_GOLDEN") != nullptr;
  Rewriter rewriter(lines);
  for (const raft_script::Directive& parsed : *directives) {
    const Directive directive{parsed};
    std::string actual = runner(directive);
    if (!actual.empty() && actual.back() != '\n') actual += '\n';
    if (!update) {
      EXPECT_EQ(directive.expected, actual)
          << directive.position << " (UPDATE_GOLDEN=1 writes the new output)";
    }
    rewriter.Replace(directive, actual);
  }
  if (update) std::ofstream(path) << rewriter.Finish();
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
