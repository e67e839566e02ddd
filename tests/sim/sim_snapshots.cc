#include "tests/sim/sim_snapshots.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace quorate::sim {

using replication::ConsensusLoop;
using replication::SnapshotHeader;

namespace {

constexpr SimTime kLookPeriod = 200 * kMillisecond;

// As the real lane: so many breaks, and so long without an answer.
constexpr int kMaxBreaks = 5;
constexpr SimTime kPatience = kSecond;

// When the faults are over a member must be able to catch up with a log that
// is cut every few entries.
constexpr size_t kCalmPieceBytes = 1 << 20;
constexpr uint64_t kCalmSpan = 200;

}  // namespace

SimSnapshots::SimSnapshots(const Deps& deps, raft::MemberId id,
                           raft::SnapshotPosition position)
    : deps_(deps),
      id_(id),
      position_(std::move(position)),
      next_step_(deps.random->Next()) {}

void SimSnapshots::Start() {
  deps_.process->Later(TimeBelow(deps_.random, kLookPeriod),
                       [this] { Look(); });
}

void SimSnapshots::Follow(const raft::Entry& entry) {
  if (entry.type == raft::EntryType::kConfiguration) {
    position_.configuration = entry.configuration;
    position_.configuration_index = entry.index;
  }
  position_.index = entry.index;
  position_.term = entry.term;
  position_.stamp = entry.stamp;
}

void SimSnapshots::Order(const raft::SnapshotOrder& order) {
  orders_[order.to] = order;
}

absl::Status SimSnapshots::Install(const raft::SnapshotPosition& position) {
  absl::StatusOr<std::string> folder =
      deps_.storage->snapshots().Received(position);
  absl::Status status = folder.status();
  if (status.ok()) status = deps_.storage->Install(*folder);
  if (status.ok()) position_ = position;
  return status;
}

void SimSnapshots::Look() {
  SendOrdered();
  deps_.process->Later(kLookPeriod, [this] { Look(); });
  if (!making_ && Due()) Make();
}

bool SimSnapshots::Due() const {
  const auto newest = deps_.storage->snapshots().Newest();
  const raft::Index covered =
      newest.has_value() ? newest->index : raft::Index(0);
  if (position_.index <= covered) return false;
  uint64_t span = deps_.options->snapshot_entries;
  if (deps_.network->calm()) span = std::max(span, kCalmSpan);
  if (position_.index.value() - covered.value() >= span) return true;
  return std::any_of(orders_.begin(), orders_.end(), [&](const auto& order) {
    return order.second.at_least > covered;
  });
}

void SimSnapshots::Make() {
  const absl::StatusOr<std::string> folder =
      deps_.storage->snapshots().CheckpointFolder();
  if (!folder.ok() || deps_.process->FailPoint("before a checkpoint")) return;
  const absl::Status status = deps_.storage->Checkpoint(*folder);
  if (deps_.process->FailPoint("after a checkpoint") || !status.ok()) return;
  making_ = true;
  // It is read through while entries are applied.
  deps_.process->Later(
      TimeBelow(deps_.random, 20 * kMillisecond),
      [this, folder = *folder, made = position_] { Adopt(folder, made); });
}

void SimSnapshots::Adopt(const std::string& folder,
                         const raft::SnapshotPosition& made) {
  making_ = false;
  const auto before = deps_.storage->snapshots().Newest();
  const absl::Status status = deps_.storage->snapshots().Adopt(folder, made);
  if (deps_.process->FailPoint("after an adopt") || !status.ok()) return;
  deps_.process->Note(absl::StrCat("snapshot of ", made.index.value()));
  if (!before.has_value() || before->index >= made.index) return;
  deps_.process->Tell(
      [&before](ConsensusLoop& loop) { loop.Compact(*before); });
}

void SimSnapshots::SendOrdered() {
  const auto newest = deps_.storage->snapshots().Newest();
  if (!newest.has_value()) return;
  std::vector<raft::SnapshotOrder> ready;
  for (const auto& [to, order] : orders_) {
    if (order.at_least <= newest->index) ready.push_back(order);
  }
  for (const raft::SnapshotOrder& order : ready) {
    auto source = deps_.storage->snapshots().OpenNewest();
    if (!source.ok()) return;
    orders_.erase(order.to);
    // A second one ends the first.
    if (transfers_.contains(order.to)) EndTransfer(order.to, false);
    transfers_[order.to] = {.term = order.term, .source = *std::move(source)};
    BeginTransfer(order.to);
  }
}

// The question is asked at `to` and the answer comes back, or a break.
void SimSnapshots::Ask(
    raft::MemberId to,
    std::function<absl::StatusOr<uint64_t>(SimSnapshots*)> question,
    std::function<void(SimSnapshots*, uint64_t)> next) {
  const uint64_t step = next_step_++;
  transfers_.at(to).step = step;
  const auto here = [find = deps_.find, from = id_, to, step] {
    SimSnapshots* const self = find(from);
    if (self == nullptr) return self;
    const auto found = self->transfers_.find(to);
    const bool waits =
        found != self->transfers_.end() && found->second.step == step;
    return waits ? self : nullptr;
  };
  const auto answer = [here, to, next = std::move(next)](
                          const absl::StatusOr<uint64_t>& result) {
    SimSnapshots* const self = here();
    if (self == nullptr) return;
    if (result.ok()) return next(self, *result);
    self->transfers_.at(to).step = 0;
    self->OnBreak(to);
  };
  deps_.network->Carry(
      id_, to,
      [find = deps_.find, network = deps_.network, from = id_, to,
       question = std::move(question), answer] {
        SimSnapshots* const other = find(to);
        if (other == nullptr) return;
        absl::StatusOr<uint64_t> result = question(other);
        // It may have ended with the question.
        if (find(to) != other) return;
        network->Carry(
            to, from, [answer, result = std::move(result)] { answer(result); });
      });
  deps_.process->Later(kPatience, [this, here, to] {
    if (here() != this) return;
    transfers_.at(to).step = 0;
    OnBreak(to);
  });
}

