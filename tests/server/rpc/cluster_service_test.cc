// Members are shown and changed by their names, a change that is made already
// is no error, and each way in which one fails has a reason of its own. A
// client talks over TLS on loopback with a member whose node is replaced.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "quorate/admin/v1/cluster.grpc.pb.h"

#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

namespace admin = ::quorate::admin::v1;

raft::MemberAddress Address(uint64_t number) {
  return {.id = raft::MemberId(number),
          .name = absl::StrCat("m", number),
          .peer_endpoint = absl::StrCat("10.0.0.", number, ":7411"),
          .client_endpoint = absl::StrCat("10.0.0.", number, ":7401")};
}

// m1 (this one, it leads), m2 and m3 vote; m4 is a learner that is behind.
replication::NodeStatus FourMembers() {
  replication::NodeStatus status;
  status.raft.id = raft::MemberId(1);
  status.raft.leader = raft::MemberId(1);
  status.raft.role = raft::Role::kLeader;
  status.raft.term = raft::Term(7);
  status.raft.last_index = raft::Index(100);
  status.raft.durable_index = raft::Index(100);
  status.raft.peers = {{.id = raft::MemberId(2), .match = raft::Index(99)},
                       {.id = raft::MemberId(4),
                        .match = raft::Index(10),
                        .needs_snapshot = true}};
  status.configuration.membership.voters = {
      raft::MemberId(1), raft::MemberId(2), raft::MemberId(3)};
  status.configuration.membership.learners = {raft::MemberId(4)};
  for (uint64_t number = 1; number <= 4; ++number) {
    status.configuration.addresses.push_back(Address(number));
  }
  status.contacts = {{.id = raft::MemberId(2), .age = absl::Milliseconds(40)},
                     {.id = raft::MemberId(3), .age = absl::InfiniteDuration()},
                     {.id = raft::MemberId(4), .age = absl::Seconds(5)}};
  return status;
}

class ClusterServiceTest : public testing::Test {
 protected:
  ClusterServiceTest()
      : stub_(admin::ClusterService::NewStub(
            world_.Connect(ClientNames("admin")))) {
    world_.node().SetStatus(FourMembers());
  }

  template <typename Request>
  Request New() {
    Request request;
    request.set_request_id(absl::StrCat("r", ++requests_));
    return request;
  }

  admin::AddMemberRequest AddRequest(uint64_t number) {
    auto request = New<admin::AddMemberRequest>();
    const raft::MemberAddress address = Address(number);
    request.set_name(address.name);
    request.set_member_id(absl::StrCat(number));
    request.set_peer_endpoint(address.peer_endpoint);
    request.set_client_endpoint(address.client_endpoint);
    return request;
  }

  grpc::Status Add(const admin::AddMemberRequest& request) {
    added_.Clear();
    return stub_->AddMember(NewCall().get(), request, &added_);
  }

  grpc::Status Promote(const std::string& name) {
    auto request = New<admin::PromoteMemberRequest>();
    request.set_name(name);
    admin::PromoteMemberResponse response;
    return stub_->PromoteMember(NewCall().get(), request, &response);
  }

  grpc::Status Remove(const std::string& name, const std::string& id = "") {
    auto request = New<admin::RemoveMemberRequest>();
    request.set_name(name);
    request.set_member_id(id);
    admin::RemoveMemberResponse response;
    return stub_->RemoveMember(NewCall().get(), request, &response);
  }

  grpc::Status Transfer(const std::string& to) {
    auto request = New<admin::TransferLeadershipRequest>();
    request.set_to(to);
    transferred_.Clear();
    return stub_->TransferLeadership(NewCall().get(), request, &transferred_);
  }

  ServiceWorld world_;
  std::unique_ptr<admin::ClusterService::Stub> stub_;
  admin::AddMemberResponse added_;
  admin::TransferLeadershipResponse transferred_;
  int requests_ = 0;
};

