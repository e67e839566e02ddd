// Lists show what the ledger holds, page by page, as fresh as asked; the status
// answers always. A client talks over TLS on loopback with a member whose node
// is replaced.

#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/licensing/commands.h"
#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

using grpc::StatusCode;
using testing::ElementsAre;

namespace monitoring = ::quorate::monitoring::v1;

constexpr int64_t kNowMs = 1'767'225'600'000;

class MonitoringServiceTest : public testing::Test {
 protected:
  MonitoringServiceTest()
      : stub_(monitoring::MonitoringService::NewStub(
            world_.Connect(ClientNames("monitor")))) {
    world_.Do(licensing::InstallCommand(
        "L1", 1, {{"cad", 20}, {"solver", 8}, {"viewer", 1000}}));
  }

  // Session i of user u<i mod 3> on host h<i>.
  void OpenSessions(int count) {
    for (int i = 1; i <= count; ++i) {
      internal::v1::Command command = licensing::OpenCommand(30'000);
      auto* description = command.mutable_open_session()->mutable_description();
      description->set_user(absl::StrCat("u", i % 3));
      description->set_host(absl::StrCat("h", i));
      description->set_application("fem");
      world_.Do(command);
    }
  }

  template <typename Request>
  static Request PageOf(int size, const std::string& filter) {
    Request request;
    request.set_page_size(size);
    request.set_filter(filter);
    return request;
  }

  // The names of all sessions that pass, and how many pages it took.
  std::set<std::string> AllSessions(int size, const std::string& filter,
                                    int* pages) {
    std::set<std::string> names;
    auto request = PageOf<monitoring::ListSessionsRequest>(size, filter);
    *pages = 0;
    do {
      monitoring::ListSessionsResponse response;
      const grpc::Status status =
          stub_->ListSessions(NewCall().get(), request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      ++*pages;
      EXPECT_LE(response.sessions_size(), size);
      for (const auto& session : response.sessions()) {
        EXPECT_TRUE(names.insert(session.name()).second) << session.name();
      }
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return names;
  }

  ServiceWorld world_;
  std::unique_ptr<monitoring::MonitoringService::Stub> stub_;
};

TEST_F(MonitoringServiceTest, ShowsWhatIsUsedAndLeftOfCredits) {
  OpenSessions(1);
  auto license = licensing::InstallCommand("C", 1, {{"run", 10}});
  license.mutable_install_license()
      ->mutable_terms()
      ->mutable_features(0)
      ->set_credits(true);
  world_.Do(license);
  world_.Do(licensing::CheckoutCommand(1, {{"run", 4}}));
  monitoring::ListPoolsResponse response;
  const auto request =
      PageOf<monitoring::ListPoolsRequest>(0, R"(feature="run")");
  ASSERT_TRUE(stub_->ListPools(NewCall().get(), request, &response).ok());
  ASSERT_EQ(response.pools_size(), 1);
  const monitoring::Pool& pool = response.pools(0);
  EXPECT_EQ(pool.name(), "run{credits}");
  EXPECT_EQ(pool.model(), monitoring::POOL_MODEL_CREDITS);
  EXPECT_EQ(pool.total(), 10U);
  EXPECT_EQ(pool.used(), 4U);
  EXPECT_EQ(pool.free(), 6U);
  EXPECT_EQ(pool.out(), 4U);
}

TEST_F(MonitoringServiceTest, ShowsPools) {
  OpenSessions(1);
  world_.Do(licensing::CheckoutCommand(1, {{"cad", 3}}));
  monitoring::ListPoolsResponse response;
  ASSERT_TRUE(stub_
                  ->ListPools(NewCall().get(), monitoring::ListPoolsRequest(),
                              &response)
                  .ok());
  ASSERT_EQ(response.pools_size(), 3);
  EXPECT_EQ(response.pools(0).feature(), "cad");
  EXPECT_EQ(response.pools(0).total(), 20U);
  EXPECT_EQ(response.pools(0).out(), 3U);
  EXPECT_EQ(response.pools(0).free(), 17U);
  EXPECT_EQ(response.pools(0).model(), monitoring::POOL_MODEL_FLOATING);
  EXPECT_FALSE(response.pools(0).has_end_time());
  EXPECT_EQ(response.pools(2).feature(), "viewer");
  EXPECT_TRUE(response.next_page_token().empty());
  EXPECT_EQ(response.header().applied_index(), 3U);
  EXPECT_EQ(response.header().member(), "m1");

  auto request = PageOf<monitoring::ListPoolsRequest>(2, "");
  response.Clear();
  ASSERT_TRUE(stub_->ListPools(NewCall().get(), request, &response).ok());
  EXPECT_EQ(response.pools_size(), 2);
  request.set_page_token(response.next_page_token());
  response.Clear();
  ASSERT_TRUE(stub_->ListPools(NewCall().get(), request, &response).ok());
  ASSERT_EQ(response.pools_size(), 1);
  EXPECT_EQ(response.pools(0).feature(), "viewer");
  EXPECT_TRUE(response.next_page_token().empty());

  request = PageOf<monitoring::ListPoolsRequest>(0, R"(feature="solver")");
  response.Clear();
  ASSERT_TRUE(stub_->ListPools(NewCall().get(), request, &response).ok());
  ASSERT_EQ(response.pools_size(), 1);
  EXPECT_EQ(response.pools(0).total(), 8U);
}

TEST_F(MonitoringServiceTest, ShowsSessionsInPages) {
  OpenSessions(25);
  world_.Do(licensing::CheckoutCommand(2, {{"cad", 1}, {"solver", 2}}));
  world_.node().SetTime(5'000, kNowMs + 9'000);
  world_.Do(licensing::CheckoutCommand(3, {{"cad", 1}}));
  monitoring::ListSessionsResponse response;
  ASSERT_TRUE(stub_
                  ->ListSessions(NewCall().get(),
                                 monitoring::ListSessionsRequest(), &response)
                  .ok());
  ASSERT_EQ(response.sessions_size(), 25);
  const monitoring::Session& second = response.sessions(1);
  EXPECT_EQ(second.name(), "sessions/2");
  EXPECT_EQ(second.client().user(), "u2");
  EXPECT_EQ(second.client().host(), "h2");
  EXPECT_EQ(second.client().application(), "fem");
  EXPECT_EQ(second.principal(), licensing::kAlice);
  EXPECT_EQ(second.open_time().seconds(), kNowMs / 1000);
  EXPECT_EQ(second.ttl().seconds(), 30);
  // Opened at 1 s, held for 30 s and a quarter more; now is 5 s.
  EXPECT_EQ(second.lease_left().seconds(), 33);
  EXPECT_EQ(second.lease_left().nanos(), 500'000'000);
  EXPECT_EQ(second.seat_count(), 2U);

  int pages = 0;
  EXPECT_EQ(AllSessions(10, "", &pages).size(), 25U);
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(AllSessions(25, "", &pages).size(), 25U);
  EXPECT_EQ(pages, 1);
  EXPECT_EQ(AllSessions(4, R"(user="u1")", &pages).size(), 9U);
  EXPECT_THAT(AllSessions(4, R"(host="h20")", &pages),
              ElementsAre("sessions/20"));
  EXPECT_TRUE(AllSessions(4, R"(host="nowhere")", &pages).empty());
}

TEST_F(MonitoringServiceTest, ShowsWhoHoldsWhat) {
  OpenSessions(2);
  world_.Do(licensing::CheckoutCommand(1, {{"cad", 2}, {"solver", 1}}));
  world_.Do(licensing::CheckoutCommand(2, {{"cad", 3}}));
  const auto handles = [this](const std::string& filter) {
    monitoring::ListSeatsResponse response;
    const grpc::Status status = stub_->ListSeats(
        NewCall().get(), PageOf<monitoring::ListSeatsRequest>(0, filter),
        &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<uint64_t> found;
    for (const auto& held : response.seats()) {
      found.push_back(held.seat().handle());
    }
    return found;
  };
  EXPECT_THAT(handles(""), ElementsAre(1, 2, 3));
  EXPECT_THAT(handles(R"(feature="cad")"), ElementsAre(1, 3));
  EXPECT_THAT(handles(R"(session="sessions/1")"), ElementsAre(1, 2));
  EXPECT_THAT(handles(R"(session="sessions/77")"), ElementsAre());

  auto request = PageOf<monitoring::ListSeatsRequest>(1, R"(feature="cad")");
  monitoring::ListSeatsResponse response;
  ASSERT_TRUE(stub_->ListSeats(NewCall().get(), request, &response).ok());
  request.set_page_token(response.next_page_token());
  response.Clear();
  ASSERT_TRUE(stub_->ListSeats(NewCall().get(), request, &response).ok());
  ASSERT_EQ(response.seats_size(), 1);
  EXPECT_EQ(response.seats(0).seat().handle(), 3U);
  EXPECT_EQ(response.seats(0).seat().count(), 3U);
  EXPECT_EQ(response.seats(0).session(), "sessions/2");
  EXPECT_EQ(response.seats(0).client().host(), "h2");
  EXPECT_TRUE(response.next_page_token().empty());
}

TEST_F(MonitoringServiceTest, NamesTheFieldsThatAreWrong) {
  monitoring::ListSeatsRequest request;
  request.set_page_size(-1);
  request.set_page_token("nonsense");
  request.set_filter("user=\"ann\"");
  request.set_order_by("count");
  request.mutable_consistency()->set_index(3);
  monitoring::ListSeatsResponse response;
  const grpc::Status status =
      stub_->ListSeats(NewCall().get(), request, &response);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  std::set<std::string> fields;
  const auto faults = DetailOf<google::rpc::BadRequest>(status);
  for (const auto& fault : faults.field_violations()) {
    fields.insert(fault.field());
  }
  EXPECT_THAT(fields, ElementsAre("consistency.index", "filter", "order_by",
                                  "page_size", "page_token"));
  request.Clear();
  request.set_filter("session=\"7\"");
  EXPECT_EQ(ReasonOf(stub_->ListSeats(NewCall().get(), request, &response)),
            "BAD_REQUEST");
}

TEST_F(MonitoringServiceTest, ReadsAsFreshAsAsked) {
  using Kind = replication::ReadConsistency::Kind;
  using type::v1::Consistency;
  const auto kind_of = [this](Consistency::Kind kind, uint64_t index) {
    monitoring::ListPoolsRequest request;
    request.mutable_consistency()->set_kind(kind);
    request.mutable_consistency()->set_index(index);
    monitoring::ListPoolsResponse response;
    EXPECT_TRUE(stub_->ListPools(NewCall().get(), request, &response).ok());
    return world_.node().reads().back();
  };
  EXPECT_EQ(kind_of(Consistency::KIND_UNSPECIFIED, 0).kind,
            Kind::kLinearizable);
  EXPECT_EQ(kind_of(Consistency::KIND_LINEARIZABLE, 0).kind,
            Kind::kLinearizable);
  EXPECT_EQ(kind_of(Consistency::KIND_LOCAL, 0).kind, Kind::kLocal);
  const auto at_least = kind_of(Consistency::KIND_AT_LEAST, 5);
  EXPECT_EQ(at_least.kind, Kind::kAtLeast);
  EXPECT_EQ(at_least.at_least, raft::Index(5));
}

TEST_F(MonitoringServiceTest, TellsHowAReadEnded) {
  using replication::ReadOutcome;

  const struct {
    ReadOutcome outcome;
    const char* reason;
  } kCases[] = {{ReadOutcome::kNoQuorum, "NO_QUORUM"},
                {ReadOutcome::kOverloaded, "OVERLOADED"},
                {ReadOutcome::kTimedOut, "OVERLOADED"},
                {ReadOutcome::kStopping, "STOPPING"}};

  for (const auto& each : kCases) {
    world_.node().FailReads(each.outcome);
    monitoring::ListPoolsResponse response;
    const grpc::Status status = stub_->ListPools(
        NewCall().get(), monitoring::ListPoolsRequest(), &response);
    EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
    EXPECT_EQ(ReasonOf(status), each.reason);
  }
}

TEST_F(MonitoringServiceTest, ShowsTheClusterWithoutAQuorum) {
  replication::NodeStatus status;
  status.raft.id = raft::MemberId(2);
  status.raft.role = raft::Role::kLeader;
  status.raft.leader = raft::MemberId(2);
  status.raft.term = raft::Term(9);
  status.raft.last_index = raft::Index(30);
  status.raft.durable_index = raft::Index(29);
  status.raft.commit = raft::Index(20);
  status.raft.peers = {{.id = raft::MemberId(1), .match = raft::Index(28)}};
  status.applied = raft::Index(21);
  status.serving = true;
  // By id; the answer is by name.
  status.configuration.addresses = {{raft::MemberId(1), "m3", "h3:1", "h3:2"},
                                    {raft::MemberId(2), "m1", "h1:1", "h1:2"},
                                    {raft::MemberId(3), "m2", "h2:1", "h2:2"}};
  status.contacts = {{raft::MemberId(1), absl::Milliseconds(1500)},
                     {raft::MemberId(3), absl::InfiniteDuration()}};
  world_.node().SetStatus(status);
  world_.node().FailReads(replication::ReadOutcome::kNoQuorum);
  monitoring::GetClusterStatusResponse response;
  ASSERT_TRUE(stub_
                  ->GetClusterStatus(NewCall().get(),
                                     monitoring::GetClusterStatusRequest(),
                                     &response)
                  .ok());
  EXPECT_EQ(response.header().term(), 9U);
  EXPECT_EQ(response.header().applied_index(), 21U);
  EXPECT_EQ(response.leader(), "m1");
  EXPECT_TRUE(response.serving());
  EXPECT_EQ(response.last_index(), 30U);
  // What is applied is committed, although the two are read one by one.
  EXPECT_EQ(response.commit_index(), 21U);
  EXPECT_EQ(response.applied_index(), 21U);
  ASSERT_EQ(response.members_size(), 3);
  const monitoring::Member& self = response.members(0);
  EXPECT_EQ(self.name(), "m1");
  EXPECT_EQ(self.member_id(), "2");
  EXPECT_EQ(self.role(), monitoring::MEMBER_ROLE_LEADER);
  EXPECT_EQ(self.client_endpoint(), "h1:2");
  EXPECT_EQ(self.peer_endpoint(), "h1:1");
  EXPECT_TRUE(self.reachable());
  EXPECT_FALSE(self.has_contact_age());
  EXPECT_EQ(self.match_index(), 29U);
  const monitoring::Member& silent = response.members(1);
  EXPECT_EQ(silent.name(), "m2");
  EXPECT_EQ(silent.role(), monitoring::MEMBER_ROLE_UNSPECIFIED);
  EXPECT_FALSE(silent.reachable());
  EXPECT_FALSE(silent.has_contact_age());
  const monitoring::Member& follower = response.members(2);
  EXPECT_EQ(follower.role(), monitoring::MEMBER_ROLE_FOLLOWER);
  EXPECT_TRUE(follower.reachable());
  EXPECT_EQ(follower.contact_age().seconds(), 1);
  EXPECT_EQ(follower.match_index(), 28U);
  EXPECT_FALSE(response.has_calendar());
  EXPECT_EQ(response.alarms_size(), 0);
}

TEST_F(MonitoringServiceTest, ShowsTheClocksAndWhatIsWrongWithThem) {
  replication::NodeStatus status;
  status.raft.id = raft::MemberId(2);
  status.configuration.addresses = {{raft::MemberId(1), "m3", "h3:1", "h3:2"},
                                    {raft::MemberId(2), "m1", "h1:1", "h1:2"}};
  status.calendar = replication::CalendarState{
      .calendar_ms = 1'000'500,
      .quorum_ms = 999'000'000,
      .held = true,
      .skews = {{raft::MemberId(1), -absl::Milliseconds(2500)},
                {raft::MemberId(2), absl::Milliseconds(2)}}};
  world_.node().SetStatus(status);
  monitoring::GetClusterStatusResponse response;
  ASSERT_TRUE(stub_
                  ->GetClusterStatus(NewCall().get(),
                                     monitoring::GetClusterStatusRequest(),
                                     &response)
                  .ok());
  EXPECT_EQ(response.calendar().time().seconds(), 1'000);
  EXPECT_EQ(response.calendar().time().nanos(), 500'000'000);
  EXPECT_EQ(response.calendar().majority_time().seconds(), 999'000);
  EXPECT_EQ(response.members(0).clock_ahead().nanos(), 2'000'000);
  EXPECT_EQ(response.members(1).clock_ahead().seconds(), -2);
  EXPECT_EQ(response.members(1).clock_ahead().nanos(), -500'000'000);
  ASSERT_EQ(response.alarms_size(), 2);
  EXPECT_EQ(response.alarms(0).kind(), monitoring::ALARM_KIND_CALENDAR_HELD);
  EXPECT_EQ(response.alarms(0).member(), "");
  EXPECT_EQ(response.alarms(0).ahead().seconds(), 997'999);
  EXPECT_EQ(response.alarms(1).kind(), monitoring::ALARM_KIND_CLOCK_SKEW);
  EXPECT_EQ(response.alarms(1).member(), "m3");
  EXPECT_EQ(response.alarms(1).ahead().seconds(), -2);
}

}  // namespace
}  // namespace quorate::server
