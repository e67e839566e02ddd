// A member that lets machines in, with its node replaced: its ports and
// certificates are real.

#ifndef QUORATE_TESTS_SERVER_JOIN_JOIN_WORLD_H_
#define QUORATE_TESTS_SERVER_JOIN_JOIN_WORLD_H_

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "replication/storage/memory_state_store.h"
#include "server/join/join_port.h"
#include "server/join/joiner.h"
#include "server/licensing_replica.h"
#include "tests/replication/transport/test_authority.h"
#include "tests/server/fake_node.h"
#include "tests/trust/demo_vendor.h"

namespace quorate::server {

inline constexpr char kJoinClusterId[] = "0123456789abcdef0123456789abcdef";

// The system's time since boot, and what a test added. Thread-safe.
class PushedClock final : public Clock {
 public:
  absl::Duration SinceBoot() const override {
    MutexLock lock(&mu_);
    return SystemClock().SinceBoot() + pushed_;
  }

  absl::Time Calendar() const override { return SystemClock().Calendar(); }

  void Push(absl::Duration step) {
    MutexLock lock(&mu_);
    pushed_ += step;
  }

 private:
  mutable Mutex mu_;
  absl::Duration pushed_ ABSL_GUARDED_BY(mu_) = absl::ZeroDuration();
};

// m1 (this one, it leads), m2 and m3, all voters. Changes that the node is
// asked for are made, unless a test says otherwise. Thread-compatible.
class JoinWorld {
 public:
  JoinWorld();
  // In the order of a member that stops.
  ~JoinWorld();

  FakeNode& node() { return node_; }

  PushedClock& clock() { return clock_; }

  LicensingReplica& replica() { return *replica_; }

  replication::TestAuthority& peers() { return peers_; }

  replication::TestAuthority& clients() { return clients_; }

  std::string endpoint() const;

  // A token for `name`, which the cluster knows.
  JoinToken MakeToken(const std::string& name, raft::MemberId replaces,
                      bool stay_learner = false);

  // What `quorated join` would be told, in a folder of its own.
  JoinOptions Options(const JoinToken& token, const std::string& name) const;

  // The status of three members.
  static replication::NodeStatus ThreeMembers();

  // Makes what the node was asked for last.
  void ApplyLastChange();

  const std::string& folder() const { return folder_; }

  const trust::DemoVendor& vendor() const { return vendor_; }

 private:
  std::string folder_;
  replication::TestAuthority peers_{"peers"};
  replication::TestAuthority clients_{"clients"};
  trust::DemoVendor vendor_;
  replication::MemoryStateStore store_;
  std::unique_ptr<LicensingReplica> replica_;
  PushedClock clock_;
  FakeNode node_;
  std::unique_ptr<JoinPort> port_;
  std::string pin_;
  int tokens_ = 0;
};

}  // namespace quorate::server

#endif  // QUORATE_TESTS_SERVER_JOIN_JOIN_WORLD_H_
