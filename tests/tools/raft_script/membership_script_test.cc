// Property: scripts about changes of a membership are answered byte for byte,
// and a wrong output is a difference. Method: own small scripts, right and
// wrong.

#include "gtest/gtest.h"

#include "tests/tools/raft_script/outcome.h"

namespace quorate::raft_script {
namespace {

// Voters 1, 2 and 3, then what the test adds.
std::string AfterThreeVoters(absl::string_view more) {
  return Outcome(absl::StrCat(
      "simple\nv1\n----\nvoters=(1)\n1: StateProbe match=0 next=1\n\n"
      "simple\nv2 l3\n----\nvoters=(1 2) learners=(3)\n"
      "1: StateProbe match=0 next=1\n2: StateProbe match=0 next=1\n"
      "3: StateProbe match=0 next=1 learner\n\n"
      "simple\nv3\n----\nvoters=(1 2 3)\n1: StateProbe match=0 next=1\n"
      "2: StateProbe match=0 next=1\n3: StateProbe match=0 next=1\n\n",
      more));
}

TEST(MembershipScriptTest, GoesThroughAJointConfiguration) {
  EXPECT_EQ(
      AfterThreeVoters(
          "enter-joint autoleave=true\nl1 r2 v10 u3 v0\n----\n"
          "voters=(3 a)&&(1 2 3) learners_next=(1) autoleave\n"
          "1: StateProbe match=0 next=1\n2: StateProbe match=0 next=1\n"
          "3: StateProbe match=0 next=1\n10: StateProbe match=0 next=3\n\n"
          "simple\nv9\n----\n"
          "can't apply simple config change in joint config\n\n"
          "enter-joint\n----\nconfig is already joint\n\n"
          "leave-joint\nv1\n----\nthis command takes no input\n\n"
          "leave-joint\n----\nvoters=(3 a) learners=(1)\n"
          "1: StateProbe match=0 next=1 learner\n"
          "3: StateProbe match=0 next=1\n10: StateProbe match=0 next=3\n\n"
          "leave-joint\n----\ncan't leave a non-joint config\n"),
      "same");
}

TEST(MembershipScriptTest, NamesTheOtherRefusals) {
  EXPECT_EQ(AfterThreeVoters("simple\nv4 v5\n----\nmore than one voter changed "
                             "without entering joint config\n\n"
                             "simple\nr1 r2 r3\n----\nremoved all voters\n"),
            "same");
  EXPECT_EQ(Outcome("enter-joint\nv1\n----\n"
                    "can't make a zero-voter config joint\n"),
            "same");
}

// Whoever goes and comes back within one command is tracked anew.
TEST(MembershipScriptTest, TracksAMemberThatComesBackAnew) {
  EXPECT_EQ(AfterThreeVoters("simple\nr2 v2\n----\nvoters=(1 2 3)\n"
                             "1: StateProbe match=0 next=1\n"
                             "2: StateProbe match=0 next=3\n"
                             "3: StateProbe match=0 next=1\n"),
            "same");
}

TEST(MembershipScriptTest, AWrongMembershipIsADifference) {
  EXPECT_EQ(Outcome("simple\nv1\n----\nvoters=(2)\n"
                    "2: StateProbe match=0 next=1\n"),
            "script.txt:1: simple");
}

TEST(MembershipScriptTest, AWrongRefusalIsADifference) {
  EXPECT_EQ(Outcome("leave-joint\n----\nconfig is already joint\n"),
            "script.txt:1: leave-joint");
}

TEST(MembershipScriptTest, RefusesWhatIsNoChange) {
  EXPECT_EQ(Outcome("simple\nx1\n----\nvoters=(1)\n"),
            "script.txt:1: not a change of a member: x1");
}

}  // namespace
}  // namespace quorate::raft_script
