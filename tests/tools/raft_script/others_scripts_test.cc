// Property: our quorum, membership and core code does what the scripts of
// etcd-io/raft say. Method: every script below QUORATE_TESTDATA (else
// ../shared/testdata) is run; skipped, and said so, where there is none.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"

#include "tools/raft_script/expected_state.h"
#include "tools/raft_script/script_kind.h"

namespace quorate::raft_script {
namespace {

std::filesystem::path Folder(const std::string& name) {
  const char* const given = std::getenv("QUORATE_TESTDATA");
  const std::filesystem::path root =
      given == nullptr ? "../shared/testdata" : given;
  return root / name;
}

std::vector<std::filesystem::path> Scripts(
    const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> scripts;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() == ".txt") scripts.push_back(file.path());
  }
  std::sort(scripts.begin(), scripts.end());
  return scripts;
}

std::string Read(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// Those that differ by a decision of ours; docs/raft.md gives the reasons.
bool DiffersByDecision(const std::filesystem::path& path) {
  static const auto* const kNames =
      new std::set<std::string>{"confchange_v1_remove_leader.txt",
                                "confchange_v1_remove_leader_stepdown.txt",
                                "confchange_v2_add_double_auto.txt",
                                "forget_leader_read_only_lease_based.txt"};
  return kNames->count(path.filename().string()) > 0;
}

void ExpectNoDifference(const std::filesystem::path& path,
                        const std::string& kind) {
  const auto difference = RunScript(path.string(), Read(path), kind);
  ASSERT_TRUE(difference.ok()) << path << ": " << difference.status();
  if (DiffersByDecision(path)) {
    EXPECT_TRUE(difference->has_value()) << path << " is no exception any more";
    return;
  }
  if (!difference->has_value()) return;
  ADD_FAILURE() << (*difference)->position << ": " << (*difference)->command
                << "\nexpected:\n"
                << (*difference)->expected << "got:\n"
                << (*difference)->got;
}

class OthersScriptsTest : public testing::TestWithParam<const char*> {};

TEST_P(OthersScriptsTest, HaveNoDifference) {
  const std::string kind = GetParam();
  const std::filesystem::path folder = Folder("raft-" + kind);
  if (!std::filesystem::is_directory(folder)) {
    GTEST_SKIP() << "no scripts of others in " << folder
                 << "; QUORATE_TESTDATA names their folder";
  }
  const std::vector<std::filesystem::path> scripts = Scripts(folder);
  EXPECT_FALSE(scripts.empty()) << folder;
  for (const std::filesystem::path& script : scripts)
    ExpectNoDifference(script, kind);
}

INSTANTIATE_TEST_SUITE_P(Kinds, OthersScriptsTest,
                         testing::Values("quorum", "confchange", "interaction"),
                         [](const auto& info) {
                           return std::string(info.param);
                         });

// The script with one number of one line made another; empty where the line has
// no such number.
std::string WithOtherNumber(std::vector<std::string> lines, size_t line,
                            absl::string_view key) {
  const std::optional<uint64_t> number = NumberAfter(lines[line], key);
  if (!number.has_value()) return "";
  const std::string was = absl::StrCat(key, *number);
  const std::string is = absl::StrCat(key, *number + 100);
  lines[line] = absl::StrReplaceAll(lines[line], {{was, is}});
  return absl::StrJoin(lines, "\n");
}

// If nothing were compared, all of this would pass as well.
TEST(OthersScriptsTest, FalseStatesAreNoticed) {
  const std::filesystem::path folder = Folder("raft-interaction");
  if (!std::filesystem::is_directory(folder)) {
    GTEST_SKIP() << "no scripts of others in " << folder;
  }
  int changed = 0;
  int noticed = 0;
  for (const std::filesystem::path& path : Scripts(folder)) {
    if (DiffersByDecision(path)) continue;
    const std::vector<std::string> lines = SplitLines(Read(path));
    for (size_t i = 0; i < lines.size(); ++i) {
      if (!absl::StrContains(lines[i], "HardState ")) continue;
      for (const char* key : {"Term:", "Vote:", "Commit:"}) {
        const std::string script = WithOtherNumber(lines, i, key);
        if (script.empty()) continue;
        ++changed;
        const auto difference = RunScript("x", script, "interaction");
        if (!difference.ok() || difference->has_value()) ++noticed;
      }
    }
  }
  EXPECT_GT(changed, 0);
  // Not all: while a change of the members is under way, less is compared.
  EXPECT_GE(noticed * 10, changed * 9) << noticed << " of " << changed;
  RecordProperty("changed", changed);
  RecordProperty("noticed", noticed);
}

}  // namespace
}  // namespace quorate::raft_script
