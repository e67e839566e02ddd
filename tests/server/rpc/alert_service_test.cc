// An administrator says who is told what, tries it out, and looks at what was
// mailed; who comes with old settings changes nothing. Through the client port,
// with a ledger behind it and a mailer that does as the test says.

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "quorate/admin/v1/alert.grpc.pb.h"
#include "quorate/internal/v1/command.pb.h"

#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

using testing::ElementsAre;

namespace admin = ::quorate::admin::v1;

class AlertServiceTest : public testing::Test {
 protected:
  AlertServiceTest()
      : channel_(world_.Connect(ClientNames("admin"))),
        stub_(admin::AlertService::NewStub(channel_)) {}

  admin::GetAlertSettingsResponse Get() {
    admin::GetAlertSettingsResponse response;
    EXPECT_TRUE(stub_->GetAlertSettings(NewCall().get(), {}, &response).ok());
    return response;
  }

  grpc::Status Update(const admin::AlertSettings& settings,
                      const std::string& etag) {
    admin::UpdateAlertSettingsRequest request;
    request.set_request_id(absl::StrCat("r", ++requests_));
    *request.mutable_settings() = settings;
    request.set_etag(etag);
    updated_.Clear();
    return stub_->UpdateAlertSettings(NewCall().get(), request, &updated_);
  }

  std::string FaultOf(const admin::AlertSettings& settings) {
    const grpc::Status status = Update(settings, "0");
    if (ReasonOf(status) != "BAD_REQUEST") return "none";
    return DetailOf<google::rpc::BadRequest>(status)
        .field_violations(0)
        .field();
  }

  void Apply(const internal::v1::Command& command) {
    std::promise<void> done;
    world_.node().Propose(
        command.SerializeAsString(), absl::Seconds(10),
        [&done](const replication::ProposeResult&) { done.set_value(); });
    done.get_future().get();
  }

  ServiceWorld world_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<admin::AlertService::Stub> stub_;
  admin::UpdateAlertSettingsResponse updated_;
  int requests_ = 0;
};

TEST_F(AlertServiceTest, BeforeAnybodySaidAnythingThereAreDefaults) {
  const admin::GetAlertSettingsResponse found = Get();
  EXPECT_EQ(found.etag(), "0");
  EXPECT_EQ(found.changed_by(), "");
  EXPECT_FALSE(found.has_change_time());
  EXPECT_EQ(found.settings().usage_percent(), 90U);
  EXPECT_EQ(found.settings().usage_held().seconds(), 600);
  EXPECT_EQ(found.settings().denials_per_hour(), 50U);
  EXPECT_EQ(found.settings().member_down().seconds(), 60);
  EXPECT_EQ(found.settings().mails_per_hour(), 20U);
}

TEST_F(AlertServiceTest, SettingsAreChangedAsTheyWereSeen) {
  admin::AlertSettings settings = Get().settings();
  admin::AlertRecipient* recipient = settings.add_recipients();
  recipient->set_address("licences@plant.example");
  recipient->add_kinds(admin::ALERT_KIND_POOL_USAGE);
  settings.set_cluster_name("W\xc3\xa4rme");
  settings.clear_mails_per_hour();
  settings.mutable_usage_held()->set_seconds(0);
  settings.add_off(admin::ALERT_KIND_CLOCK);
  ASSERT_TRUE(Update(settings, "0").ok());
  EXPECT_EQ(updated_.etag(), "1");
  const admin::GetAlertSettingsResponse found = Get();
  settings.set_mails_per_hour(20);
  EXPECT_EQ(found.settings().SerializeAsString(), settings.SerializeAsString());
  EXPECT_NE(found.changed_by(), "");
  EXPECT_TRUE(found.has_change_time());
  EXPECT_EQ(ReasonOf(Update(settings, "0")), "ALERT_SETTINGS_CHANGED");
  EXPECT_TRUE(Update(settings, "1").ok());
}

