// Property: snapshots, changes of the members, transfers and the rest of the
// commands do in our core what a script says, and false claims about them are
// reported. Method: own small scripts, right and wrong.

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"

#include "tests/tools/raft_script/outcome.h"

namespace quorate::raft_script {
namespace {

// Runs `more` on three voters, of which 1 leads; entries up to 4 are committed,
// and output is on. Lines are counted from where `more` begins.
std::string AfterElection(absl::string_view more, absl::string_view options) {
  const std::string setup = absl::StrCat(
      "log-level none\n----\nok\n\nadd-nodes 3 voters=(1,2,3) index=3", options,
      "\n----\nok\n\ncampaign 1\n----\nok\n\nstabilize\n----\nok\n\n"
      "log-level debug\n----\nok\n\n");
  return absl::StrReplaceAll(Outcome(absl::StrCat(setup, more)),
                             {{"script.txt:", "line "}});
}

// A joiner comes in, as a learner or a voter.
std::string Joining(absl::string_view change, absl::string_view state) {
  return absl::StrCat("propose-conf-change 1\n", change,
                      "\n----\nok\n\nadd-nodes 1\n----\nok\n\n"
                      "stabilize log-level=none\n----\nok\n\nraft-state\n----\n"
                      "1: StateLeader (Voter) Term:1 Lead:1\n"
                      "2: StateFollower (Voter) Term:1 Lead:1\n"
                      "3: StateFollower (Voter) Term:1 Lead:1\n",
                      state, "\n");
}

TEST(InteractionChangesTest, AMemberJoins) {
  EXPECT_EQ(AfterElection(
                Joining("v4", "4: StateFollower (Voter) Term:1 Lead:1"), ""),
            "same");
  EXPECT_EQ(
      AfterElection(Joining("l4", "4: StateFollower (Non-Voter) Term:1 Lead:1"),
                    ""),
      "same");
  EXPECT_EQ(AfterElection(
                Joining("l4", "4: StateFollower (Voter) Term:1 Lead:1"), ""),
            "line 34: raft-state");
}

constexpr char kChange[] = R"(propose-conf-change 1
l3
----
ok

stabilize
----
> 1 handling Ready
  Ready MustSync=true:
  Entries:
  1/5 EntryConfChangeV2 l3
> 2 handling Ready
  Ready MustSync=true:
  Entries:
  1/5 EntryConfChangeV2 l3
> 3 handling Ready
  Ready MustSync=true:
  Entries:
  1/5 EntryConfChangeV2 l3
> 1 handling Ready
  Ready MustSync=false:
  HardState Term:1 Vote:1 Commit:5
  CommittedEntries:
  1/5 EntryConfChangeV2 l3
> 2 handling Ready
  Ready MustSync=false:
  CommittedEntries:
  1/5 EntryConfChangeV2 l3
> 3 handling Ready
  Ready MustSync=false:
  CommittedEntries:
  1/5 EntryConfChangeV2 l3
)";

TEST(InteractionChangesTest, AChangeIsComparedByItsOutcome) {
  EXPECT_EQ(AfterElection(kChange, ""), "same");
  EXPECT_EQ(
      AfterElection(
          absl::StrReplaceAll(kChange, {{"ChangeV2 l3", "ChangeV2 r3"}}), ""),
      "line 26: stabilize");
  EXPECT_EQ(AfterElection(
                absl::StrReplaceAll(kChange, {{"Commit:5", "Commit:4"}}), ""),
            "line 26: stabilize");
}

TEST(InteractionChangesTest, ASnapshotBringsUpWhoIsBehind) {
  const std::string script =
      "propose 1 a\n----\nok\n\nstabilize 1 2\n----\n"
      "> 1 handling Ready\n  Ready MustSync=true:\n  Entries:\n"
      "  1/5 EntryNormal \"a\"\n"
      "> 2 handling Ready\n  Ready MustSync=true:\n  Entries:\n"
      "  1/5 EntryNormal \"a\"\n"
      "> 1 handling Ready\n  Ready MustSync=false:\n  CommittedEntries:\n"
      "  1/5 EntryNormal \"a\"\n"
      "> 2 handling Ready\n  Ready MustSync=false:\n  CommittedEntries:\n"
      "  1/5 EntryNormal \"a\"\n\n"
      "deliver-msgs drop=(3)\n----\nok\n\n"
      "compact 1 5\n----\nlog is empty: first index=6, last index=5\n\n"
      "tick-heartbeat 1\n----\nok\n\n"
      "stabilize\n----\n> 3 handling Ready\n  Ready MustSync=false:\n"
      "  HardState Term:1 Vote:1 Commit:5\n  Snapshot Index:5 Term:1 "
      "ConfState:x\n\n"
      "status 1\n----\n1: StateReplicate match=5 next=6\n"
      "2: StateReplicate match=5 next=6\n3: StateReplicate match=5 next=6\n";
  EXPECT_EQ(AfterElection(script, ""), "same");
  EXPECT_EQ(AfterElection(absl::StrReplaceAll(script, {{"Snapshot Index:5",
                                                        "Snapshot "
                                                        "Index:6"}}),
                          ""),
            "line 56: stabilize");
  EXPECT_EQ(AfterElection(absl::StrReplaceAll(
                              script, {{"first index=6", "first index=5"}}),
                          ""),
            "line 48: compact");
}

std::string States(absl::string_view leader, absl::string_view term) {
  std::string text = "raft-state\n----\n";
  for (const char* id : {"1", "2", "3"}) {
    absl::StrAppend(&text, id,
                    id == leader ? ": StateLeader" : ": StateFollower",
                    " (Voter) Term:", term, " Lead:", leader, "\n");
  }
  return text;
}

TEST(InteractionChangesTest, LeadershipIsHandedOver) {
  const std::string script =
      "transfer-leadership from=1 to=3\n----\nok\n\n"
      "stabilize log-level=none\n----\nok\n\n";
  EXPECT_EQ(AfterElection(absl::StrCat(script, States("3", "2")), ""), "same");
  EXPECT_EQ(AfterElection(absl::StrCat(script, States("1", "1")), ""),
            "line 29: raft-state");
}

// Without PreVote and CheckQuorum a candidate deposes a leader that is well;
// with both it does not.
TEST(InteractionChangesTest, PreVoteAndCheckQuorumAreAsTheScriptWants) {
  const std::string script =
      "campaign 2\n----\nok\n\nstabilize log-level=none\n----\nok\n\n";
  EXPECT_EQ(AfterElection(absl::StrCat(script, States("2", "2")), ""), "same");
  EXPECT_EQ(AfterElection(absl::StrCat(script, States("2", "2")),
                          " prevote=true checkquorum=true"),
            "line 29: raft-state");
}

TEST(InteractionChangesTest, AForgottenLeaderIsFoundAgain) {
  EXPECT_EQ(AfterElection("forget-leader 2\n----\nok\n\nraft-state\n----\n"
                          "1: StateLeader (Voter) Term:1 Lead:1\n"
                          "2: StateFollower (Voter) Term:1 Lead:0\n"
                          "3: StateFollower (Voter) Term:1 Lead:1\n\n"
                          "tick-heartbeat 1\n----\nok\n\n"
                          "stabilize log-level=none\n----\nok\n\n" +
                              States("1", "1"),
                          ""),
            "same");
}

TEST(InteractionChangesTest, ATimeoutIsAsTheScriptWants) {
  const std::string script =
      "set-randomized-election-timeout 3 timeout=3\n----\nok\n\n"
      "tick-election 3\n----\nok\n\nstabilize log-level=none\n----\nok\n\n";
  EXPECT_EQ(AfterElection(absl::StrCat(script, States("3", "2")), ""), "same");
}

TEST(InteractionChangesTest, ThreadsAreInTheScriptsHand) {
  const std::string script =
      "propose 1 a\n----\nok\n\nprocess-ready 1\n----\n"
      "Ready MustSync=true:\nEntries:\n1/5 EntryNormal \"a\"\n\n"
      "raft-log 1\n----\n1/4 EntryNormal \"\"\n\n"
      "process-append-thread 1\n----\nok\n\n"
      "raft-log 1\n----\n1/4 EntryNormal \"\"\n1/5 EntryNormal \"a\"\n\n"
      "process-apply-thread 1\n----\nok\n\n"
      "report-unreachable 1 3\n----\nok\n\nsend-snapshot 1 3\n----\nok\n\n"
      "deliver-msgs 3 type=MsgSnap\n----\nok\n";
  EXPECT_EQ(AfterElection(script, " async-storage-writes=true"), "same");
  // Without them a Ready is done with at once.
  EXPECT_EQ(AfterElection(script, ""), "line 31: raft-log");
}

TEST(InteractionChangesTest, RefusesCommandsWithoutSense) {
  for (const char* command :
       {"campaign 9", "campaign", "compact 1", "propose 1", "raft-log 7",
        "report-unreachable 1", "send-snapshot 1", "add-nodes", "log-level",
        "transfer-leadership from=8 to=1", "deliver-msgs drop=(x)",
        "set-randomized-election-timeout 1 timeout=0"}) {
    const std::string outcome =
        AfterElection(absl::StrCat(command, "\n----\nok\n"), "");
    EXPECT_EQ(outcome.find("line 21: "), 0u) << command << ": " << outcome;
    EXPECT_EQ(outcome.find(": different"), std::string::npos) << command;
  }
  EXPECT_EQ(Outcome("add-nodes 1 voters=(1) index=99999999999\n----\nok\n"),
            "script.txt:1: too high an index");
  EXPECT_EQ(Outcome("add-nodes 1\n----\nok\n"),
            "script.txt:1: the first members begin at an index");
}

}  // namespace
}  // namespace quorate::raft_script
