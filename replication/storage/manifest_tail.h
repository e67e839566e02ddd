// Looks at the end of a MANIFEST before RocksDB does.
// Includes RocksDB: for .cc files only.

#ifndef QUORATE_REPLICATION_STORAGE_MANIFEST_TAIL_H_
#define QUORATE_REPLICATION_STORAGE_MANIFEST_TAIL_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rocksdb/env.h"

namespace quorate::replication {

struct ManifestTail {
  enum class Kind { kWhole, kTorn, kDamaged };

  Kind kind = Kind::kWhole;
  size_t whole_bytes = 0;  // What is before the torn record; only with kTorn.
};

// Tells a last record that a power loss interrupted, on a file system that
// grows a file before the bytes are there (it runs into zeros that reach to the
// end), from one that is damaged:
// - It is whole, but says a wrong length or type. RocksDB takes that for the
// end
//   of a file that was cut short, and goes on without the tables which the rest
//   adds: the write-ahead log is then replayed on a state with a hole.
// - It ends in zeros of its own, and one bit of it is wrong.
// A wrong length is told from a record that was cut short by the checksum,
// which fits one of the lengths that are there. All else is kWhole: RocksDB
// sees it by itself.
ManifestTail ReadManifestTail(absl::string_view manifest);

// Cuts a torn record off the MANIFEST that CURRENT names, durably: it was never
// synced, so nothing relies on it, but RocksDB 7.8 would refuse the database.
// DATA_LOSS where it is damaged. OK where there is no CURRENT.
absl::Status MendManifestTail(rocksdb::Env* env, const std::string& folder);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_MANIFEST_TAIL_H_
