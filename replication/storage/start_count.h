// Which start of its data directory a process is.

#ifndef QUORATE_REPLICATION_STORAGE_START_COUNT_H_
#define QUORATE_REPLICATION_STORAGE_START_COUNT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace quorate::replication {

// Adds one to the count in `raft/` of `data_dir`, and returns it when that is
// durable: 1 at the first start. A directory that was put back to an earlier
// state counts from there, which its peers notice (PeerHello.incarnation).
// `env` is not owned; null means the system's. DATA_LOSS where the count is
// damaged; UNAVAILABLE or RESOURCE_EXHAUSTED where the disk fails.
absl::StatusOr<uint64_t> CountStart(const std::string& data_dir,
                                    rocksdb::Env* env = nullptr);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_START_COUNT_H_
