// Appends as a core makes them, and what a log must hold after them.

#ifndef QUORATE_TESTS_REPLICATION_STORAGE_LOG_SAMPLES_H_
#define QUORATE_TESTS_REPLICATION_STORAGE_LOG_SAMPLES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "base/random.h"
#include "replication/raft/ready.h"
#include "replication/raft/types.h"
#include "replication/storage/log_store.h"

namespace quorate::replication {

inline constexpr char kClusterId[] = "0123456789abcdef0123456789abcdef";

// Members 11, 12 and 13.
raft::Configuration ThreeMembers();

// Member 11 of them.
MemberIdentity FirstMember();

// Of every entry here.
raft::Stamp StampAt(raft::Index index);

raft::Entry Command(uint64_t index, uint64_t term, absl::string_view payload);

// What a log holds: the slow, obvious version of every LogStore.
struct ExpectedLog {
  // As after Create.
  ExpectedLog();

  void Apply(const LogWrite& write);
  raft::Index LastIndex() const;
  raft::Term TermAt(raft::Index index) const;  // BaseIndex() <= index.
  raft::Index BaseIndex() const;               // Before the first entry.

  // What a snapshot of the state at `index` would stand for.
  raft::SnapshotPosition PositionAt(raft::Index index) const;

  raft::HardState hard_state;
  std::optional<raft::SnapshotPosition> snapshot;
  std::vector<raft::Entry> entries;  // From BaseIndex() + 1 on.
};

bool SamePosition(const std::optional<raft::SnapshotPosition>& a,
                  const std::optional<raft::SnapshotPosition>& b);

// Empty where `store` holds exactly this, else what differs.
std::string Difference(const LogStore& store, const ExpectedLog& expected);

// A write that may follow on `log`: entries, a new term with or without a
// vote, entries that replace a tail that is not committed, or a commit index
// alone. As from the core, only the last is not to be synced.
raft::AppendWork RandomAppend(Random* random, const ExpectedLog& log);

// As RandomAppend, or a snapshot in place of all, or the head of the log
// forgotten, of which the latter needs no sync.
raft::AppendWork RandomWork(Random* random, const ExpectedLog& log);

LogWrite ToWrite(const raft::AppendWork& work);

}  // namespace quorate::replication

#endif  // QUORATE_TESTS_REPLICATION_STORAGE_LOG_SAMPLES_H_
