// QueryUsage and ListDenials tell what commands did: seats that came back, who
// waited, who was refused and by which rule, and peaks, by each group, page by
// page. A client talks over TLS on loopback with a member whose node is
// replaced, hours pass by its clock.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/licensing/commands.h"
#include "tests/server/policy/policies.h"
#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

namespace monitoring = ::quorate::monitoring::v1;

constexpr int64_t kHourMs = 3'600'000;
// The beginning of a day.
constexpr int64_t kStartMs = 1'767'225'600'000;

class MonitoringHistoryTest : public testing::Test {
 protected:
  MonitoringHistoryTest()
      : stub_(monitoring::MonitoringService::NewStub(
            world_.Connect(ClientNames("monitor")))) {
    PassHours(0);
    world_.Propose(
        licensing::InstallCommand("L1", 1, {{"cad", 3}, {"solver", 8}}));
  }

  // Cluster time hardly moves, so that no lease ends.
  void PassHours(int64_t hours) {
    hours_ += hours;
    world_.node().SetTime(++now_ms_, kStartMs + hours_ * kHourMs);
  }

  uint64_t Open(const std::string& user, const std::string& project) {
    internal::v1::Command command =
        licensing::OpenCommand(licensing::kMaxTtlMs);
    auto* description = command.mutable_open_session()->mutable_description();
    description->set_user(user);
    description->set_host("ws-" + user);
    description->set_project(project);
    description->set_application("sketch");
    return world_.Propose(command).session_id;
  }

