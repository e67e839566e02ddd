#include "tests/replication/transport/snapshot_fakes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"

namespace quorate::replication {

SnapshotHeader HeaderOf(raft::MemberId member, uint64_t index, uint64_t bytes) {
  raft::Configuration configuration;
  configuration.membership.voters = {member};
  configuration.addresses.push_back({.id = member,
                                     .name = "m1",
                                     .peer_endpoint = "127.0.0.1:1",
                                     .client_endpoint = "127.0.0.1:2"});
  return {
      .position = {.index = raft::Index(index),
                   .term = raft::Term(1),
                   .configuration = std::make_shared<const raft::Configuration>(
                       std::move(configuration)),
                   .configuration_index = raft::Index(1)},
      .manifest = absl::StrCat("manifest of ", index),
      .total_bytes = bytes};
}

std::string SampleBytes(size_t size) {
  std::string bytes(size, '\0');
  Random random(size);
  for (char& byte : bytes) {
    byte = static_cast<char>(random.Next());
  }
  return bytes;
}

absl::StatusOr<std::string> MemorySource::Read(uint64_t offset,
                                               size_t max_bytes) {
  if (before_read != nullptr) QUORATE_RETURN_IF_ERROR(before_read(offset));
  return bytes_->substr(offset, max_bytes);
}

absl::StatusOr<uint64_t> MemorySnapshots::OnSnapshotBegin(
    raft::MemberId /*from*/, raft::Term term, const SnapshotHeader& header) {
  if (on_begin != nullptr) QUORATE_RETURN_IF_ERROR(on_begin(seen()));
  MutexLock lock(&mu_);
  if (header.position.index != header_.position.index ||
      header.manifest != header_.manifest) {
    seen_.bytes.clear();
  }
  header_ = header;
  seen_.begins.push_back(seen_.bytes.size());
  seen_.terms.push_back(term);
  changed_.NotifyAll();
  return seen_.bytes.size();
}

absl::Status MemorySnapshots::OnSnapshotBytes(raft::MemberId /*from*/,
                                              uint64_t offset,
                                              absl::string_view bytes) {
  if (on_bytes != nullptr) QUORATE_RETURN_IF_ERROR(on_bytes(seen()));
  MutexLock lock(&mu_);
  if (offset != seen_.bytes.size()) return absl::AbortedError("a gap");
  seen_.bytes.append(bytes.data(), bytes.size());
  changed_.NotifyAll();
  return absl::OkStatus();
}

absl::Status MemorySnapshots::OnSnapshotEnd(raft::MemberId /*from*/) {
  absl::Status status;
  if (on_end != nullptr) status = on_end(seen());
  MutexLock lock(&mu_);
  ++seen_.ends;
  // A store throws away what does not have its checksum.
  if (!status.ok()) seen_.bytes.clear();
  changed_.NotifyAll();
  return status;
}

bool MemorySnapshots::WaitFor(
    const std::function<bool(const Seen&)>& condition) {
  const absl::Duration until = SystemClock().SinceBoot() + absl::Seconds(60);
  MutexLock lock(&mu_);
  while (!condition(seen_)) {
    if (SystemClock().SinceBoot() >= until) return false;
    changed_.WaitFor(&mu_, absl::Milliseconds(100));
  }
  return true;
}

}  // namespace quorate::replication
