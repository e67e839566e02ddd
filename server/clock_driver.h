// Makes time pass in the ledger while nothing else happens.

#ifndef QUORATE_SERVER_CLOCK_DRIVER_H_
#define QUORATE_SERVER_CLOCK_DRIVER_H_

#include <atomic>
#include <cstdint>

#include "replication/node/node.h"
#include "server/licensing/ledger.h"
#include "server/rpc/licensing_view.h"

namespace quorate::server {

// The ledger's time moves with each entry of the log, and only then leases end.
// Where no entry comes, the member that leads proposes one as soon as something
// is due, so that a dead client's seat comes back on an idle cluster.
//
// It also proposes one after kMaxQuietMs without any: the other members know
// the cluster's time by the last entry only, and limit attempts by it
// (Command.not_after_cluster_ms). Theirs must never be as old as an attempt may
// be, or all of their attempts would be over before they began.
//
// Thread-compatible: one thread calls LookForDue. Outlives the node's Stop.
class ClockDriver {
 public:
  static constexpr int64_t kMaxQuietMs = licensing::kAttemptMs / 3;

  struct Deps {
    replication::Node* node = nullptr;    // Not owned.
    const LicensingView* view = nullptr;  // Not owned; only its atomics.
  };

  explicit ClockDriver(const Deps& deps) : deps_(deps) {}

  // To be called a few times a second. Proposes at most one entry at a time.
  void LookForDue();

 private:
  bool SomethingIsDue() const;

  const Deps deps_;
  std::atomic<bool> under_way_ = false;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_CLOCK_DRIVER_H_
