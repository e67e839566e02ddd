// Property: of a script's outputs exactly what tells a member's state is read,
// and what should and does not is refused. Method: single outputs.

#include "tools/raft_script/expected_state.h"

#include "gtest/gtest.h"

namespace quorate::raft_script {
namespace {

Directive Output(const std::string& text) {
  return {.position = "script.txt:1", .command = "stabilize", .expected = text};
}

TEST(ExpectedStateTest, ReadsEntries) {
  const auto normal = ParseEntry("3/7 EntryNormal \"a b\\\"c\"");
  ASSERT_TRUE(normal.has_value());
  EXPECT_EQ(*normal, (ExpectedEntry{7, 3, false, "a b\"c"}));
  const auto change = ParseEntry("1/5 EntryConfChangeV2 v2 r1");
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(*change, (ExpectedEntry{5, 1, true, "v2 r1"}));
  const auto leave = ParseEntry("1/6 EntryConfChangeV2");
  ASSERT_TRUE(leave.has_value());
  EXPECT_EQ(*leave, (ExpectedEntry{6, 1, true, ""}));
  for (const char* line : {"", "1/5", "5 EntryNormal \"\"", "1/5 Other x",
                           "1/5 EntryNormal bare", "x/5 EntryNormal \"\""}) {
    EXPECT_FALSE(ParseEntry(line).has_value()) << line;
  }
}

TEST(ExpectedStateTest, ReadsReadiesAndNothingElse) {
  ExpectedState state;
  ASSERT_TRUE(state
                  .Learn(Output("> 1 handling Ready\n"
                                "  Ready MustSync=true:\n"
                                "  Lead:3 State:StateFollower\n"
                                "  HardState Term:4 Commit:9\n"
                                "  Entries:\n"
                                "  4/10 EntryNormal \"x\"\n"
                                "  CommittedEntries:\n"
                                "  2/9 EntryNormal \"w\"\n"
                                "  Messages:\n"
                                "  1->3 MsgApp Term:4 Log:4/10 Entries:[\n"
                                "    4/11 EntryNormal \"y\"\n"
                                "  ]\n"
                                "  INFO 1 became follower at term 9\n"
                                "> 2 receiving messages\n"
                                "  HardState Term:7 Commit:7\n"),
                         0)
                  .ok());
  ASSERT_EQ(state.members().size(), 1u);
  const ExpectedMember& member = state.members().at(1);
  EXPECT_EQ(member.state.role, "StateFollower");
  EXPECT_EQ(member.state.leader, 3u);
  EXPECT_EQ(member.state.term, 4u);
  EXPECT_EQ(member.state.vote, 0u);
  EXPECT_EQ(member.state.commit, 9u);
  EXPECT_EQ(member.applied, 9u);
  EXPECT_EQ(member.last_index, 10u);
  EXPECT_EQ(member.log.size(), 1u);
  EXPECT_EQ(state.committed().size(), 1u);
}

TEST(ExpectedStateTest, KeepsWhatWasSaidUntilStepsAreHidden) {
  ExpectedState state;
  ASSERT_TRUE(state
                  .Learn(Output("Ready MustSync=true:\n"
                                "HardState Term:1 Vote:1 Commit:2\n"
                                "Entries:\n1/3 EntryNormal \"\"\n"
                                "1/4 EntryNormal \"\"\n"),
                         1)
                  .ok());
  state.Begin();
  ASSERT_TRUE(state
                  .Learn(Output("Ready MustSync=true:\nEntries:\n"
                                "2/4 EntryNormal \"\"\n"),
                         1)
                  .ok());
  const ExpectedMember& member = state.members().at(1);
  EXPECT_EQ(member.state.vote, 1u);
  EXPECT_EQ(member.log.at(3).term, 1u);
  EXPECT_EQ(member.log.at(4).term, 2u);
  EXPECT_EQ(member.appended_now.size(), 1u);
  state.Forget();
  EXPECT_TRUE(state.members().empty());
}

TEST(ExpectedStateTest, ASnapshotStandsForTheLog) {
  ExpectedState state;
  ASSERT_TRUE(state
                  .Learn(Output("Ready MustSync=true:\nEntries:\n"
                                "1/3 EntryNormal \"\"\n"
                                "Ready MustSync=false:\n"
                                "Snapshot Index:8 Term:2 ConfState:x\n"),
                         1)
                  .ok());
  const ExpectedMember& member = state.members().at(1);
  EXPECT_TRUE(member.log.empty());
  EXPECT_EQ(member.last_index, 8u);
  EXPECT_EQ(member.applied, 8u);
}

TEST(ExpectedStateTest, RefusesWhatItDoesNotUnderstand) {
  ExpectedState state;
  EXPECT_EQ(state.Learn(Output("Ready MustSync=true:\nEntries:\nnonsense\n"), 1)
                .message(),
            "script.txt:1: not understood: nonsense");
  EXPECT_FALSE(state.Learn(Output("> x handling Ready\n"), 0).ok());
  EXPECT_FALSE(state
                   .Learn(Output("Ready MustSync=true:\nCommittedEntries:\n"
                                 "1/3 EntryNormal \"a\"\n"
                                 "1/3 EntryNormal \"b\"\n"),
                          1)
                   .ok());
}

}  // namespace
}  // namespace quorate::raft_script
