// What a member's log writer and applier do, as events.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "tests/sim/sim_member.h"
#include "tests/sim/state_digest.h"

namespace quorate::sim {

using replication::PeerMessage;
using replication::ProposeOutcome;

void SimMember::MaybeStartDisk() {
  if (!in_flight_.empty() || disk_queue_.empty()) return;
  in_flight_.swap(disk_queue_);
  const SimTime delay = static_cast<SimTime>(random_.Between(
      deps_.options->disk_delay_min, deps_.options->disk_delay_max));
  const SimTime stall =
      std::max<SimTime>(0, stalled_until_ - deps_.scheduler->now());
  Later(stall + delay, [this] { FinishDisk(); });
}

// As LogWriter::Write.
void SimMember::FinishDisk() {
  if (FailPoint("before a write")) return;
  const replication::LogWrite write = storage_->Append(in_flight_);
  if (storage_->broken()) return;
  std::vector<raft::AppendWork> done;
  done.swap(in_flight_);
  if (FailPoint("after a write")) return;
  deps_.checker->OnDurable(id_, write);
  if (write.install.has_value() && !Install(*write.install)) return;
  for (raft::AppendWork& work : done) {
    std::vector<PeerMessage> messages;
    for (raft::Message& message : work.messages) {
      const raft::MemberId to = message.to;
      messages.push_back({id_, to, std::move(message)});
    }
    SendAll(messages);
    loop_->OnAppended(work.receipt);
    NoteState();
  }
  MaybeStartDisk();
  Pump();
}

// As SnapshotKeeper::Install, Applier::Replace and what they tell the loop.
// False where this member crashed with it.
bool SimMember::Install(const raft::SnapshotPosition& position) {
  const absl::Status status = snapshots_->Install(position);
  if (!status.ok()) {
    Note(absl::StrCat("install: ", status.ToString()));
    CrashAndReturn();
    return false;
  }
  apply_queue_.clear();
  deps_.checker->OnPosition(id_, position);
  deps_.checker->OnState(id_, position.index, StateDigest());
  deps_.checker->OnInstalled(id_, position.index);
  if (FailPoint("after an install")) return false;
  loop_->OnInstalled(position.index);
  return true;
}

void SimMember::ScheduleApply() {
  if (apply_scheduled_ || apply_queue_.empty()) return;
  apply_scheduled_ = true;
  Later(TimeBelow(&random_, deps_.options->apply_delay_max),
        [this] { ApplyQueued(); });
}

void SimMember::ApplyQueued() {
  apply_scheduled_ = false;
  std::vector<raft::Entry> entries;
  entries.swap(apply_queue_);
  if (entries.empty()) return;  // An installation took their place.
  std::vector<uint64_t> sequences;
  for (const raft::Entry& entry : entries) {
    ApplyOne(entry, &sequences);
    if (deps_.checker->failed() || storage_->broken()) return;
    if (FailPoint("after an apply")) return;
    if (Leads() &&
        CrashHere("after an apply as leader",
                  10 * deps_.options->leader_crash_after_apply_per_mille)) {
      return;
    }
  }
  loop_->OnApplied(entries.back().index, entries.back().term, sequences);
  RunReads();
  Pump();
}

void SimMember::ApplyOne(const raft::Entry& entry,
                         std::vector<uint64_t>* sequences) {
  SimStorage::Applied applied = storage_->Apply(entry);
  snapshots_->Follow(entry);
  deps_.checker->OnApply(id_, entry, applied.changes);
  if (!applied.answer.has_value()) return;
  deps_.checker->OnAnswer(entry, applied.request_id, *applied.answer);
  if (entry.proposal.run != run_) return;
  sequences->push_back(entry.proposal.sequence);
  auto waiting = proposals_.extract(entry.proposal.sequence);
  if (!waiting.empty()) {
    waiting.mapped()({ProposeOutcome::kApplied, *applied.answer});
  }
}

void SimMember::RunReads() {
  std::vector<WaitingRead> waiting;
  waiting.swap(granted_reads_);
  for (WaitingRead& read : waiting) {
    if (read.index <= applied()) {
      read.done(true);
    } else {
      granted_reads_.push_back(std::move(read));
    }
  }
}

uint64_t SimMember::StateDigest() const {
  uint64_t digest = 0;
  storage_->ForEachRecord([&](absl::string_view key, absl::string_view value) {
    digest += RecordDigest(key, value);
  });
  return digest;
}

}  // namespace quorate::sim
