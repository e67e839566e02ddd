// The roles of all accounts, for the threads that answer calls.

#ifndef QUORATE_SERVER_RPC_ACCESS_TABLE_H_
#define QUORATE_SERVER_RPC_ACCESS_TABLE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"

#include "base/mutex.h"
#include "server/licensing/accounts.h"
#include "server/rpc/enum_set.h"

namespace quorate::server {

using RoleSet = EnumSet<internal::v1::AccountRole>;

// What the ledger's accounts say as of the last batch that was applied. Every
// call asks, so a look takes no lock that is shared by all: each thread keeps
// the snapshot that it has seen, and takes another one when accounts were
// changed. Thread-safe.
class AccessTable {
 public:
  AccessTable();

  AccessTable(const AccessTable&) = delete;
  AccessTable& operator=(const AccessTable&) = delete;

  // Copies them: O(accounts), but nothing where `changes` is as it was. On one
  // thread at a time.
  void Publish(const licensing::AccountBook& accounts, uint64_t changes);

  // The roles of a principal's account; nothing where it has none.
  std::optional<RoleSet> RolesOf(absl::string_view principal) const;

 private:
  struct Snapshot;

  const Snapshot& Current() const;

  // Of no two snapshots in this process the same: what a thread keeps may be
  // another table's.
  std::atomic<uint64_t> serial_ = 0;
  mutable Mutex mu_;
  std::shared_ptr<const Snapshot> latest_ ABSL_GUARDED_BY(mu_);
  std::optional<uint64_t> changes_ ABSL_GUARDED_BY(mu_);
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_ACCESS_TABLE_H_
