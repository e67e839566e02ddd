// Property: our quorum, membership and core code does what the scripts of
// etcd-io/raft say. Method: every script below QUORATE_TESTDATA (else
// ../shared/testdata) is run; skipped, and said so, where there is none.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

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

void ExpectNoDifference(const std::filesystem::path& path,
                        const std::string& kind) {
  const auto difference = RunScript(path.string(), Read(path), kind);
  ASSERT_TRUE(difference.ok()) << path << ": " << difference.status();
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
                         testing::Values("quorum", "confchange"),
                         [](const auto& info) {
                           return std::string(info.param);
                         });

}  // namespace
}  // namespace quorate::raft_script