  // "name seats held_hours waits denials out_hours peak", page by page.
  std::vector<std::string> Usage(monitoring::QueryUsageRequest request) {
    std::vector<std::string> found;
    do {
      monitoring::QueryUsageResponse response;
      const grpc::Status status =
          stub_->QueryUsage(NewCall().get(), request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      for (const auto& row : response.rows()) {
        found.push_back(absl::StrCat(
            row.feature(), " ", row.name(),
            row.has_start_time()
                ? absl::StrCat(
                      "+",
                      (row.start_time().seconds() - kStartMs / 1000) / 3600)
                : "",
            " ", row.seats(), " ", row.held().seconds() / 3600.0, " ",
            row.waits(), " ", row.denials(), " ", row.out().seconds() / 3600.0,
            " ", row.peak()));
      }
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return found;
  }

  std::string ReasonFor(const monitoring::QueryUsageRequest& request) {
    monitoring::QueryUsageResponse response;
    return ReasonOf(stub_->QueryUsage(NewCall().get(), request, &response));
  }

  ServiceWorld world_;
  std::unique_ptr<monitoring::MonitoringService::Stub> stub_;
  int64_t now_ms_ = 1'000;
  int64_t hours_ = 0;
};

TEST_F(MonitoringHistoryTest, NothingHappenedYet) {
  EXPECT_THAT(Usage({}), IsEmpty());
}

TEST_F(MonitoringHistoryTest, TellsWhatCommandsDid) {
  const uint64_t ann = Open("ann", "wing");
  const uint64_t bob = Open("bob", "wing");
  // Two of ann's for three hours; then bob's, which grows after an hour.
  world_.Propose(licensing::CheckoutCommand(ann, {{"cad", 2}}));
  PassHours(1);
  const uint64_t seat =
      world_.Propose(licensing::CheckoutCommand(bob, {{"solver", 1}}))
          .seat_handles.at(0);
  EXPECT_FALSE(
      world_.Propose(licensing::CheckoutCommand(bob, {{"cad", 2}})).ok());
  EXPECT_FALSE(
      world_.Propose(licensing::CheckoutCommand(bob, {{"cad", 2}})).ok());
  EXPECT_FALSE(
      world_.Propose(licensing::CheckoutCommand(bob, {{"wind", 1}})).ok());
  PassHours(1);
  world_.Propose(licensing::ResizeCommand(bob, seat, 4));
  world_.Propose(licensing::WaitCommand(bob, {{"cad", 2}}, kHourMs));
  PassHours(1);
  world_.Propose(licensing::CloseCommand(ann));  // Bob is served.
  PassHours(1);
  world_.Propose(licensing::CloseCommand(bob));
  PassHours(1);

  monitoring::QueryUsageRequest request;
  EXPECT_THAT(Usage(request),
              ElementsAre("cad  2 8 1 2 8 2", "solver  2 9 0 0 9 4",
                          "wind  0 0 0 1 0 0"));
  request.set_group_by(monitoring::USAGE_GROUP_USER);
  request.set_page_size(1);
  EXPECT_THAT(Usage(request),
              ElementsAre("cad ann 1 6 0 0 0 0", "cad bob 1 2 1 2 0 0",
                          "solver bob 2 9 0 0 0 0", "wind bob 0 0 0 1 0 0"));
  request.set_feature("cad");
  request.set_group_by(monitoring::USAGE_GROUP_HOUR);
  EXPECT_THAT(Usage(request),
              ElementsAre("cad +0 0 0 0 0 2 2", "cad +1 0 0 0 2 2 2",
                          "cad +2 0 0 0 0 2 2", "cad +3 1 6 0 0 2 2",
                          "cad +4 1 2 1 0 0 2"));
  request.set_user("bob");
  request.set_group_by(monitoring::USAGE_GROUP_PROJECT);
  EXPECT_THAT(Usage(request), ElementsAre("cad wing 1 2 1 2 0 0"));
  request.mutable_start_time()->set_seconds(kStartMs / 1000 + 4 * 3600);
  EXPECT_THAT(Usage(request), ElementsAre("cad wing 1 2 1 0 0 0"));
  request.mutable_end_time()->set_seconds(kStartMs / 1000 + 4 * 3600);
  EXPECT_EQ(ReasonFor(request), "BAD_REQUEST");
}

TEST_F(MonitoringHistoryTest, ListsDenialsWithReasonAndRule) {
  internal::v1::Command apply;
  *apply.mutable_apply_policy()->mutable_policy() = policy::PolicyOf(
      {policy::RuleOf("not-bob", internal::v1::POLICY_RULE_KIND_DENY, "cad", 0,
                      {{internal::v1::POLICY_FIELD_USER, {"bob"}}})});
  ASSERT_TRUE(world_.Propose(apply).ok());
  const uint64_t ann = Open("ann", "wing");
  const uint64_t bob = Open("bob", "tail");
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(
        world_.Propose(licensing::CheckoutCommand(bob, {{"cad", 1}})).ok());
  }
  EXPECT_FALSE(
      world_.Propose(licensing::CheckoutCommand(ann, {{"cad", 4}})).ok());
  PassHours(1);
  EXPECT_FALSE(
      world_.Propose(licensing::CheckoutCommand(bob, {{"cad", 1}})).ok());
  // A mistake, and nobody's denial.
  EXPECT_FALSE(
      world_.Propose(licensing::CheckoutCommand(bob, {{"cad", 0}})).ok());

  monitoring::ListDenialsRequest request;
  request.set_page_size(1);
  std::vector<std::string> found;
  do {
    monitoring::ListDenialsResponse response;
    const grpc::Status status =
        stub_->ListDenials(NewCall().get(), request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    for (const auto& denial : response.denials()) {
      found.push_back(absl::StrCat(
          denial.reason(), " ", denial.rule(), " ", denial.user(), " ",
          denial.host(), " ", denial.project(), " ", denial.application(), " ",
          denial.count(), " ", denial.units(), " +",
          (denial.first_time().seconds() - kStartMs / 1000) / 3600));
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(
      found,
      ElementsAre("COUNT_OVER_TOTAL  ann ws-ann wing sketch 1 4 +0",
                  "POLICY_DENIED not-bob bob ws-bob tail sketch 3 1 +0",
                  "POLICY_DENIED not-bob bob ws-bob tail sketch 1 1 +1"));
  request.clear_page_token();
  request.set_filter("user=\"ann\"");
  request.set_page_size(0);
  monitoring::ListDenialsResponse response;
  ASSERT_TRUE(stub_->ListDenials(NewCall().get(), request, &response).ok());
  EXPECT_EQ(response.denials_size(), 1);
  request.set_filter("host=\"ann\"");
  EXPECT_EQ(ReasonOf(stub_->ListDenials(NewCall().get(), request, &response)),
            "BAD_REQUEST");
}

TEST_F(MonitoringHistoryTest, RefusesWhatItDoesNotKnow) {
  monitoring::QueryUsageRequest request;
  request.set_page_token("x");
  EXPECT_EQ(ReasonFor(request), "BAD_REQUEST");
  request.clear_page_token();
  request.set_feature("a b");
  EXPECT_EQ(ReasonFor(request), "BAD_REQUEST");
  request.clear_feature();
  request.set_group_by(static_cast<monitoring::UsageGroup>(77));
  EXPECT_EQ(ReasonFor(request), "BAD_REQUEST");
}

}  // namespace
}  // namespace quorate::server