TEST_F(AlertServiceTest, WhatCannotBeIsNamed) {
  admin::AlertSettings settings;
  settings.add_recipients()->set_address("a@b\r\nBcc: c@d");
  EXPECT_EQ(FaultOf(settings), "settings.recipients[0].address");
  settings.mutable_recipients(0)->set_address("a@b");
  settings.add_recipients()->set_address("a@b");
  EXPECT_EQ(FaultOf(settings), "settings.recipients[1].address");
  for (int i = 0; i < 50; ++i)
    settings.add_recipients()->set_address("a@b");
  EXPECT_EQ(FaultOf(settings), "settings.recipients");
  settings = {};
  settings.set_usage_percent(101);
  EXPECT_EQ(FaultOf(settings), "settings.usage_percent");
  settings = {};
  settings.mutable_member_down()->set_seconds(4);
  EXPECT_EQ(FaultOf(settings), "settings.member_down");
  settings = {};
  settings.set_mails_per_hour(1);
  EXPECT_EQ(FaultOf(settings), "settings.mails_per_hour");
  settings = {};
  settings.set_cluster_name("a\nb");
  EXPECT_EQ(FaultOf(settings), "settings.cluster_name");
  EXPECT_EQ(ReasonOf(Update({}, "")), "BAD_REQUEST");
  EXPECT_EQ(ReasonOf(Update({}, "x")), "BAD_REQUEST");
}

TEST_F(AlertServiceTest, WithoutAMailServerATestSaysWhose) {
  admin::SendTestAlertRequest request;
  request.set_request_id("r");
  admin::SendTestAlertResponse response;
  const grpc::Status status =
      stub_->SendTestAlert(NewCall().get(), request, &response);
  EXPECT_EQ(ReasonOf(status), "MAIL_NOT_CONFIGURED");
}

TEST_F(AlertServiceTest, AlertsAreListedByPagesAndKinds) {
  internal::v1::Command command;
  command.set_not_after_cluster_ms(world_.node().ClusterMsHint() + 30'000);
  for (int i = 0; i < 5; ++i) {
    auto* facts = command.mutable_raise_alerts()->add_alerts();
    facts->set_key(absl::StrCat("k", i));
    facts->set_name(absl::StrCat("m", i));
    facts->set_stage(1);
    facts->set_kind(i == 2 ? internal::v1::ALERT_KIND_CLOCK
                           : internal::v1::ALERT_KIND_MEMBER_DOWN);
  }
  Apply(command);
  admin::ListSentAlertsRequest request;
  request.set_page_size(2);
  std::vector<uint64_t> numbers;
  admin::ListSentAlertsResponse response;
  do {
    response.Clear();
    ASSERT_TRUE(
        stub_->ListSentAlerts(NewCall().get(), request, &response).ok());
    EXPECT_LE(response.alerts_size(), 2);
    for (const admin::SentAlert& alert : response.alerts())
      numbers.push_back(alert.number());
    request.set_page_token(response.next_page_token());
  } while (!response.next_page_token().empty());
  EXPECT_THAT(numbers, ElementsAre(1, 2, 3, 4, 5));
  request.clear_page_token();
  request.set_filter("kind=\"CLOCK\"");
  response.Clear();
  ASSERT_TRUE(stub_->ListSentAlerts(NewCall().get(), request, &response).ok());
  ASSERT_EQ(response.alerts_size(), 1);
  EXPECT_EQ(response.alerts(0).subject(), "the clock of m2 is 0 s ahead");
  EXPECT_EQ(response.alerts(0).state(), admin::ALERT_MAIL_STATE_WAITING);
  EXPECT_EQ(response.next_page_token(), "");
  request.set_filter("kind=\"NOTHING\"");
  response.Clear();
  ASSERT_TRUE(stub_->ListSentAlerts(NewCall().get(), request, &response).ok());
  EXPECT_EQ(response.alerts_size(), 0);
}

}  // namespace
}  // namespace quorate::server
