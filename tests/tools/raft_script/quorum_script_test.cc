// Property: scripts about quorums are answered byte for byte, and a wrong
// output is a difference. Method: own small scripts, right and wrong.

#include "gtest/gtest.h"

#include "tests/tools/raft_script/outcome.h"

namespace quorate::raft_script {
namespace {

TEST(QuorumScriptTest, DrawsWhoIsHowFar) {
  EXPECT_EQ(Outcome("committed cfg=(2,1,11) idx=(7,_,7)\n----\n"
                    "       idx\n"
                    "?        0    (id=1)\n"
                    "x>       7    (id=2)\n"
                    "x>       7    (id=b)\n"
                    "7\n"),
            "same");
}

TEST(QuorumScriptTest, CountsBothHalves) {
  EXPECT_EQ(Outcome("committed cfg=(1) cfgj=(1,2,3) idx=(9,4,_)\n----\n"
                    "       idx\n"
                    "xx>      9    (id=1)\n"
                    "x>       4    (id=2)\n"
                    "?        0    (id=3)\n"
                    "4\n\n"
                    "committed cfgj=zero\n----\n<empty majority quorum>∞\n\n"
                    "vote cfg=(1) cfgj=(2,3) votes=(y,y,_)\n----\n"
                    "VotePending\n\n"
                    "vote cfg=(1) cfgj=(2,3) votes=(n,_,_)\n----\n"
                    "VoteLost\n\n"
                    "vote cfg=(1) cfgj=zero votes=(y)\n----\nVoteWon\n"),
            "same");
}

TEST(QuorumScriptTest, SaysWhereAnswersDoNotFitTheVoters) {
  EXPECT_EQ(Outcome("vote cfg=(1,2) votes=(y)\n----\n"
                    "error: mismatched input (explicit or _) for voters "
                    "map[1:{} 2:{}]: [2]\n"),
            "same");
}

TEST(QuorumScriptTest, AWrongIndexIsADifference) {
  EXPECT_EQ(Outcome("vote cfg=(1) votes=(y)\n----\nVoteWon\n\n"
                    "committed cfg=(1) idx=(3)\n----\n"
                    "     idx\n>      3    (id=1)\n4\n"),
            "script.txt:5: committed");
}

TEST(QuorumScriptTest, AWrongVerdictIsADifference) {
  EXPECT_EQ(Outcome("vote cfg=(1,2) votes=(y,_)\n----\nVoteWon\n"),
            "script.txt:1: vote");
}

TEST(QuorumScriptTest, RefusesWhatIsNoAnswer) {
  EXPECT_EQ(Outcome("vote cfg=(1) votes=(maybe)\n----\nVoteWon\n"),
            "script.txt:1: not a vote: maybe");
  EXPECT_EQ(Outcome("committed cfg=(one) idx=(1)\n----\n1\n"),
            "script.txt:1: not a number: one");
}

}  // namespace
}  // namespace quorate::raft_script