void SimSnapshots::OnBreak(raft::MemberId to) {
  if (++transfers_.at(to).breaks > kMaxBreaks) return EndTransfer(to, false);
  BeginTransfer(to);
}

void SimSnapshots::EndTransfer(raft::MemberId to, bool delivered) {
  transfers_.erase(to);
  deps_.process->Later(0, [process = deps_.process, to, delivered] {
    process->Tell([to, delivered](ConsensusLoop& loop) {
      loop.OnSnapshotSent(to, delivered);
    });
  });
}

void SimSnapshots::BeginTransfer(raft::MemberId to) {
  const Transfer& transfer = transfers_.at(to);
  Ask(
      to,
      [from = id_, term = transfer.term, header = transfer.source->header()](
          SimSnapshots* other) { return other->OnBegin(from, term, header); },
      [to](SimSnapshots* self, uint64_t offset) {
        self->SendPiece(to, offset);
      });
}

void SimSnapshots::SendPiece(raft::MemberId to, uint64_t offset) {
  const Transfer& transfer = transfers_.at(to);
  if (offset >= transfer.source->header().total_bytes) return SendEnd(to);
  auto bytes = transfer.source->Read(
      offset, deps_.network->calm() ? kCalmPieceBytes
                                    : deps_.options->snapshot_chunk_bytes);
  if (!bytes.ok()) return EndTransfer(to, false);
  if (deps_.process->FailPoint("before a piece of a snapshot")) return;
  Ask(
      to,
      [from = id_, offset, bytes = *std::move(bytes)](SimSnapshots* other) {
        return other->OnBytes(from, offset, bytes);
      },
      [to](SimSnapshots* self, uint64_t next) { self->SendPiece(to, next); });
}

void SimSnapshots::SendEnd(raft::MemberId to) {
  Ask(
      to, [from = id_](SimSnapshots* other) { return other->OnEnd(from); },
      [to](SimSnapshots* self, uint64_t) { self->EndTransfer(to, true); });
}

absl::StatusOr<uint64_t> SimSnapshots::OnBegin(raft::MemberId from,
                                               raft::Term term,
                                               const SnapshotHeader& header) {
  if (header.position.index <= position_.index) {
    deps_.process->Later(0, [this, from, term, position = header.position] {
      HandOver({.from = from, .term = term, .position = position});
    });
    return absl::AbortedError("this member is further than the snapshot");
  }
  if (incoming_.has_value() && term < incoming_->term) {
    return absl::AbortedError("a leader of a later term sends one");
  }
  if (handed_over_ > position_.index) {
    return absl::AbortedError("this member is installing one");
  }
  incoming_.reset();
  absl::StatusOr<uint64_t> offset =
      deps_.storage->snapshots().BeginReceiving(header);
  if (offset.ok()) {
    incoming_ = {.from = from, .term = term, .position = header.position};
  }
  return offset;
}

absl::StatusOr<uint64_t> SimSnapshots::OnBytes(raft::MemberId from,
                                               uint64_t offset,
                                               const std::string& bytes) {
  if (!incoming_.has_value() || incoming_->from != from) {
    return absl::AbortedError("another snapshot is being received");
  }
  const absl::Status status = deps_.storage->snapshots().Receive(offset, bytes);
  if (!status.ok()) return status;
  if (deps_.process->FailPoint("after a piece of a snapshot")) {
    return absl::UnavailableError("gone");
  }
  return offset + bytes.size();
}

void SimSnapshots::HandOver(const Incoming& received) {
  deps_.process->Tell([this, &received](ConsensusLoop& loop) {
    const raft::Index index = received.position.index;
    if (!loop.OnSnapshotReceived(received.from, received.term,
                                 received.position) &&
        handed_over_ == index) {
      handed_over_ = raft::Index(0);
    }
  });
}

absl::StatusOr<uint64_t> SimSnapshots::OnEnd(raft::MemberId from) {
  if (!incoming_.has_value() || incoming_->from != from) {
    return absl::AbortedError("another snapshot is being received");
  }
  if (incoming_->position.index <= position_.index) {
    return absl::AbortedError("this member is further than the snapshot");
  }
  const absl::Status status = deps_.storage->snapshots().FinishReceiving();
  if (!status.ok()) return status;
  if (deps_.process->FailPoint("after a snapshot was received")) {
    return absl::UnavailableError("gone");
  }
  deps_.process->Note(
      absl::StrCat("received ", incoming_->position.index.value()));
  handed_over_ = incoming_->position.index;
  // It waits for the consensus thread.
  deps_.process->Later(
      TimeBelow(deps_.random, kMillisecond),
      [this, received = *std::exchange(incoming_, std::nullopt)] {
        HandOver(received);
      });
  return uint64_t{0};
}

}  // namespace quorate::sim
