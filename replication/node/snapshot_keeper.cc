#include "replication/node/snapshot_keeper.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/log.h"
#include "replication/storage/fatal.h"

namespace quorate::replication {
namespace {

// How often the keeper looks whether a snapshot is due.
constexpr absl::Duration kLookPeriod = absl::Milliseconds(200);

// After a failure: a disk that is full stays so for a while.
constexpr absl::Duration kRetryPause = absl::Seconds(10);

// Backups by hand and by timers; more at once have gone wrong.
constexpr size_t kMaxWanted = 8;

}  // namespace

SnapshotKeeper::SnapshotKeeper(const Deps& deps, const Limits& limits)
    : deps_(deps), limits_(limits) {}

SnapshotKeeper::~SnapshotKeeper() {
  Stop();
}

void SnapshotKeeper::Start() {
  thread_ = std::thread([this] { Run(); });
}

void SnapshotKeeper::Order(const raft::SnapshotOrder& order) {
  MutexLock lock(&mu_);
  orders_[order.to] = order;
  changed_.NotifyAll();
}

void SnapshotKeeper::Take(absl::Duration timeout, SnapshotDone done) {
  Wanted wanted{.at_least = deps_.applier->applied(),
                .deadline = deps_.clock->SinceBoot() + timeout,
                .done = std::move(done)};
  absl::Status refused;
  {
    MutexLock lock(&mu_);
    if (stop_) {
      refused = absl::CancelledError("this member shuts down");
    } else if (wanted_.size() >= kMaxWanted) {
      refused = absl::UnavailableError("too many snapshots are being made");
    } else {
      wanted_.push_back(std::move(wanted));
      changed_.NotifyAll();
    }
  }
  if (!refused.ok()) wanted.done(refused);
}

absl::StatusOr<uint64_t> SnapshotKeeper::OnSnapshotBegin(
    raft::MemberId from, raft::Term term, const SnapshotHeader& header) {
  if (header.position.index <= deps_.applier->applied()) {
    // The leader does not know: the answer to what it sent before was lost. The
    // core says it again, or the leader would send this for ever.
    std::vector<InsideEvent> events;
    events.emplace_back(SnapshotReceivedEvent{
        .from = from, .term = term, .position = header.position});
    deps_.inbox->Push(std::move(events));
    return absl::AbortedError("this member is further than the snapshot");
  }
  MutexLock lock(&incoming_mu_);
  if (incoming_.has_value() && term < incoming_->term) {
    return absl::AbortedError("a leader of a later term sends one");
  }
  if (handed_over_.load() > deps_.applier->applied().value()) {
    return absl::AbortedError("this member is installing one");
  }
  incoming_.reset();
  absl::StatusOr<uint64_t> offset = deps_.files->BeginReceiving(header);
  if (offset.ok()) {
    incoming_ = {.from = from, .term = term, .position = header.position};
  }
  return offset;
}

absl::Status SnapshotKeeper::CheckSenderLocked(raft::MemberId from) const {
  if (!incoming_.has_value() || incoming_->from != from) {
    return absl::AbortedError("another snapshot is being received");
  }
  return absl::OkStatus();
}

absl::Status SnapshotKeeper::OnSnapshotBytes(raft::MemberId from,
                                             uint64_t offset,
                                             absl::string_view bytes) {
  MutexLock lock(&incoming_mu_);
  absl::Status status = CheckSenderLocked(from);
  return status.ok() ? deps_.files->Receive(offset, bytes) : status;
}

absl::Status SnapshotKeeper::OnSnapshotEnd(raft::MemberId from) {
  MutexLock lock(&incoming_mu_);
  absl::Status status = CheckSenderLocked(from);
  if (!status.ok()) return status;
  // Since it began the entries may have come.
  if (incoming_->position.index <= deps_.applier->applied()) {
    return absl::AbortedError("this member is further than the snapshot");
  }
  status = deps_.files->FinishReceiving();
  if (!status.ok()) return status;
  LogInfo("snapshot", "received",
          {{"from", absl::StrCat(from.value())},
           {"index", absl::StrCat(incoming_->position.index.value())}});
  std::vector<InsideEvent> events;
  events.emplace_back(SnapshotReceivedEvent{
      .from = from, .term = incoming_->term, .position = incoming_->position});
  handed_over_.store(incoming_->position.index.value());
  incoming_.reset();
  deps_.inbox->Push(std::move(events));
  return absl::OkStatus();
}

void SnapshotKeeper::OnIgnored(raft::Index index) {
  uint64_t ignored = index.value();
  handed_over_.compare_exchange_strong(ignored, 0);
}

void SnapshotKeeper::Install(const raft::SnapshotPosition& position) {
  absl::StatusOr<std::string> folder = deps_.files->Received(position);
  absl::Status status = folder.status();
  if (status.ok()) status = deps_.applier->Install(*folder, position);
  if (!status.ok()) ExitOnStorageFailure("snapshot_install_failed", status);
  LogInfo("snapshot", "installed",
          {{"index", absl::StrCat(position.index.value())}});
}

void SnapshotKeeper::Stop() {
  {
    MutexLock lock(&mu_);
    stop_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
  std::vector<Wanted> wanted;
  {
    MutexLock lock(&mu_);
    wanted.swap(wanted_);
  }
  for (Wanted& call : wanted) {
    call.done(absl::CancelledError("this member shuts down"));
  }
}

void SnapshotKeeper::Run() {
  while (true) {
    std::optional<absl::StatusOr<raft::SnapshotPosition>> made;
    {
      MutexLock lock(&mu_);
      if (stop_) return;
      if (!made_.has_value()) changed_.WaitFor(&mu_, kLookPeriod);
      if (stop_) return;
      made.swap(made_);
    }
    if (made.has_value()) FinishCheckpoint(*std::move(made));
    Send();
    Give();
    if (!making_ && deps_.clock->SinceBoot() >= next_try_ && Due()) {
      BeginCheckpoint();
    }
  }
}

bool SnapshotKeeper::Due() const {
  const raft::Index applied = deps_.applier->applied();
  const std::optional<raft::SnapshotPosition> newest = deps_.files->Newest();
  const raft::Index covered =
      newest.has_value() ? newest->index : raft::Index(0);
  if (applied <= covered) return false;
  if (applied.value() - covered.value() >= limits_.entries ||
      deps_.applier->applied_bytes() - bytes_at_newest_ >= limits_.bytes) {
    return true;
  }
  MutexLock lock(&mu_);
  return std::any_of(orders_.begin(), orders_.end(),
                     [&](const auto& order) {
                       return order.second.at_least > covered;
                     }) ||
         std::any_of(wanted_.begin(), wanted_.end(), [&](const Wanted& call) {
           return call.at_least > covered;
         });
}

void SnapshotKeeper::BeginCheckpoint() {
  absl::StatusOr<std::string> folder = deps_.files->CheckpointFolder();
  if (!folder.ok()) {
    FinishCheckpoint(folder.status());
    return;
  }
  making_ = true;
  folder_ = *std::move(folder);
  bytes_at_newest_ = deps_.applier->applied_bytes();
  deps_.applier->RequestCheckpoint(
      folder_, [this](absl::StatusOr<raft::SnapshotPosition> result) {
        MutexLock lock(&mu_);
        made_ = std::move(result);
        changed_.NotifyAll();
      });
}

// The log may go up to the snapshot before this one.
void SnapshotKeeper::FinishCheckpoint(
    absl::StatusOr<raft::SnapshotPosition> result) {
  making_ = false;
  const std::optional<raft::SnapshotPosition> before = deps_.files->Newest();
  absl::Status status = result.status();
  if (status.ok()) status = deps_.files->Adopt(folder_, *result);
  if (!status.ok()) {
    LogWarn("snapshot", "not_made",
            {{"status", std::string(status.message())}});
    next_try_ = deps_.clock->SinceBoot() + kRetryPause;
    return;
  }
  LogInfo("snapshot", "made", {{"index", absl::StrCat(result->index.value())}});
  // One that was received meanwhile may be newer, and not installed yet.
  if (!before.has_value() || before->index >= result->index) return;
  std::vector<InsideEvent> events;
  events.emplace_back(CompactEvent{.position = *before});
  deps_.inbox->Push(std::move(events));
}

void SnapshotKeeper::Send() {
  const std::optional<raft::SnapshotPosition> newest = deps_.files->Newest();
  if (!newest.has_value()) return;
  std::vector<raft::SnapshotOrder> ready;
  {
    MutexLock lock(&mu_);
    for (auto it = orders_.begin(); it != orders_.end();) {
      if (it->second.at_least > newest->index) {
        ++it;
        continue;
      }
      ready.push_back(it->second);
      it = orders_.erase(it);
    }
  }
  for (const raft::SnapshotOrder& order : ready) {
    absl::StatusOr<std::unique_ptr<SnapshotSource>> source =
        deps_.files->OpenNewest();
    if (!source.ok()) {
      LogWarn("snapshot", "not_read",
              {{"status", std::string(source.status().message())}});
      Order(order);  // Another is made, or this one read again.
      next_try_ = deps_.clock->SinceBoot() + kLookPeriod;
      return;
    }
    LogInfo(
        "snapshot", "sending",
        {{"to", absl::StrCat(order.to.value())},
         {"index", absl::StrCat((*source)->header().position.index.value())}});
    deps_.transport->SendSnapshot(order.to, order.term, *std::move(source));
  }
}

void SnapshotKeeper::Give() {
  const std::optional<raft::SnapshotPosition> newest = deps_.files->Newest();
  const absl::Duration now = deps_.clock->SinceBoot();
  std::vector<Wanted> ended;
  {
    MutexLock lock(&mu_);
    const auto waits = [&](const Wanted& call) {
      const bool there = newest.has_value() && newest->index >= call.at_least;
      return !there && call.deadline > now;
    };
    const auto split =
        std::stable_partition(wanted_.begin(), wanted_.end(), waits);
    std::move(split, wanted_.end(), std::back_inserter(ended));
    wanted_.erase(split, wanted_.end());
  }
  for (Wanted& call : ended) {
    if (newest.has_value() && newest->index >= call.at_least) {
      call.done(deps_.files->OpenNewest());
    } else {
      call.done(absl::UnavailableError("no snapshot could be made in time"));
    }
  }
}

}  // namespace quorate::replication
