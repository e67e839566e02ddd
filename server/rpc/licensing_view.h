// What the services see of the licensing state of their member.
//
// The adapter between replication and ledger fills it (see
// server/licensing_replica.h); the services only look.

#ifndef QUORATE_SERVER_RPC_LICENSING_VIEW_H_
#define QUORATE_SERVER_RPC_LICENSING_VIEW_H_

#include <atomic>
#include <cstdint>
#include <limits>
#include <utility>

#include "replication/raft/types.h"
#include "replication/state_machine.h"
#include "replication/state_store.h"
#include "server/licensing/alert_book.h"
#include "server/licensing/join_tokens.h"
#include "server/licensing/ledger.h"
#include "server/rpc/access_table.h"
#include "server/rpc/session_event_feed.h"

namespace quorate::server {

// What a command gave, as the node hands it to the one who proposed it.
class LicensingAnswer final : public replication::Answer {
 public:
  explicit LicensingAnswer(licensing::LedgerAnswer given)
      : ledger(std::move(given)) {}

  explicit LicensingAnswer(licensing::JoinTokenAnswer given)
      : ledger(std::move(given.answer)), join(std::move(given.grant)) {}

  licensing::LedgerAnswer ledger;  // For every command: reason, facts, time.
  licensing::JoinGrant join;       // UseJoinToken.
};

// A moment that never comes.
inline constexpr int64_t kNeverMs = std::numeric_limits<int64_t>::max();

// The state after the last batch that was applied. The plain members may be
// looked at on the applier thread only (in a ReadDone, or a ProposeDone with
// kApplied); the atomic ones from any thread.
struct LicensingView {
  const licensing::Ledger* ledger = nullptr;           // Not owned.
  const licensing::JoinTokens* join_tokens = nullptr;  // Not owned.
  const licensing::AlertBook* alerts = nullptr;        // Not owned.
  const replication::StateReader* records = nullptr;   // Not owned.
  raft::Index applied;
  raft::Term term;  // Of the entry at `applied`.

  // From any thread.
  AccessTable access;

  // From any thread. Not owned.
  SessionEventFeed* events = nullptr;

  // As of the same batch, each by itself: hints for other threads.
  std::atomic<int64_t> cluster_ms = 0;
  std::atomic<int64_t> calendar_ms = 0;
  std::atomic<uint64_t> waiting_alerts = 0;
  std::atomic<int64_t> due_cluster_ms = kNeverMs;
  std::atomic<int64_t> due_calendar_ms = kNeverMs;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_LICENSING_VIEW_H_
