// A newcomer takes its place in one change, and only a place that is free or
// that it replaces. The plan is a pure function; each case is spelled out.

#include "server/join/admission.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/join/join_world.h"

namespace quorate::server {
namespace {

using raft::MemberChange;
using raft::MemberId;
using testing::HasSubstr;

Newcomer Machine(const std::string& name, uint64_t id, uint64_t replaces) {
  return {.address = {.id = MemberId(id),
                      .name = name,
                      .peer_endpoint = "10.0.0.9:7411",
                      .client_endpoint = "10.0.0.9:7401"},
          .replaces = MemberId(replaces)};
}

std::string ReasonOf(const replication::NodeStatus& status,
                     const Newcomer& newcomer) {
  const auto planned = PlanAdmission(status, newcomer);
  const auto* refusal = std::get_if<Refusal>(&planned);
  return refusal == nullptr ? "" : std::string(ReasonName(refusal->reason));
}

TEST(AdmissionTest, OneMoreMemberIsALearner) {
  Newcomer newcomer = Machine("m4", 9, 0);
  newcomer.address.promote = true;
  const auto planned = PlanAdmission(JoinWorld::ThreeMembers(), newcomer);
  const auto& change = std::get<raft::ConfigurationChange>(planned);
  ASSERT_EQ(change.changes.size(), 1U);
  EXPECT_EQ(change.changes[0].kind, MemberChange::Kind::kAddLearner);
  EXPECT_EQ(change.changes[0].id, MemberId(9));
  EXPECT_TRUE(change.addresses[0].promote);
}

TEST(AdmissionTest, AReplacementIsOneChangeAndHasThePartOfTheOther) {
  replication::NodeStatus status = JoinWorld::ThreeMembers();
  auto planned = PlanAdmission(status, Machine("m3", 9, 3));
  auto change = std::get<raft::ConfigurationChange>(planned);
  ASSERT_EQ(change.changes.size(), 2U);
  EXPECT_EQ(change.changes[0].kind, MemberChange::Kind::kRemove);
  EXPECT_EQ(change.changes[0].id, MemberId(3));
  EXPECT_EQ(change.changes[1].kind, MemberChange::Kind::kAddLearner);
  EXPECT_TRUE(change.addresses[0].promote);
  // One that had no vote gives none.
  status.configuration.membership.voters.pop_back();
  status.configuration.membership.learners = {MemberId(3)};
  planned = PlanAdmission(status, Machine("m3", 9, 3));
  change = std::get<raft::ConfigurationChange>(planned);
  EXPECT_FALSE(change.addresses[0].promote);
  // One that was on its way to a vote is followed on that way.
  status.configuration.addresses[2].promote = true;
  planned = PlanAdmission(status, Machine("m3", 9, 3));
  change = std::get<raft::ConfigurationChange>(planned);
  EXPECT_TRUE(change.addresses[0].promote);
}

TEST(AdmissionTest, NoPlaceIsFilledTwice) {
  const replication::NodeStatus status = JoinWorld::ThreeMembers();
  EXPECT_EQ(ReasonOf(status, Machine("m3", 9, 0)), "MEMBER_EXISTS");
  EXPECT_EQ(ReasonOf(status, Machine("m4", 3, 0)), "MEMBER_EXISTS");
  Newcomer same_port = Machine("m4", 9, 0);
  same_port.address.peer_endpoint = "10.0.0.2:7411";
  EXPECT_EQ(ReasonOf(status, same_port), "MEMBER_EXISTS");
  same_port = Machine("m4", 9, 0);
  same_port.address.client_endpoint = "10.0.0.2:7401";
  EXPECT_EQ(ReasonOf(status, same_port), "MEMBER_EXISTS");
  // The replaced one's own are free.
  Newcomer in_place = Machine("m2", 9, 2);
  in_place.address.peer_endpoint = "10.0.0.2:7411";
  in_place.address.client_endpoint = "10.0.0.2:7401";
  EXPECT_EQ(ReasonOf(status, in_place), "");
}

TEST(AdmissionTest, WhoCameBackMeanwhileIsNotReplaced) {
  const replication::NodeStatus status = JoinWorld::ThreeMembers();
  const auto planned = PlanAdmission(status, Machine("m3", 9, 33));
  EXPECT_THAT(std::get<Refusal>(planned).message,
              HasSubstr("another machine by now"));
  EXPECT_EQ(ReasonOf(status, Machine("m8", 9, 8)), "MEMBER_NOT_FOUND");
}

TEST(AdmissionTest, NobodyLetsHisOwnSuccessorIn) {
  EXPECT_EQ(ReasonOf(JoinWorld::ThreeMembers(), Machine("m1", 9, 1)),
            "JOIN_NOT_SERVED");
}

TEST(AdmissionTest, MembersAreCounted) {
  replication::NodeStatus status = JoinWorld::ThreeMembers();
  for (uint64_t id = 4; id <= 7; ++id) {
    status.configuration.addresses.push_back(
        {.id = MemberId(id), .name = absl::StrCat("m", id)});
  }
  EXPECT_EQ(ReasonOf(status, Machine("m8", 9, 0)), "LIMIT_REACHED");
  EXPECT_EQ(ReasonOf(status, Machine("m3", 9, 3)), "");
}

}  // namespace
}  // namespace quorate::server
