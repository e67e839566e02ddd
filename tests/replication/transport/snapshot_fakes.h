// A snapshot in memory, and a store that takes one.

#ifndef QUORATE_TESTS_REPLICATION_TRANSPORT_SNAPSHOT_FAKES_H_
#define QUORATE_TESTS_REPLICATION_TRANSPORT_SNAPSHOT_FAKES_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "base/mutex.h"
#include "replication/snapshot_stream.h"

namespace quorate::replication {

SnapshotHeader HeaderOf(raft::MemberId member, uint64_t index, uint64_t bytes);

// `size` bytes that differ from place to place.
std::string SampleBytes(size_t size);

// Thread-compatible.
class MemorySource : public SnapshotSource {
 public:
  MemorySource(SnapshotHeader header, std::shared_ptr<const std::string> bytes)
      : header_(std::move(header)), bytes_(std::move(bytes)) {}

  const SnapshotHeader& header() const override { return header_; }

  absl::StatusOr<std::string> Read(uint64_t offset, size_t max_bytes) override;

  // Called before each read; an error is what the read gives.
  std::function<absl::Status(uint64_t offset)> before_read;

 private:
  const SnapshotHeader header_;
  const std::shared_ptr<const std::string> bytes_;
};

// Keeps what came of a snapshot when its stream breaks, as a store on disk
// does. Thread-safe.
class MemorySnapshots : public SnapshotSink {
 public:
  struct Seen {
    std::vector<uint64_t> begins;  // The offset each stream began from.
    std::vector<raft::Term> terms;
    std::string bytes;
    int ends = 0;
  };

  absl::StatusOr<uint64_t> OnSnapshotBegin(
      raft::MemberId from, raft::Term term,
      const SnapshotHeader& header) override;
  absl::Status OnSnapshotBytes(raft::MemberId from, uint64_t offset,
                               absl::string_view bytes) override;
  absl::Status OnSnapshotEnd(raft::MemberId from) override;

  Seen seen() const {
    MutexLock lock(&mu_);
    return seen_;
  }

  // False where it did not come true within a minute.
  bool WaitFor(const std::function<bool(const Seen&)>& condition);

  // Set before the start. What each call gives; may block.
  std::function<absl::Status(const Seen&)> on_begin;
  std::function<absl::Status(const Seen&)> on_bytes;
  std::function<absl::Status(const Seen&)> on_end;

 private:
  mutable Mutex mu_;
  CondVar changed_;
  SnapshotHeader header_ ABSL_GUARDED_BY(mu_);
  Seen seen_ ABSL_GUARDED_BY(mu_);
};

}  // namespace quorate::replication

#endif  // QUORATE_TESTS_REPLICATION_TRANSPORT_SNAPSHOT_FAKES_H_
