// A disk in memory that loses what was not synced when its power goes.
//
// It knows for every file which bytes, and for every folder which changes, are
// on the platter. What is not may vanish in a crash, stay, or stay in part;
// the caller's Random decides. Changes of one folder survive in their order, as
// file systems with a journal have it, and RocksDB needs: it renames CURRENT
// before it has synced the entry of the MANIFEST that CURRENT names. Faults are
// planned by number, so a test can walk through all of them.

#ifndef QUORATE_TESTS_SUPPORT_SIM_DISK_H_
#define QUORATE_TESTS_SUPPORT_SIM_DISK_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"

#include "base/mutex.h"
#include "base/random.h"

namespace quorate {

enum class DiskError { kNone, kNotFound, kExists, kBusy, kIo, kNoSpace };

// Operations that faults are planned for.
enum class DiskOperation { kWrite, kSync, kSyncFolder, kChangeFolder };

// What a crash leaves of the bytes at the end of a file that were not synced.
enum class TailLoss {
  kDrop,             // None of them.
  kPrefix,           // Some number of them, cut at any byte.
  kPrefixThenZeros,  // As kPrefix, then zeros: a file system that grows the
                     // file before the bytes are there.
};

struct CrashOptions {
  TailLoss tail_loss = TailLoss::kPrefix;
};

// Folders "/a/b", files in them; the root is there from the start. All paths
// are absolute. Thread-safe.
class SimDisk {
 public:
  struct Node;

  // An open file or folder. Dead after a crash or kill: every call with it
  // gives kIo and changes nothing.
  struct Handle {
    std::shared_ptr<Node> node;
    uint64_t epoch = 0;
  };

  SimDisk();
  ~SimDisk();

  // The `nth` such operation from now, counted from 1, fails with `error`. A
  // failed sync loses the bytes it was for: later syncs of the file succeed
  // and do not bring them back, as Linux does (fsyncgate, 2018).
  void FailNth(DiskOperation operation, uint64_t nth, DiskError error);

  // The power goes at the `nth` changing operation from now.
  void PowerOffAt(uint64_t nth);

  // Every call fails from now on.
  void PowerOff();
  bool powered() const;

  // Decides what survived. All handles are dead, all locks free.
  void PowerOn(Random* random, const CrashOptions& options);

  // The process died, the machine did not: nothing is lost, all handles are
  // dead, all locks free. The power is on again: a test takes it from a process
  // that is to die without a last write.
  void KillProcess();

  // While it is full nothing that takes space succeeds: kNoSpace.
  void SetFull(bool full);
  bool full() const;

  // What the disk says about its free space; it says nothing before, and what
  // is written does not change it.
  void SetFreeBytes(uint64_t bytes);
  std::optional<uint64_t> free_bytes() const;

  // Changing operations so far.
  uint64_t operations() const;

  DiskError Create(absl::string_view path, Handle* file);  // Or empties it.
  DiskError Open(absl::string_view path, Handle* file);    // File or folder.
  DiskError CreateFolder(absl::string_view path);
  DiskError Remove(absl::string_view path);  // File or empty folder.
  DiskError Link(absl::string_view source, absl::string_view target);
  // Within one folder only; replaces a file at `target`.
  DiskError Rename(absl::string_view source, absl::string_view target);
  DiskError List(absl::string_view path, std::vector<std::string>* names);
  DiskError Lock(absl::string_view path, Handle* lock);
  DiskError Unlock(const Handle& lock, absl::string_view path);

  DiskError Append(const Handle& file, absl::string_view bytes);
  // In place, within the file. Until a sync, each place that was written may
  // come back as any of its versions, or torn between two.
  DiskError WriteAt(const Handle& file, uint64_t offset,
                    absl::string_view bytes);
  DiskError Truncate(const Handle& file, uint64_t size);  // Durable at once.
  DiskError Sync(const Handle& file);
  DiskError SyncFolder(const Handle& folder);
  // Copies up to `size` bytes to `out`; `*read` says how many there were.
  DiskError Read(const Handle& file, uint64_t offset, size_t size, char* out,
                 size_t* read);
  DiskError Size(const Handle& file, uint64_t* size);
  bool IsFolder(const Handle& handle);

  // For tests that damage a file: its bytes, and other bytes in their place.
  std::string Contents(absl::string_view path);
  void Overwrite(absl::string_view path, std::string bytes);

 private:
  struct Place {
    std::shared_ptr<Node> folder;  // Null where the folder is missing.
    std::string name;
  };

  struct PlannedFault {
    uint64_t remaining = 0;
    DiskError error = DiskError::kNone;
  };

  std::shared_ptr<Node> FindLocked(absl::string_view path) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Place PlaceLocked(absl::string_view path) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Whether an operation with these handles may go on.
  DiskError CheckLocked(const Handle& handle) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Counts a changing operation; says whether a planned fault hits it, or there
  // is no room for what it `takes_space` for.
  DiskError BeginChangeLocked(DiskOperation operation, bool takes_space)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NewEpochLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable Mutex mu_;
  std::shared_ptr<Node> root_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> locks_ ABSL_GUARDED_BY(mu_);
  std::map<DiskOperation, PlannedFault> faults_ ABSL_GUARDED_BY(mu_);
  uint64_t epoch_ ABSL_GUARDED_BY(mu_) = 1;
  uint64_t operations_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t power_off_at_ ABSL_GUARDED_BY(mu_) = 0;  // Zero: never.
  bool powered_ ABSL_GUARDED_BY(mu_) = true;
  bool full_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<uint64_t> free_bytes_ ABSL_GUARDED_BY(mu_);
};

}  // namespace quorate

#endif  // QUORATE_TESTS_SUPPORT_SIM_DISK_H_
