// A simulated member's disk with its two databases, and the ledger on them.

#ifndef QUORATE_TESTS_SIM_SIM_STORAGE_H_
#define QUORATE_TESTS_SIM_SIM_STORAGE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "base/random.h"
#include "replication/raft/raft.h"
#include "replication/storage/log_store.h"
#include "server/licensing/ledger.h"

namespace quorate::sim {

// The log store, the state store and the replica are the product's own; the
// file system below RocksDB is simulated and keeps what was synced. Thread-
// compatible.
class SimStorage {
 public:
  static constexpr const char* kClusterId = "00112233445566778899aabbccddeeff";
  static constexpr uint32_t kClusterEpoch = 1;

  // An empty disk on which the member was initialised.
  SimStorage(raft::MemberId id, const raft::Configuration& configuration);
  ~SimStorage();

  // Opens what is on the disk, as a member does when it starts.
  absl::Status Open();

  // The process is gone: what was not synced is lost, but for a part that
  // `random` chooses.
  void Crash(Random* random);

  raft::RestoredState Restored() const;
  std::vector<raft::Entry> ReadLog() const;
  const raft::LogReader& log() const;
  const licensing::Ledger& ledger() const;

  // Durable on return.
  void Append(const std::vector<raft::AppendWork>& works);

  // The power goes in the middle of the write: only for just before a crash.
  void AppendInterrupted(const std::vector<raft::AppendWork>& works,
                         Random* random);

  struct Applied {
    std::vector<licensing::RecordChange> changes;
    std::optional<licensing::LedgerAnswer> answer;  // Of a command.
    std::string request_id;                         // Of a command, or empty.
  };

  Applied Apply(const raft::Entry& entry);

 private:
  struct Databases;
  struct Disk;

  std::unique_ptr<Disk> disk_;
  std::unique_ptr<Databases> databases_;
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_SIM_STORAGE_H_
