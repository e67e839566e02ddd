// RocksDB on a SimDisk.

#ifndef QUORATE_TESTS_SUPPORT_SIM_FILE_SYSTEM_H_
#define QUORATE_TESTS_SUPPORT_SIM_FILE_SYSTEM_H_

#include <memory>

#include "tests/support/sim_disk.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace quorate {

// A SimDisk and the rocksdb::Env through which a database uses it:
//
//   SimFileSystem files;
//   RocksDbLogStore::Open("/m1", cluster_id, {.env = files.env()});
//
// Outlives the databases on it. Results do not depend on RocksDB's threads as
// long as nothing is flushed or compacted in the background: keep what a run
// writes below the write buffer, and call WaitForBackground after what flushes.
// Thread-safe.
class SimFileSystem {
 public:
  SimFileSystem();
  ~SimFileSystem();

  SimFileSystem(const SimFileSystem&) = delete;
  SimFileSystem& operator=(const SimFileSystem&) = delete;

  SimDisk& disk() { return *disk_; }

  rocksdb::Env* env() { return env_.get(); }

  // Power off and on again. Databases that are open are of no use after it;
  // close them before or after.
  void Crash(Random* random, const CrashOptions& options = CrashOptions());

  // Waits until RocksDB's threads have ended what they were given. A flush that
  // a caller has waited for may still remove files.
  static void WaitForBackground();

 private:
  std::shared_ptr<SimDisk> disk_;
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace quorate

#endif  // QUORATE_TESTS_SUPPORT_SIM_FILE_SYSTEM_H_
