#include "tests/sim/sim_member.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

#include "quorate/internal/v1/command.pb.h"

#include "base/check.h"

namespace quorate::sim {

using replication::LoopOutput;
using replication::PeerMessage;
using replication::ProposeOutcome;
using replication::ReadOutcome;

namespace {

constexpr SimTime kTick = 50 * kMillisecond;

bool GrantsVote(const PeerMessage& message) {
  const auto* raft = std::get_if<raft::Message>(&message.body);
  if (raft == nullptr) return false;
  const auto* vote = std::get_if<raft::VoteReply>(&raft->body);
  return vote != nullptr && vote->granted && !vote->pre_vote;
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
                     const raft::Configuration& configuration)
    : deps_(deps),
      id_(id),
      clock_(deps.scheduler),
      storage_(std::make_unique<SimStorage>(id, configuration)) {}

SimMember::~SimMember() = default;

bool SimMember::Leads() const {
  return up() && loop_->Leads();
}

void SimMember::Later(SimTime delay, std::function<void()> event) {
  deps_.scheduler->After(
      delay, [this, generation = generation_, event = std::move(event)] {
        if (generation != generation_) return;
        if (paused_) {
          held_.push_back(event);
          return;
        }
        event();
      });
}

void SimMember::Start() {
  QUORATE_CHECK(!up());
  const absl::Status opened = storage_->Open();
  if (!opened.ok()) {
    deps_.checker->Fail("a member starts after any crash", opened.ToString());
    return;
  }
  const raft::RestoredState restored = storage_->Restored();
  const raft::Index last = storage_->log().LastIndex();
  if (restored.applied > last || restored.hard_state.commit > last) {
    deps_.checker->Fail(
        "the log is never behind what was applied",
        absl::StrCat("member ", id_.value(), " applied ",
                     restored.applied.value(), " of ", last.value()));
    return;
  }
  deps_.checker->OnRestart(id_, storage_->ReadLog());
  applied_ = restored.applied;
  run_ = deps_.random->Next() | 1;
  loop_ = std::make_unique<replication::ConsensusLoop>(
      replication::ConsensusLoop::Deps{.log = &storage_->log(),
                                       .clock = &clock_},
      LoopOptions(*deps_.options), id_, restored, run_, deps_.random->Next());
  led_ = false;
  Later(kTick, [this] { Tick(); });
  Pump();
}

void SimMember::Crash() {
  if (!up()) return;
  deps_.checker->Note(id_, "crash");
  ++generation_;
  // A write that was under way may have reached the disk in part or whole.
  if (!in_flight_.empty() && deps_.random->OneIn(2)) {
    storage_->AppendInterrupted(in_flight_, deps_.random);
  }
  loop_.reset();
  storage_->Crash(deps_.random);
  paused_ = false;
  held_.clear();
  disk_queue_.clear();
  in_flight_.clear();
  apply_queue_.clear();
  apply_scheduled_ = false;
  proposals_.clear();
  reads_.clear();
  granted_reads_.clear();
  clock_proposed_ = false;
}

void SimMember::CrashSoon(SimTime delay) {
  if (calm_) return;
  deps_.scheduler->After(delay, [this, generation = generation_] {
    if (generation != generation_ || calm_) return;
    Crash();
    StartLater();
  });
}

void SimMember::StartLater() {
  const SimTime down = static_cast<SimTime>(
      deps_.random->Below(static_cast<uint64_t>(deps_.options->down_time_max)));
  deps_.scheduler->After(down, [this] {
    if (!up() && !deps_.checker->failed()) Start();
  });
}

bool SimMember::FailPoint(const char* place) {
  return CrashHere(place, deps_.options->crash_at_failpoint_per_10000);
}

bool SimMember::CrashHere(const char* place, uint64_t chance_per_10000) {
  if (calm_ || !deps_.random->Chance(chance_per_10000, 10'000)) return false;
  deps_.checker->Note(id_, place);
  Crash();
  StartLater();
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
  if (!up()) return;
  if (paused_) {
    held_.push_back([this, message = std::move(message)]() mutable {
      Deliver(std::move(message));
    });
    return;
  }
  loop_->OnPeerMessage(std::move(message));
  Pump();
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
  while (up()) {
    LoopOutput output = loop_->TakeOutput();
    if (output.empty()) break;
    for (raft::AppendWork& work : output.appends) {
      deps_.checker->OnAppend(id_, work.entries);
      disk_queue_.push_back(std::move(work));
    }
    for (raft::Entry& entry : output.committed) {
      apply_queue_.push_back(std::move(entry));
    }
    NoteRole();
    if (!output.messages.empty() && FailPoint("before a send")) return;
    SendAll(output.messages);
    if (!output.messages.empty() && FailPoint("after a send")) return;
    MaybeStartDisk();
    ScheduleApply();
    for (const LoopOutput::Failure& failure : output.failures) {
      auto waiting = proposals_.extract(failure.sequence);
      if (!waiting.empty()) waiting.mapped()({failure.outcome, {}});
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
    RunReads();
  }
}

void SimMember::NoteRole() {
  const raft::Raft& raft = loop_->raft();
  deps_.checker->OnRole(id_, raft.role(), raft.term());
  const bool leads = raft.role() == raft::Role::kLeader;
  if (leads && !led_ && !calm_ &&
      deps_.random->Chance(deps_.options->cut_after_election_per_mille, 1000)) {
    deps_.network->CutOff(
        id_, static_cast<SimTime>(deps_.random->Below(2 * kSecond)));
  }
  if (leads && !led_ &&
      deps_.random->Chance(deps_.options->crash_after_election_per_mille,
                           1000)) {
    CrashSoon(static_cast<SimTime>(deps_.random->Below(30 * kMillisecond)));
  }
  led_ = leads;
}

void SimMember::SendAll(const std::vector<PeerMessage>& messages) {
  for (const PeerMessage& message : messages) {
    deps_.network->Send(message);
    if (GrantsVote(message) &&
        deps_.random->Chance(deps_.options->crash_after_vote_per_mille, 1000)) {
      CrashSoon(static_cast<SimTime>(deps_.random->Below(kMillisecond)));
    }
  }
}

void SimMember::MaybeStartDisk() {
  if (!in_flight_.empty() || disk_queue_.empty()) return;
  in_flight_.swap(disk_queue_);
  const SimTime delay = static_cast<SimTime>(deps_.random->Between(
      static_cast<uint64_t>(deps_.options->disk_delay_min),
      static_cast<uint64_t>(deps_.options->disk_delay_max)));
  Later(delay, [this] { FinishDisk(); });
}

void SimMember::FinishDisk() {
  if (FailPoint("before a write")) return;
  storage_->Append(in_flight_);
  std::vector<raft::AppendWork> done;
  done.swap(in_flight_);
  if (FailPoint("after a write")) return;
  for (raft::AppendWork& work : done) {
    std::vector<PeerMessage> messages;
    for (raft::Message& message : work.messages) {
      const raft::MemberId to = message.to;
      messages.push_back({id_, to, std::move(message)});
    }
    SendAll(messages);
    loop_->OnAppended(work.receipt);
  }
  MaybeStartDisk();
  Pump();
}

void SimMember::ScheduleApply() {
  if (apply_scheduled_ || apply_queue_.empty()) return;
  apply_scheduled_ = true;
  Later(static_cast<SimTime>(deps_.random->Below(
            static_cast<uint64_t>(deps_.options->apply_delay_max))),
        [this] { ApplyQueued(); });
}

void SimMember::ApplyQueued() {
  apply_scheduled_ = false;
  std::vector<raft::Entry> entries;
  entries.swap(apply_queue_);
  std::vector<uint64_t> sequences;
  for (const raft::Entry& entry : entries) {
    ApplyOne(entry, &sequences);
    if (deps_.checker->failed() || FailPoint("after an apply")) return;
    if (Leads() &&
        CrashHere("after an apply as leader",
                  10 * deps_.options->leader_crash_after_apply_per_mille)) {
      return;
    }
  }
  applied_ = entries.back().index;
  loop_->OnApplied(applied_, entries.back().term, sequences);
  RunReads();
  Pump();
}

void SimMember::ApplyOne(const raft::Entry& entry,
                         std::vector<uint64_t>* sequences) {
  SimStorage::Applied applied = storage_->Apply(entry);
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
    if (read.index <= applied_) {
      read.done(true);
    } else {
      granted_reads_.push_back(std::move(read));
    }
  }
}

}  // namespace quorate::sim
