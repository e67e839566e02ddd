#include "tests/server/alert_world.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"

#include "server/licensing/alert_book.h"

namespace quorate::server {

using internal::v1::AlertRecord;
using internal::v1::Command;

AlertWorld::AlertWorld(std::unique_ptr<replication::MemoryStateStore> store)
    : kept_(std::move(store)) {
  auto replica = LicensingReplica::Restore(kAlertCluster, 1, kept_.get());
  EXPECT_TRUE(replica.ok()) << replica.status();
  replica_ = *std::move(replica);
  node_ = std::make_unique<FakeNode>(replica_.get());
  SetRecipients({"a@x.example", "b@x.example"});
}

AlertWorld::~AlertWorld() {
  node_->Stop();
}

void AlertWorld::Propose(Command command, bool granted) {
  command.set_principal("admin");
  command.set_request_id(absl::StrCat("r", ++requests_));
  command.set_not_after_cluster_ms(node_->ClusterMsHint() + 30'000);
  absl::Notification done;
  node_->Propose(
      command.SerializeAsString(), absl::Seconds(10),
      [&done, granted](const replication::ProposeResult& result) {
        EXPECT_EQ(result.outcome, replication::ProposeOutcome::kApplied);
        EXPECT_EQ(
            static_cast<const LicensingAnswer&>(*result.answer).ledger.ok(),
            granted);
        done.Notify();
      });
  done.WaitForNotification();
}

void AlertWorld::Refused(Command command) {
  Propose(std::move(command), false);
}

void AlertWorld::SetRecipients(const std::vector<std::string>& addresses,
                               uint32_t mails_per_hour,
                               uint32_t denials_per_hour) {
  Command command;
  auto* body = command.mutable_update_alert_settings();
  body->set_base_version(versions_++);
  auto* settings = body->mutable_settings();
  *settings = licensing::AlertBook().settings().settings();
  settings->set_mails_per_hour(mails_per_hour);
  settings->set_usage_held_ms(0);
  settings->set_denials_per_hour(denials_per_hour);
  for (const std::string& address : addresses)
    settings->add_recipients()->set_address(address);
  Propose(command);
}

void AlertWorld::Raise(const std::string& name) {
  Command command;
  auto* facts = command.mutable_raise_alerts()->add_alerts();
  facts->set_key("member_down/" + name);
  facts->set_kind(internal::v1::ALERT_KIND_MEMBER_DOWN);
  facts->set_stage(1);
  facts->set_name(name);
  Propose(command);
}

std::vector<AlertRecord> AlertWorld::Alerts() {
  std::vector<AlertRecord> alerts;
  absl::Notification done;
  node_->Read(
      {.kind = replication::ReadConsistency::Kind::kLocal}, absl::Seconds(10),
      [&](replication::ReadOutcome) {
        for (const auto& [number, alert] : replica_->view().alerts->alerts()) {
          alerts.push_back(alert);
        }
        done.Notify();
      });
  done.WaitForNotification();
  return alerts;
}

}  // namespace quorate::server
