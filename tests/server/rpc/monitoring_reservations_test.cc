// ListReservations shows what the policy in force keeps of each feature, page
// by page, and ListSeats what is called back of it. A client talks over TLS on
// loopback with a member whose node is replaced.

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

using internal::v1::POLICY_FIELD_USER;
using internal::v1::POLICY_RULE_KIND_RESERVE;
using policy::RuleOf;
using testing::ElementsAre;
using testing::IsEmpty;

namespace monitoring = ::quorate::monitoring::v1;

class MonitoringReservationsTest : public testing::Test {
 protected:
  MonitoringReservationsTest()
      : stub_(monitoring::MonitoringService::NewStub(
            world_.Connect(ClientNames("monitor")))) {
    world_.Do(licensing::InstallCommand(
        "L1", 1, {{"cad", 20}, {"solver", 8}, {"viewer", 1000}}));
  }

  void Apply(const internal::v1::Policy& policy) {
    internal::v1::Command command;
    *command.mutable_apply_policy()->mutable_policy() = policy;
    world_.Do(command);
  }

  // "feature rule units used", page by page.
  std::vector<std::string> List(int size, const std::string& filter,
                                int* pages) {
    std::vector<std::string> found;
    monitoring::ListReservationsRequest request;
    request.set_page_size(size);
    request.set_filter(filter);
    *pages = 0;
    do {
      monitoring::ListReservationsResponse response;
      const grpc::Status status =
          stub_->ListReservations(NewCall().get(), request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      ++*pages;
      for (const auto& each : response.reservations()) {
        found.push_back(absl::StrCat(each.feature(), " ", each.rule(), " ",
                                     each.units(), " ", each.used()));
        last_ = each;
      }
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return found;
  }

  ServiceWorld world_;
  std::unique_ptr<monitoring::MonitoringService::Stub> stub_;
  monitoring::Reservation last_;
};

TEST_F(MonitoringReservationsTest, NoneWithoutAPolicy) {
  int pages = 0;
  EXPECT_THAT(List(0, "", &pages), IsEmpty());
}

TEST_F(MonitoringReservationsTest, ShowsWhatIsKeptForWhom) {
  internal::v1::PolicyRule lent =
      RuleOf("lent", POLICY_RULE_KIND_RESERVE, "solver", 9,
             {{POLICY_FIELD_USER, {"bob", "carol"}}});
  lent.set_lend(true);
  Apply(policy::PolicyOf({RuleOf("ann", POLICY_RULE_KIND_RESERVE, "", 5,
                                 {{POLICY_FIELD_USER, {"ann"}}}),
                          lent}));
  internal::v1::Command open = licensing::OpenCommand(30'000);
  open.mutable_open_session()->mutable_description()->set_user("ann");
  world_.Do(open);
  world_.Do(licensing::CheckoutCommand(1, {{"cad", 2}}));
  int pages = 0;
  EXPECT_THAT(List(0, "", &pages),
              ElementsAre("cad ann 5 2", "solver ann 5 0", "solver lent 3 0",
                          "viewer ann 5 0"));
  EXPECT_EQ(pages, 1);
  EXPECT_THAT(List(1, "", &pages),
              ElementsAre("cad ann 5 2", "solver ann 5 0", "solver lent 3 0",
                          "viewer ann 5 0"));
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(last_.field(), admin::v1::POLICY_FIELD_USER);
  EXPECT_EQ(last_.value(), "ann");
  EXPECT_FALSE(last_.lend());
  EXPECT_THAT(List(0, R"(feature="solver")", &pages),
              ElementsAre("solver ann 5 0", "solver lent 3 0"));
  EXPECT_TRUE(last_.lend());
  EXPECT_EQ(last_.field(), admin::v1::POLICY_FIELD_UNSPECIFIED);
  EXPECT_THAT(List(0, R"(feature="nix")", &pages), IsEmpty());
}

TEST_F(MonitoringReservationsTest, WhoeverLooksAtASeatSeesThatItIsCalledBack) {
  internal::v1::PolicyRule lent =
      RuleOf("crash", POLICY_RULE_KIND_RESERVE, "solver", 8,
             {{POLICY_FIELD_USER, {"ann"}}});
  lent.set_lend(true);
  lent.set_span_ms(60'000);
  Apply(policy::PolicyOf({lent}));
  internal::v1::Command open = licensing::OpenCommand(30'000);
  for (const char* user : {"bob", "ann"}) {
    open.mutable_open_session()->mutable_description()->set_user(user);
    world_.Do(open);
  }
  world_.Do(licensing::CheckoutCommand(1, {{"solver", 8}}));
  const auto the_seat = [this] {
    monitoring::ListSeatsResponse response;
    EXPECT_TRUE(stub_
                    ->ListSeats(NewCall().get(), monitoring::ListSeatsRequest(),
                                &response)
                    .ok());
    EXPECT_EQ(response.seats_size(), 1);
    return response.seats(0);
  };
  EXPECT_FALSE(the_seat().has_call_left());
  world_.Do(licensing::WaitCommand(2, {{"solver", 1}}, 120'000));
  EXPECT_EQ(the_seat().call_left().seconds(), 60);
  EXPECT_EQ(the_seat().call_rule(), "crash");
}

}  // namespace
}  // namespace quorate::server