TEST_F(ClusterServiceTest, AcceptsALeapUpToTheMomentThatIsNamed) {
  auto request = New<admin::AcceptCalendarRequest>();
  admin::AcceptCalendarResponse response;
  EXPECT_EQ(
      ReasonOf(stub_->AcceptCalendar(NewCall().get(), request, &response)),
      "BAD_REQUEST");
  request.mutable_up_to()->set_seconds(2'000'000'000);
  const grpc::Status accepted =
      stub_->AcceptCalendar(NewCall().get(), request, &response);
  ASSERT_TRUE(accepted.ok()) << accepted.error_message();
  EXPECT_EQ(world_.node().accepted_leaps(),
            std::vector<int64_t>{2'000'000'000'000});
  EXPECT_TRUE(response.has_time());
  world_.node().SetChangeEnd(
      absl::FailedPreconditionError("the clocks show 2040 already"));
  const grpc::Status refused =
      stub_->AcceptCalendar(NewCall().get(), request, &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(refused), "CLOCKS_BEYOND");
  EXPECT_EQ(refused.error_message(), "the clocks show 2040 already");
}

TEST_F(ClusterServiceTest, ShowsMembersAsTheLeaderSeesThem) {
  admin::ListMembersResponse response;
  ASSERT_TRUE(stub_->ListMembers(NewCall().get(), {}, &response).ok());
  ASSERT_EQ(response.members_size(), 4);
  EXPECT_EQ(response.header().member(), "m1");
  const admin::Member& self = response.members(0);
  EXPECT_EQ(self.name(), "m1");
  EXPECT_EQ(self.member_id(), "1");
  EXPECT_EQ(self.part(), admin::MEMBER_PART_VOTER);
  EXPECT_TRUE(self.leader());
  EXPECT_TRUE(self.reachable());
  EXPECT_FALSE(self.has_contact_age());
  EXPECT_EQ(self.entries_behind(), 0U);
  const admin::Member& near = response.members(1);
  EXPECT_FALSE(near.leader());
  EXPECT_TRUE(near.reachable());
  EXPECT_EQ(near.contact_age().nanos(), 40'000'000);
  EXPECT_EQ(near.match_index(), 99U);
  EXPECT_EQ(near.entries_behind(), 1U);
  EXPECT_FALSE(response.members(2).reachable());
  EXPECT_FALSE(response.members(2).has_contact_age());
  const admin::Member& learner = response.members(3);
  EXPECT_EQ(learner.part(), admin::MEMBER_PART_LEARNER);
  EXPECT_FALSE(learner.reachable());
  EXPECT_EQ(learner.entries_behind(), 90U);
  EXPECT_TRUE(learner.receives_snapshot());
  EXPECT_EQ(learner.peer_endpoint(), "10.0.0.4:7411");
  EXPECT_EQ(learner.client_endpoint(), "10.0.0.4:7401");
}

TEST_F(ClusterServiceTest, ShowsPartsOfAChangeUnderWay) {
  replication::NodeStatus status = FourMembers();
  status.configuration.membership.voters = {raft::MemberId(1),
                                            raft::MemberId(2)};
  status.configuration.membership.voters_outgoing = {
      raft::MemberId(1), raft::MemberId(2), raft::MemberId(3)};
  status.configuration.addresses[3].promote = true;
  status.raft.role = raft::Role::kFollower;
  world_.node().SetStatus(status);
  admin::ListMembersResponse response;
  ASSERT_TRUE(stub_->ListMembers(NewCall().get(), {}, &response).ok());
  ASSERT_EQ(response.members_size(), 4);
  EXPECT_EQ(response.members(1).part(), admin::MEMBER_PART_VOTER);
  EXPECT_EQ(response.members(2).part(), admin::MEMBER_PART_LEAVING);
  EXPECT_EQ(response.members(3).part(), admin::MEMBER_PART_CATCHING_UP);
  // Only a leader knows how far others are.
  EXPECT_EQ(response.members(3).entries_behind(), 0U);
}

TEST_F(ClusterServiceTest, ShowsMembersInPagesAndByName) {
  admin::ListMembersRequest request;
  request.set_page_size(3);
  admin::ListMembersResponse response;
  ASSERT_TRUE(stub_->ListMembers(NewCall().get(), request, &response).ok());
  EXPECT_EQ(response.members_size(), 3);
  request.set_page_token(response.next_page_token());
  response.Clear();
  ASSERT_TRUE(stub_->ListMembers(NewCall().get(), request, &response).ok());
  ASSERT_EQ(response.members_size(), 1);
  EXPECT_EQ(response.members(0).name(), "m4");
  EXPECT_THAT(response.next_page_token(), IsEmpty());
  request.Clear();
  request.set_filter(R"(name="m2")");
  response.Clear();
  ASSERT_TRUE(stub_->ListMembers(NewCall().get(), request, &response).ok());
  ASSERT_EQ(response.members_size(), 1);
  EXPECT_EQ(response.members(0).member_id(), "2");
}

TEST_F(ClusterServiceTest, ALocalListNeedsNoQuorum) {
  admin::ListMembersRequest request;
  request.mutable_consistency()->set_kind(type::v1::Consistency::KIND_LOCAL);
  admin::ListMembersResponse response;
  ASSERT_TRUE(stub_->ListMembers(NewCall().get(), request, &response).ok());
  EXPECT_EQ(world_.node().reads().back().kind,
            replication::ReadConsistency::Kind::kLocal);
}

TEST_F(ClusterServiceTest, AddsALearner) {
  world_.node().SetChangeEnd(absl::OkStatus(), [this] {
    replication::NodeStatus status = FourMembers();
    status.configuration.membership.learners.push_back(raft::MemberId(5));
    status.configuration.addresses.push_back(Address(5));
    world_.node().SetStatus(status);
  });
  auto request = AddRequest(5);
  request.set_promote(true);
  ASSERT_TRUE(Add(request).ok());
  EXPECT_EQ(added_.member().name(), "m5");
  EXPECT_EQ(added_.member().part(), admin::MEMBER_PART_LEARNER);
  EXPECT_EQ(added_.header().term(), 7U);
  ASSERT_THAT(world_.node().changes(), SizeIs(1));
  const raft::ConfigurationChange change = world_.node().changes()[0];
  ASSERT_THAT(change.changes, SizeIs(1));
  EXPECT_EQ(change.changes[0].kind, raft::MemberChange::Kind::kAddLearner);
  EXPECT_EQ(change.changes[0].id, raft::MemberId(5));
  raft::MemberAddress expected = Address(5);
  expected.promote = true;
  EXPECT_THAT(change.addresses, ElementsAre(expected));
  // The whole time is not more than the caller's.
  EXPECT_LE(world_.node().timeouts().back(), absl::Seconds(10));
}

TEST_F(ClusterServiceTest, AddingOnceMoreIsNoError) {
  ASSERT_TRUE(Add(AddRequest(4)).ok());
  EXPECT_EQ(added_.member().name(), "m4");
  EXPECT_THAT(world_.node().changes(), IsEmpty());
}

TEST_F(ClusterServiceTest, RefusesASecondMemberOfOneNameIdOrAddress) {
  for (const char* field : {"name", "id", "peer", "client"}) {
    auto request = AddRequest(5);
    if (field == std::string("name")) request.set_name("m2");
    if (field == std::string("id")) request.set_member_id("2");
    if (field == std::string("peer")) {
      request.set_peer_endpoint(Address(2).peer_endpoint);
    }
    if (field == std::string("client")) {
      request.set_client_endpoint(Address(2).client_endpoint);
    }
    const grpc::Status status = Add(request);
    EXPECT_EQ(ReasonOf(status), "MEMBER_EXISTS") << field;
    EXPECT_THAT(status.error_message(), HasSubstr("m2 has the same"));
  }
  EXPECT_THAT(world_.node().changes(), IsEmpty());
}

TEST_F(ClusterServiceTest, RefusesMoreMembersThanHelp) {
  replication::NodeStatus status = FourMembers();
  for (uint64_t number = 5; number <= 7; ++number) {
    status.configuration.addresses.push_back(Address(number));
  }
  world_.node().SetStatus(status);
  const grpc::Status refused = Add(AddRequest(8));
  EXPECT_EQ(ReasonOf(refused), "LIMIT_REACHED");
  EXPECT_EQ(refused.error_message(), "the limit of 7 members is reached");
}

TEST_F(ClusterServiceTest, RefusesMalformedMembers) {
  auto request = AddRequest(5);
  request.set_name("m 5");
  request.set_member_id("05");
  request.set_peer_endpoint("10.0.0.5");
  request.set_client_endpoint("10.0.0.5:0");
  request.clear_request_id();
  const auto fields =
      DetailOf<google::rpc::BadRequest>(Add(request)).field_violations();
  std::vector<std::string> names;
  for (const auto& field : fields) {
    names.push_back(field.field());
  }
  EXPECT_THAT(names, ElementsAre("request_id", "name", "peer_endpoint",
                                 "client_endpoint", "member_id"));
}

TEST_F(ClusterServiceTest, PromotesALearner) {
  ASSERT_TRUE(Promote("m4").ok());
  ASSERT_THAT(world_.node().changes(), SizeIs(1));
  EXPECT_EQ(world_.node().changes()[0].changes[0].kind,
            raft::MemberChange::Kind::kAddVoter);
  // m2 votes already.
  EXPECT_TRUE(Promote("m2").ok());
  EXPECT_THAT(world_.node().changes(), SizeIs(1));
  EXPECT_EQ(ReasonOf(Promote("m9")), "MEMBER_NOT_FOUND");
  world_.node().SetChangeEnd(
      absl::FailedPreconditionError("m4 lacks 90 entries"));
  const grpc::Status behind = Promote("m4");
  EXPECT_EQ(ReasonOf(behind), "MEMBER_BEHIND");
  EXPECT_EQ(behind.error_message(), "m4 lacks 90 entries");
}

TEST_F(ClusterServiceTest, RemovesByNameAndById) {
  ASSERT_TRUE(Remove("m3").ok());
  ASSERT_TRUE(Remove("m2", "2").ok());
  ASSERT_THAT(world_.node().changes(), SizeIs(2));
  EXPECT_EQ(world_.node().changes()[0].changes[0].kind,
            raft::MemberChange::Kind::kRemove);
  EXPECT_EQ(world_.node().changes()[0].changes[0].id, raft::MemberId(3));
  // Gone, or another one's name now: nothing is left to do.
  EXPECT_TRUE(Remove("m9", "9").ok());
  EXPECT_TRUE(Remove("m3", "33").ok());
  EXPECT_THAT(world_.node().changes(), SizeIs(2));
  EXPECT_EQ(ReasonOf(Remove("m9")), "MEMBER_NOT_FOUND");
  world_.node().SetChangeEnd(absl::FailedPreconditionError("m2 is silent"));
  const grpc::Status lost = Remove("m3");
  EXPECT_EQ(ReasonOf(lost), "QUORUM_WOULD_BE_LOST");
  EXPECT_EQ(lost.error_message(), "m2 is silent");
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(lost).metadata().at("member"),
            "m3");
}

