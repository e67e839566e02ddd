// Property: a script's kind is told by its commands, and what is no script is
// never taken for one without differences. Method: own small scripts.

#include "tools/raft_script/script_kind.h"

#include "gtest/gtest.h"

#include "tests/tools/raft_script/outcome.h"

namespace quorate::raft_script {
namespace {

TEST(ScriptKindTest, IsToldByTheCommands) {
  EXPECT_EQ(Outcome("vote\n----\nVoteWon\n"), "same");
  EXPECT_EQ(Outcome("vote\n----\nVoteWon\n", "quorum"), "same");
  EXPECT_EQ(Outcome("leave-joint\n----\ncan't leave a non-joint config\n"),
            "same");
  EXPECT_EQ(Outcome("vote\n----\nVoteWon\n\nleave-joint\n----\n"),
            "no kind of script has all its commands");
}

TEST(ScriptKindTest, CommandsOfAnotherKindAreRefused) {
  EXPECT_EQ(Outcome("vote\n----\nVoteWon\n", "confchange"),
            "script.txt:1: no such command: vote");
  EXPECT_EQ(Outcome("vote\n----\nVoteWon\n", "poetry"), "no such kind: poetry");
}

TEST(ScriptKindTest, NothingIsNotASuccess) {
  EXPECT_EQ(Outcome(""), "a script without commands");
  EXPECT_EQ(Outcome("# Only a comment.\n"), "a script without commands");
}

TEST(ScriptKindTest, ADifferenceShowsBothSides) {
  const auto difference =
      RunScript("a.txt", "# One.\nvote\n----\nVoteLost\n", "");
  ASSERT_TRUE(difference.ok() && difference->has_value());
  EXPECT_EQ((*difference)->position, "a.txt:2");
  EXPECT_EQ((*difference)->expected, "VoteLost\n");
  EXPECT_EQ((*difference)->got, "VoteWon\n");
}

}  // namespace
}  // namespace quorate::raft_script
