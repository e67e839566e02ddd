#include "tests/sim/sim_member.h"

#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

#include "quorate/internal/v1/command.pb.h"

#include "base/check.h"
#include "tests/support/sim_disk.h"

namespace quorate::sim {

using replication::ConsensusLoop;
using replication::LoopOutput;
using replication::PeerMessage;
using replication::ProposeOutcome;
using replication::ReadOutcome;

namespace {

constexpr SimTime kTick = 50 * kMillisecond;

const raft::VoteReply* GrantedVote(const PeerMessage& message) {
  const auto* raft = std::get_if<raft::Message>(&message.body);
  if (raft == nullptr) return nullptr;
  const auto* vote = std::get_if<raft::VoteReply>(&raft->body);
  return vote != nullptr && vote->granted && !vote->pre_vote ? vote : nullptr;
}

replication::NodeOptions LoopOptions(const SimOptions& options) {
  replication::NodeOptions node;
  node.tick = absl::Microseconds(kTick);
  node.max_message_bytes = options.max_message_bytes;
  node.max_inflight_messages = options.max_inflight_messages;
  node.check_invariants = true;
  return node;
}

}  // namespace

SimMember::SimMember(const Deps& deps, raft::MemberId id,
                     const raft::Configuration& configuration, bool joining)
    : deps_(deps),
      id_(id),
      random_(deps.options->seed ^ (id.value() << 20)),
      clock_(deps.scheduler),
      storage_(std::make_unique<SimStorage>(id, configuration, joining)) {
  deps_.network->Join(id, this);
}

SimMember::~SimMember() = default;

bool SimMember::Leads() const {
  return up() && loop_->Leads();
}

SimSnapshots* SimMember::snapshots() {
  return working() ? snapshots_.get() : nullptr;
}

void SimMember::Later(SimTime delay, std::function<void()> event) {
  deps_.scheduler->After(
      delay, [this, generation = generation_, event = std::move(event)] {
        if (generation == generation_) Hear(event);
      });
}

void SimMember::Hear(std::function<void()> event) {
  if (!up()) return;
  if (paused_) {
    held_.push_back(std::move(event));
    return;
  }
  event();
  // Whatever it was: a disk that failed ends the process.
  if (up() && storage_->broken()) CrashAndReturn();
}

void SimMember::Tell(const std::function<void(ConsensusLoop&)>& event) {
  event(*loop_);
  Pump();
}

void SimMember::Note(const std::string& event) {
  deps_.checker->Note(id_, event);
}

void SimMember::Start() {
  if (up() || gone_ || deps_.checker->failed()) return;
  started_ = true;
  const absl::Status opened = storage_->Open();
  if (!opened.ok()) return OnOpenFailed(opened);
  CheckStart();
  run_ = random_.Next() | 1;
  snapshots_ = std::make_unique<SimSnapshots>(
      SimSnapshots::Deps{.options = deps_.options,
                         .random = &random_,
                         .network = deps_.network,
                         .process = this,
                         .storage = storage_.get(),
                         .find =
                             [find = deps_.find](raft::MemberId id) {
                               SimMember* const member = find(id);
                               return member == nullptr ? nullptr
                                                        : member->snapshots();
                             }},
      id_, storage_->Position());
  loop_ = std::make_unique<ConsensusLoop>(
      ConsensusLoop::Deps{.log = &storage_->log(), .clock = &clock_},
      LoopOptions(*deps_.options), id_, storage_->Restored(), run_,
      random_.Next());
  led_ = false;
  deps_.network->ProcessStarted(id_);
  Later(kTick, [this] { Tick(); });
  snapshots_->Start();
  Pump();
}

void SimMember::OnOpenFailed(const absl::Status& status) {
  Note(absl::StrCat("does not start: ", status.ToString()));
  const bool passes =
      absl::IsResourceExhausted(status) || absl::IsUnavailable(status);
  if (passes && disk().full()) {
    storage_->KillProcess();
    return StartLater();
  }
  if (damaged_ && absl::IsDataLoss(status)) return Retire();
  deps_.checker->Fail(
      "a member starts after any crash",
      absl::StrCat("member ", id_.value(), ": ", status.ToString()));
}

void SimMember::CheckStart() {
  const raft::SnapshotPosition position = storage_->Position();
  const std::optional<raft::SnapshotPosition> before =
      storage_->log().RestoredSnapshot();
  deps_.checker->OnRestart(id_, before.value_or(raft::SnapshotPosition()).index,
                           storage_->ReadLog());
  if (before.has_value()) deps_.checker->OnPosition(id_, *before);
  deps_.checker->OnState(id_, position.index, StateDigest());
}

void SimMember::Crash(bool power) {
  if (!up()) return;
  deps_.checker->OnCrash(id_, Leads());
  ++generation_;
  // A write that was under way may have reached the disk in part or whole.
  if (power && !in_flight_.empty() && random_.OneIn(2)) {
    storage_->AppendInterrupted(in_flight_, &random_);
  }
  loop_.reset();
  snapshots_.reset();
  if (power) {
    storage_->LosePower(&random_);
  } else {
    storage_->KillProcess();
  }
  paused_ = false;
  held_.clear();
  disk_queue_.clear();
  in_flight_.clear();
  apply_queue_.clear();
  apply_scheduled_ = false;
  proposals_.clear();
  reads_.clear();
  changes_.clear();
  granted_reads_.clear();
  clock_proposed_ = false;
  deps_.network->ProcessEnded(id_);
}

void SimMember::CrashAndReturn() {
  if (!up()) return;
  Crash(random_.Chance(deps_.options->power_percent, 100));
  StartLater();
}

void SimMember::StartLater() {
  deps_.scheduler->After(TimeBelow(&random_, deps_.options->down_time_max),
                         [this] { Start(); });
}

void SimMember::Retire() {
  Crash(/*power=*/true);
  Note("never comes back");
  gone_ = true;
}

// The process only: what a loss of power may take away nobody could tell from
// damage at the same place.
void SimMember::DamageDisk() {
  Crash(/*power=*/false);
  damaged_ = true;
  Note(absl::StrCat("damage: ", storage_->FlipBit(&random_)));
  StartLater();
}

void SimMember::StallDisk(SimTime time) {
  stalled_until_ = deps_.scheduler->now() + time;
}

void SimMember::CrashSoon(SimTime delay) {
  deps_.scheduler->After(delay, [this, generation = generation_] {
    if (generation == generation_ && !calm_) CrashAndReturn();
  });
}

bool SimMember::FailPoint(const char* place) {
  return CrashHere(place, deps_.options->crash_at_failpoint_per_10000);
}

bool SimMember::CrashHere(const char* place, uint64_t chance_per_10000) {
  if (calm_ || !random_.Chance(chance_per_10000, 10'000)) return false;
  Note(place);
  CrashAndReturn();
  return true;
}

void SimMember::Pause() {
  paused_ = up();
}

void SimMember::Resume() {
  if (!paused_) return;
  paused_ = false;
  std::vector<std::function<void()>> held;
  held.swap(held_);
  for (const auto& event : held)
    Later(0, event);
}

void SimMember::Deliver(PeerMessage message) {
  Hear([this, message = std::move(message)]() mutable {
    loop_->OnPeerMessage(std::move(message));
    Pump();
  });
}

// As RunningNode::Take.
void SimMember::OnPeerLost(raft::MemberId peer) {
  Hear([this, peer] {
    Note(absl::StrCat("lost ", peer.value()));
    loop_->OnPeerUnreachable(peer);
    loop_->OnPeerLost(peer);
    Pump();
  });
}

void SimMember::OnPeerReachable(raft::MemberId peer) {
  Hear([this, peer] {
    loop_->OnPeerReachable(peer);
    Pump();
  });
}

void SimMember::Propose(std::string command, absl::Duration timeout,
                        Done done) {
  QUORATE_CHECK(working());
  const uint64_t sequence = next_sequence_++;
  proposals_[sequence] = std::move(done);
  loop_->Propose(sequence,
                 std::make_shared<const std::string>(std::move(command)),
                 timeout);
  Pump();
}

void SimMember::Read(absl::Duration timeout, std::function<void(bool)> done) {
  QUORATE_CHECK(working());
  const uint64_t read = next_read_++;
  reads_[read] = std::move(done);
  loop_->Read(read, timeout);
  Pump();
}

void SimMember::Request(replication::MembershipRequest request,
                        absl::Duration timeout, ChangeDone done) {
  QUORATE_CHECK(working());
  const uint64_t call = next_change_++;
  changes_[call] = std::move(done);
  loop_->Request(call, std::move(request), timeout);
  Pump();
}

void SimMember::AcceptCalendar(int64_t up_to_ms, absl::Duration timeout) {
  deps_.checker->clocks().OnAcceptance(up_to_ms);
  Request({.what = replication::CalendarLeap{.up_to_ms = up_to_ms}}, timeout,
          [](const absl::Status&) {});
}

void SimMember::SetClockRate(int64_t parts_per_million) {
  clock_.SetRate(parts_per_million);
}

void SimMember::SetCalendarOff(absl::Duration off) {
  Note(absl::StrCat("its calendar is off by ", absl::FormatDuration(off)));
  clock_.SetCalendarOff(off);
  deps_.checker->clocks().OnCalendarOff(id_, off);
}

void SimMember::Tick() {
  loop_->OnTick();
  MaybeAdvanceClock();
  Pump();
  if (up()) Later(kTick, [this] { Tick(); });
}

void SimMember::MaybeAdvanceClock() {
  if (!loop_->Leads() || clock_proposed_) return;
  const std::optional<int64_t> due = ledger().NextDueClusterMs();
  if (!due.has_value() || *due > loop_->ClusterMs()) return;
  internal::v1::Command command;
  command.mutable_advance_clock();
  clock_proposed_ = true;
  const uint64_t sequence = next_sequence_++;
  proposals_[sequence] = [this](const SimResult&) { clock_proposed_ = false; };
  loop_->Propose(
      sequence,
      std::make_shared<const std::string>(command.SerializeAsString()),
      absl::Seconds(5));
}

void SimMember::Pump() {
  NoteState();
  while (up()) {
    LoopOutput output = loop_->TakeOutput();
    if (output.empty()) break;
    if (!Emit(output)) return;
  }
}

// False where this member crashed with it.
bool SimMember::Emit(LoopOutput& output) {
  for (raft::AppendWork& work : output.appends) {
    if (work.install.has_value()) {
      deps_.checker->OnInstallBegun(id_, work.install->index);
    }
    deps_.checker->OnAppend(id_, work.entries);
    disk_queue_.push_back(std::move(work));
  }
  for (raft::Entry& entry : output.committed) {
    apply_queue_.push_back(std::move(entry));
  }
  for (const raft::SnapshotOrder& order : output.snapshots) {
    snapshots_->Order(order);
  }
  NoteState();
  if (!output.messages.empty() && FailPoint("before a send")) return false;
  SendAll(output.messages);
  if (!output.messages.empty() && FailPoint("after a send")) return false;
  MaybeStartDisk();
  ScheduleApply();
  EndCalls(output);
  RunReads();
  return true;
}

void SimMember::EndCalls(const LoopOutput& output) {
  for (const LoopOutput::Failure& failure : output.failures) {
    if (failure.outcome != ProposeOutcome::kUnknown) {
      deps_.checker->OnRefusal({.run = run_, .sequence = failure.sequence});
    }
    auto waiting = proposals_.extract(failure.sequence);
    if (!waiting.empty()) waiting.mapped()({failure.outcome, {}});
  }
  for (const LoopOutput::ChangeEnd& end : output.changes) {
    auto waiting = changes_.extract(end.call);
    if (!waiting.empty()) waiting.mapped()(end.status);
  }
  for (const LoopOutput::ReadGrant& grant : output.reads) {
    auto waiting = reads_.extract(grant.read);
    if (waiting.empty()) continue;
    if (grant.outcome == ReadOutcome::kOk) {
      granted_reads_.push_back({grant.index, std::move(waiting.mapped())});
    } else {
      waiting.mapped()(false);
    }
  }
}

void SimMember::NoteState() {
  const raft::Raft& raft = loop_->raft();
  deps_.checker->OnRole(id_, raft);
  const bool leads = raft.role() == raft::Role::kLeader;
  if (leads && !led_ && !calm_ &&
      random_.Chance(deps_.options->cut_after_election_per_mille, 1000)) {
    deps_.network->CutOff(id_, TimeBelow(&random_, 2 * kSecond));
  }
  if (leads && !led_ && !calm_ &&
      random_.Chance(deps_.options->crash_after_election_per_mille, 1000)) {
    CrashSoon(TimeBelow(&random_, 30 * kMillisecond));
  }
  if (leads && !led_ && !calm_) {
    Later(0, [this] { deps_.elected(this); });
  }
  led_ = leads;
}

void SimMember::SendAll(const std::vector<PeerMessage>& messages) {
  for (const PeerMessage& message : messages) {
    deps_.network->Send(message);
    if (GrantedVote(message) == nullptr) continue;
    deps_.checker->OnVote(id_, message.to,
                          std::get<raft::Message>(message.body).term);
    if (random_.Chance(deps_.options->crash_after_vote_per_mille, 1000)) {
      CrashSoon(TimeBelow(&random_, kMillisecond));
    }
  }
}

}  // namespace quorate::sim