TEST_F(ClusterServiceTest, TransfersToOneOrToTheBest) {
  ASSERT_TRUE(Transfer("m2").ok());
  ASSERT_TRUE(Transfer("").ok());
  EXPECT_EQ(transferred_.leader(), "m1");  // By the status of the fake.
  EXPECT_THAT(world_.node().transfers(),
              ElementsAre(raft::MemberId(2), raft::kNobody));
  // It leads already.
  EXPECT_TRUE(Transfer("m1").ok());
  EXPECT_THAT(world_.node().transfers(), SizeIs(2));
  EXPECT_EQ(ReasonOf(Transfer("m9")), "MEMBER_NOT_FOUND");
  const grpc::Status learner = Transfer("m4");
  EXPECT_EQ(ReasonOf(learner), "BAD_REQUEST");
  EXPECT_THAT(learner.error_message(), HasSubstr("no vote"));
  world_.node().SetChangeEnd(absl::FailedPreconditionError("m2 is silent"));
  EXPECT_EQ(ReasonOf(Transfer("m2")), "MEMBER_BEHIND");
  world_.node().SetChangeEnd(absl::AbortedError("to another"));
  EXPECT_EQ(ReasonOf(Transfer("m2")), "CHANGE_UNDER_WAY");
}

TEST_F(ClusterServiceTest, TellsHowAChangeFailed) {
  const std::pair<absl::Status, const char*> kEnds[] = {
      {absl::InvalidArgumentError("no voter would be left"), "BAD_REQUEST"},
      {absl::AbortedError("another"), "CHANGE_UNDER_WAY"},
      {absl::UnavailableError("no leader"), "NO_QUORUM"},
      {absl::DeadlineExceededError("late"), "OUTCOME_UNKNOWN"},
      {absl::CancelledError("stops"), "STOPPING"},
      {absl::InternalError("?"), "OUTCOME_UNKNOWN"}};
  for (const auto& [end, reason] : kEnds) {
    world_.node().SetChangeEnd(end);
    EXPECT_EQ(ReasonOf(Remove("m3")), reason) << end;
  }
}

TEST_F(ClusterServiceTest, NothingIsPlannedOnOldKnowledge) {
  world_.node().FailReads(replication::ReadOutcome::kNoQuorum);
  EXPECT_EQ(ReasonOf(Remove("m3")), "NO_QUORUM");
  EXPECT_EQ(ReasonOf(Transfer("m2")), "NO_QUORUM");
  EXPECT_THAT(world_.node().changes(), IsEmpty());
  EXPECT_THAT(world_.node().transfers(), IsEmpty());
}

TEST_F(ClusterServiceTest, OnlyClientsOfThisClusterAreServed) {
  const auto stub = admin::ClusterService::NewStub(world_.Connect(""));
  admin::ListMembersResponse response;
  EXPECT_EQ(ReasonOf(stub->ListMembers(NewCall().get(), {}, &response)),
            "UNAUTHENTICATED");
}

}  // namespace
}  // namespace quorate::server
