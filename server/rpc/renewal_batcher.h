// Renewals of all streams of this member, many in one entry of the log.

#ifndef QUORATE_SERVER_RPC_RENEWAL_BATCHER_H_
#define QUORATE_SERVER_RPC_RENEWAL_BATCHER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "replication/node/node.h"
#include "server/licensing/ledger.h"
#include "server/rpc/status_translation.h"

namespace quorate::server {

// What became of the renewals that were submitted together. Valid during the
// call only.
struct RenewalResult {
  std::optional<Refusal> refusal;  // Set: nothing was renewed, for now.

  // One for each session, its TTL; 0 where there is no such session.
  std::span<const int64_t> ttl_ms;

  raft::Index index;
  raft::Term term;
  int64_t calendar_ms = 0;
};

// Collects renewals for a short while and proposes them as one command: the
// cost of a renewal is then a few bytes of an entry, and there is no timer and
// no entry for any single session (design §5, §8). Its one thread waits for
// the end of that while. Thread-safe.
class RenewalBatcher {
 public:
  struct Options {
    // How long the first renewal of a batch waits for others. A lease is
    // seconds long, so a client does not feel it.
    absl::Duration window = absl::Milliseconds(25);

    // A batch goes at once when it has as many sessions. The last message may
    // bring it over this by what one message may carry.
    size_t full = 1000;

    // More are refused: half of what all sessions of a full cluster are.
    size_t max_waiting = 500'000;
  };

  // Called exactly once, on a thread of the node's or the batcher's. Must not
  // block.
  using Done = std::function<void(const RenewalResult&)>;

  // `node` and `clock` are not owned. The node's Stop must have returned
  // before the batcher goes.
  RenewalBatcher(replication::Node* node, const Clock* clock,
                 const Options& options);
  ~RenewalBatcher();

  RenewalBatcher(const RenewalBatcher&) = delete;
  RenewalBatcher& operator=(const RenewalBatcher&) = delete;

  // What to renew: sessions of one principal, and of those whose clients say
  // it how long their users were idle.
  struct Renewals {
    std::string principal;
    std::vector<uint64_t> session_ids;
    absl::flat_hash_map<uint64_t, int64_t> idle_ms = {};
  };

  // False where there is no room or where the batcher was stopped; `done` is
  // not called then.
  [[nodiscard]] bool Submit(Renewals renewals, Done done);

  // Proposes what waits and ends the thread. Idempotent; for one caller.
  void Stop();

 private:
  struct Waiter {
    Renewals renewals;
    Done done;
  };

  void Run();
  void CollectLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::vector<Waiter> TakeBatchLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Propose(std::vector<Waiter> batch);

  // Constant after construction.
  replication::Node* const node_;
  const Clock* const clock_;
  const Options options_;

  Mutex mu_;
  CondVar wake_;
  std::vector<Waiter> waiting_ ABSL_GUARDED_BY(mu_);
  size_t waiting_sessions_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_RENEWAL_BATCHER_H_
