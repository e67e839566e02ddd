// The one place where replication and the ledger meet.
//
// Replication hands over entries, the ledger and the tables beside it (join
// tokens, alerts) take commands and times, and the history what they leave. The
// replica parses the ones into the others, and keeps their records and the
// applied position together in one batch (design §4).

#ifndef QUORATE_SERVER_LICENSING_REPLICA_H_
#define QUORATE_SERVER_LICENSING_REPLICA_H_

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "replication/state_machine.h"
#include "replication/state_store.h"
#include "server/history/history.h"
#include "server/licensing/alert_book.h"
#include "server/licensing/join_tokens.h"
#include "server/licensing/ledger.h"
#include "server/rpc/licensing_view.h"

namespace quorate::server {

// A state machine over a ledger, join tokens, alerts, the history, and the
// store of their records.
//
// Confined to the applier thread after the node's start; view()'s atomics may
// be read from any thread. An entry whose payload no version of ours could
// have written is answered BAD_REQUEST and moves the time, on every member
// alike. A write that fails ends the process (StateStore).
class LicensingReplica final : public replication::StateMachine {
 public:
  // Rebuilds the ledger from the store's records. `store` is not owned.
  // DATA_LOSS where the records are damaged or contradict each other,
  // FAILED_PRECONDITION where they belong to another cluster or epoch.
  static absl::StatusOr<std::unique_ptr<LicensingReplica>> Restore(
      absl::string_view cluster_id, uint32_t cluster_epoch,
      replication::StateStore* store);

  raft::Index AppliedIndex() const override { return view_.applied; }

  std::vector<std::unique_ptr<replication::Answer>> Apply(
      std::span<const raft::Entry> entries) override;

  absl::Status Checkpoint(const std::string& directory) override;
  absl::Status Install(const std::string& directory) override;

  const LicensingView& view() const { return view_; }

  const licensing::Ledger& ledger() const { return *tables_.ledger; }

 private:
  // What is built from the records.
  struct Tables {
    std::unique_ptr<licensing::Ledger> ledger;
    licensing::JoinTokens join_tokens;
    licensing::AlertBook alerts;
    std::optional<history::History> history;  // Set when restored.
  };

  explicit LicensingReplica(replication::StateStore* store) : store_(store) {}

  static absl::StatusOr<Tables> RestoreTables(
      absl::string_view cluster_id, uint32_t cluster_epoch,
      const replication::StateReader& records);

  void Adopt(Tables tables, const replication::AppliedPosition& position);
  std::unique_ptr<replication::Answer> ApplyCommand(
      const raft::Entry& entry, const licensing::EntryTime& time);
  // The ledger's time once it has applied an entry with this one.
  licensing::EntryTime Latest(const licensing::EntryTime& time) const;
  void KeepHistory();
  void TakeChanges();
  void WriteBatch(const raft::Entry& last);
  void Publish();

  replication::StateStore* const store_;
  Tables tables_;
  SessionEventFeed events_;
  LicensingView view_;

  // Of the batch; told when its records are written.
  std::vector<licensing::LedgerEvent> news_;

  // Of the entry that is being applied; a member to keep its memory.
  std::vector<licensing::RecordChange> changes_;
  // Of the batch: the last value of each key that changed, in key order.
  std::map<std::string, std::optional<std::string>> batch_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_LICENSING_REPLICA_H_
