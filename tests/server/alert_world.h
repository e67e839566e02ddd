// A ledger without a log whose alerts are raised, told and kept.

#ifndef QUORATE_TESTS_SERVER_ALERT_WORLD_H_
#define QUORATE_TESTS_SERVER_ALERT_WORLD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "quorate/internal/v1/command.pb.h"

#include "replication/storage/memory_state_store.h"
#include "server/licensing_replica.h"
#include "tests/server/fake_node.h"

namespace quorate::server {

inline constexpr char kAlertCluster[] = "0123456789abcdef0123456789abcdef";
inline constexpr absl::Duration kAlertLimit = absl::Seconds(60);

// Two are told of alerts. Thread-compatible.
class AlertWorld : public testing::Test {
 protected:
  explicit AlertWorld(std::unique_ptr<replication::MemoryStateStore> store =
                          std::make_unique<replication::MemoryStateStore>());
  ~AlertWorld() override;

  void Propose(internal::v1::Command command, bool granted = true);

  void Refused(internal::v1::Command command);

  void SetRecipients(const std::vector<std::string>& addresses,
                     uint32_t mails_per_hour = 100,
                     uint32_t denials_per_hour = 50);

  void Raise(const std::string& name);

  // As they stand in the book.
  std::vector<internal::v1::AlertRecord> Alerts();

  const std::unique_ptr<replication::MemoryStateStore> kept_;
  std::unique_ptr<LicensingReplica> replica_;
  std::unique_ptr<FakeNode> node_;

 private:
  uint64_t requests_ = 0;
  uint64_t versions_ = 0;
};

}  // namespace quorate::server

#endif  // QUORATE_TESTS_SERVER_ALERT_WORLD_H_
