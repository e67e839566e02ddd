// Property: a script that tells the truth about our core has no difference, and
// whatever is changed in what it says of states, logs and applied entries is
// reported where it stands. Method: own small scripts, run as they are and with
// one thing changed.

#include <ostream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"

#include "tests/tools/raft_script/outcome.h"

namespace quorate::raft_script {
namespace {

// Member 2 is elected and replicates a command; member 3 misses it.
constexpr char kElection[] = R"(add-nodes 3 voters=(1,2,3) index=5
----
INFO log lines are not compared

campaign 2
----
ok

process-ready 2
----
Ready MustSync=true:
Lead:0 State:StateCandidate
HardState Term:1 Vote:2 Commit:5
Messages:
2->1 MsgVote Term:1 Log:1/5
INFO nor is how many messages there are

stabilize
----
> 1 handling Ready
  Ready MustSync=true:
  HardState Term:1 Vote:2 Commit:5
> 3 handling Ready
  Ready MustSync=true:
  HardState Term:1 Vote:2 Commit:5
> 2 handling Ready
  Ready MustSync=true:
  Lead:2 State:StateLeader
  Entries:
  1/6 EntryNormal ""
> 1 handling Ready
  Ready MustSync=true:
  Lead:2 State:StateFollower
  Entries:
  1/6 EntryNormal ""
> 3 handling Ready
  Ready MustSync=true:
  Lead:2 State:StateFollower
  Entries:
  1/6 EntryNormal ""
> 2 handling Ready
  Ready MustSync=false:
  HardState Term:1 Vote:2 Commit:6
  CommittedEntries:
  1/6 EntryNormal ""
> 1 handling Ready
  Ready MustSync=false:
  HardState Term:1 Vote:2 Commit:6
  CommittedEntries:
  1/6 EntryNormal ""
> 3 handling Ready
  Ready MustSync=false:
  HardState Term:1 Vote:2 Commit:6
  CommittedEntries:
  1/6 EntryNormal ""

propose 2 hello
----
ok

log-level none
----
ok

process-ready 2
----
ok

deliver-msgs drop=(3)
----
ok

stabilize 1 2
----
ok

log-level debug
----
ok

raft-state
----
1: StateFollower (Voter) Term:1 Lead:2
2: StateLeader (Voter) Term:1 Lead:2
3: StateFollower (Voter) Term:1 Lead:2

raft-log 1
----
1/6 EntryNormal ""
1/7 EntryNormal "hello"

raft-log 3
----
1/6 EntryNormal ""

status 2
----
1: StateReplicate match=7 next=8
2: StateReplicate match=7 next=8
3: StateReplicate match=6 next=8 inflight=1

tick-heartbeat 2
----
ok

stabilize
----
> 3 handling Ready
  Ready MustSync=true:
  HardState Term:1 Vote:2 Commit:7
  Entries:
  1/7 EntryNormal "hello"
  CommittedEntries:
  1/7 EntryNormal "hello"
)";

TEST(InteractionScriptTest, TheTruthHasNoDifference) {
  EXPECT_EQ(Outcome(kElection), "same");
}

// One thing that is said otherwise, and where the first difference must be.
struct Lie {
  const char* name;
  const char* truth;
  const char* lie;
  const char* where;
};

void PrintTo(const Lie& lie, std::ostream* out) {
  *out << lie.name;
}

class LieTest : public testing::TestWithParam<Lie> {};

TEST_P(LieTest, IsReported) {
  const Lie& lie = GetParam();
  ASSERT_TRUE(absl::StrContains(kElection, lie.truth));
  EXPECT_EQ(Outcome(absl::StrReplaceAll(kElection, {{lie.truth, lie.lie}})),
            lie.where);
}

constexpr char kFirstStabilize[] = "script.txt:18: stabilize";

INSTANTIATE_TEST_SUITE_P(
    InteractionScriptTest, LieTest,
    testing::Values(
        Lie{"Role", "State:StateCandidate", "State:StateFollower",
            "script.txt:9: process-ready"},
        Lie{"Term", "HardState Term:1 Vote:2 Commit:5\nMessages",
            "HardState Term:2 Vote:2 Commit:5\nMessages",
            "script.txt:9: process-ready"},
        Lie{"Vote", "  HardState Term:1 Vote:2 Commit:5",
            "  HardState Term:1 Vote:1 Commit:5", kFirstStabilize},
        Lie{"NoVote", "  HardState Term:1 Vote:2 Commit:5",
            "  HardState Term:1 Commit:5", kFirstStabilize},
        Lie{"Leader", "Lead:2 State:StateFollower",
            "Lead:3 State:StateFollower", kFirstStabilize},
        Lie{"Commit", "HardState Term:1 Vote:2 Commit:6",
            "HardState Term:1 Vote:2 Commit:7", kFirstStabilize},
        Lie{"CommitOnTheWay", "  HardState Term:1 Vote:2 Commit:5",
            "  HardState Term:1 Vote:2 Commit:4", kFirstStabilize},
        Lie{"EntryTerm", "  Entries:\n  1/6 EntryNormal \"\"",
            "  Entries:\n  2/6 EntryNormal \"\"", kFirstStabilize},
        Lie{"MissingEntry", "  Entries:\n  1/6 EntryNormal \"\"\n", "",
            kFirstStabilize},
        Lie{"OneEntryMore", "  Entries:\n  1/6 EntryNormal \"\"",
            "  Entries:\n  1/6 EntryNormal \"\"\n  1/7 EntryNormal \"x\"",
            kFirstStabilize},
        Lie{"EntryType", "  Entries:\n  1/6 EntryNormal \"\"",
            "  Entries:\n  1/6 EntryConfChange v4", kFirstStabilize},
        Lie{"AppliedTooEarly", "  CommittedEntries:\n  1/6 EntryNormal \"\"",
            "  CommittedEntries:\n  1/6 EntryNormal \"\"\n  1/7 EntryNormal "
            "\"hello\"",
            kFirstStabilize},
        Lie{"NotApplied", "  CommittedEntries:\n  1/6 EntryNormal \"\"\n", "",
            kFirstStabilize},
        Lie{"Payload", "1/7 EntryNormal \"hello\"\n\n",
            "1/7 EntryNormal \"hullo\"\n\n", "script.txt:87: raft-log"},
        Lie{"LostLogEntry", "\n1/6 EntryNormal \"\"\n1/7", "\n1/7",
            "script.txt:87: raft-log"},
        Lie{"LogTooLong", "raft-log 3\n----\n1/6 EntryNormal \"\"\n",
            "raft-log 3\n----\n1/6 EntryNormal \"\"\n1/7 EntryNormal "
            "\"hello\"\n",
            "script.txt:92: raft-log"},
        Lie{"LiveState", "2: StateLeader (Voter)", "2: StateFollower (Voter)",
            "script.txt:81: raft-state"},
        Lie{"NoVoter", "3: StateFollower (Voter)",
            "3: StateFollower (Non-Voter)", "script.txt:81: raft-state"},
        Lie{"Match", "3: StateReplicate match=6", "3: StateReplicate match=7",
            "script.txt:96: status"},
        Lie{"Dropped", "propose 2 hello\n----\nok",
            "propose 2 hello\n----\nraft proposal dropped",
            "script.txt:57: propose"},
        Lie{"LateCommit", "HardState Term:1 Vote:2 Commit:7",
            "HardState Term:1 Vote:2 Commit:6", "script.txt:106: stabilize"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace quorate::raft_script
