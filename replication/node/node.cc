#include "replication/node/node.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/random.h"
#include "replication/node/applier.h"
#include "replication/node/call_table.h"
#include "replication/node/consensus_loop.h"
#include "replication/node/inbox.h"
#include "replication/node/log_writer.h"
#include "replication/node/membership_calls.h"
#include "replication/node/published_status.h"
#include "replication/node/recovery.h"
#include "replication/node/snapshot_keeper.h"

namespace quorate::replication {
namespace {

// A thread that is late makes up for at most this many ticks. The messages
// that came in meanwhile are looked at first, so a member that was stopped for
// a while hears its leader before its election timer runs out.
constexpr int kMaxTicksAtOnce = 2;

// A linearizable read on its way to the applier.
struct WaitingRead {
  absl::Duration deadline;
  ReadDone done;
};

class RunningNode final : public Node, private PeerMessageSink {
 public:
  RunningNode(const Deps& deps, const NodeOptions& options, uint64_t run);

  ~RunningNode() override { Stop(); }

  void Run();

  void Propose(std::string command, absl::Duration timeout,
               ProposeDone done) override;
  void Read(ReadConsistency consistency, absl::Duration timeout,
            ReadDone done) override;

  bool LeadsHint() const override { return published_.leads(); }

  int64_t ClusterMsHint() const override { return published_.cluster_ms(); }

  int64_t CalendarMsHint() const override { return published_.calendar_ms(); }

  void SetDiskLow(bool low) override {
    disk_low_.store(low, std::memory_order_relaxed);
  }

  raft::MemberId LowLeaderHint() const override {
    return published_.low_leader();
  }

  void ChangeMembers(raft::ConfigurationChange change, absl::Duration timeout,
                     ChangeDone done) override;
  void TransferLeadership(raft::MemberId to, absl::Duration timeout,
                          ChangeDone done) override;
  void AcceptCalendar(int64_t up_to_ms, absl::Duration timeout,
                      ChangeDone done) override;

  void TakeSnapshot(absl::Duration timeout, SnapshotDone done) override {
    snapshots_.Take(timeout, std::move(done));
  }

  NodeStatus Status() const override;

  void Stop() override;

 private:
  bool OnPeerMessage(PeerMessage message) override;
  void OnPeerUnreachable(raft::MemberId peer) override;
  void OnPeerReachable(raft::MemberId peer) override;
  void OnPeerLost(raft::MemberId peer) override;
  void OnSnapshotSent(raft::MemberId to, bool delivered) override;

  void RunConsensus();
  void Take(Inbox::Batch batch);
  void Take(InsideEvent event);
  void Take(OutsideEvent event);
  int TickIfDue();
  void Emit(LoopOutput output);
  void EndRead(const LoopOutput::ReadGrant& grant);
  void Request(MembershipRequest request, absl::Duration timeout,
               ChangeDone done);
  void Publish(bool ticked);
  void StopOnce();

  // Constant after construction.
  const Deps deps_;
  const NodeOptions options_;
  const raft::MemberId id_;

  ProposeCalls proposals_;
  CallTable<WaitingRead> reads_;
  CallTable<ChangeDone> changes_;
  Inbox inbox_;
  Applier applier_;
  SnapshotKeeper snapshots_;
  LogWriter writer_;
  std::once_flag stop_once_;
  std::thread thread_;

  std::atomic<bool> disk_low_ = false;
  PublishedStatus published_;

  // Confined to the consensus thread once it runs.
  ConsensusLoop loop_;
  absl::Duration next_tick_;
};

RunningNode::RunningNode(const Deps& deps, const NodeOptions& options,
                         uint64_t run)
    : deps_(deps),
      options_(options),
      id_(deps.log->identity().member_id),
      proposals_(options.max_proposals, options.max_proposal_bytes),
      reads_(options.max_reads, options.max_reads),
      changes_(MembershipCalls::kMaxCalls, MembershipCalls::kMaxCalls),
      inbox_(options.max_events, options.max_event_bytes),
      applier_({.state_machine = deps.state_machine,
                .clock = deps.clock,
                .calls = &proposals_,
                .inbox = &inbox_},
               run, options.max_reads,
               PositionOf(*deps.log, deps.state_machine->AppliedIndex())),
      snapshots_({.files = deps.snapshots,
                  .applier = &applier_,
                  .transport = deps.transport,
                  .inbox = &inbox_,
                  .clock = deps.clock},
                 {.entries = options.snapshot_entries,
                  .bytes = options.snapshot_bytes}),
      writer_({.log = deps.log,
               .transport = deps.transport,
               .inbox = &inbox_,
               .clock = deps.clock,
               .latencies = deps.latencies,
               .install =
                   [this](const raft::SnapshotPosition& position) {
                     snapshots_.Install(position);
                   }}),
      loop_({.log = deps.log, .clock = deps.clock, .latencies = deps.latencies},
            options, id_,
            RestoredStateOf(*deps.log, deps.state_machine->AppliedIndex()), run,
            SystemRandomId()),
      next_tick_(deps.clock->SinceBoot() + options.tick) {}

void RunningNode::Run() {
  // The first output names the configuration: who may connect is known before
  // anyone does.
  Emit(loop_.TakeOutput());
  Publish(/*ticked=*/true);
  writer_.Start();
  applier_.Start();
  snapshots_.Start();
  deps_.transport->Start(this, &snapshots_);
  thread_ = std::thread([this] { RunConsensus(); });
}

void RunningNode::Propose(std::string command, absl::Duration timeout,
                          ProposeDone done) {
  const size_t bytes = command.size();
  if (bytes > kMaxCommandBytes) {
    done(ProposeResult{.outcome = ProposeOutcome::kOverloaded});
    return;
  }
  raft::Payload payload =
      std::make_shared<const std::string>(std::move(command));
  const std::optional<uint64_t> sequence = proposals_.Add(&done, bytes);
  if (!sequence.has_value()) {
    done(ProposeResult{.outcome = proposals_.closed()
                                      ? ProposeOutcome::kStopping
                                      : ProposeOutcome::kOverloaded});
    return;
  }
  if (inbox_.TryPush(ProposeEvent{.sequence = *sequence,
                                  .payload = std::move(payload),
                                  .timeout = timeout})) {
    return;
  }
  // Stop may have taken the call meanwhile.
  std::optional<ProposeDone> call = proposals_.Take(*sequence);
  if (call.has_value()) {
    (*call)(ProposeResult{.outcome = proposals_.closed()
                                         ? ProposeOutcome::kStopping
                                         : ProposeOutcome::kOverloaded});
  }
}

void RunningNode::Read(ReadConsistency consistency, absl::Duration timeout,
                       ReadDone done) {
  const absl::Duration deadline = deps_.clock->SinceBoot() + timeout;
  if (consistency.kind != ReadConsistency::Kind::kLinearizable) {
    IndexedRead read{.index = consistency.kind == ReadConsistency::Kind::kLocal
                                  ? raft::Index(0)
                                  : consistency.at_least,
                     .deadline = deadline,
                     .done = std::move(done)};
    if (!applier_.TryPushRead(&read)) {
      read.done(applier_.stopping() ? ReadOutcome::kStopping
                                    : ReadOutcome::kOverloaded);
    }
    return;
  }
  WaitingRead waiting{.deadline = deadline, .done = std::move(done)};
  const std::optional<uint64_t> number = reads_.Add(&waiting, 1);
  if (!number.has_value()) {
    waiting.done(reads_.closed() ? ReadOutcome::kStopping
                                 : ReadOutcome::kOverloaded);
    return;
  }
  if (inbox_.TryPush(ReadEvent{.read = *number, .timeout = timeout})) return;
  std::optional<WaitingRead> call = reads_.Take(*number);
  if (call.has_value()) {
    call->done(reads_.closed() ? ReadOutcome::kStopping
                               : ReadOutcome::kOverloaded);
  }
}

void RunningNode::ChangeMembers(raft::ConfigurationChange change,
                                absl::Duration timeout, ChangeDone done) {
  Request({.what = std::move(change)}, timeout, std::move(done));
}

void RunningNode::TransferLeadership(raft::MemberId to, absl::Duration timeout,
                                     ChangeDone done) {
  Request({.what = LeadershipTransfer{.to = to}}, timeout, std::move(done));
}

void RunningNode::AcceptCalendar(int64_t up_to_ms, absl::Duration timeout,
                                 ChangeDone done) {
  Request({.what = CalendarLeap{.up_to_ms = up_to_ms}}, timeout,
          std::move(done));
}

void RunningNode::Request(MembershipRequest request, absl::Duration timeout,
                          ChangeDone done) {
  const auto refusal = [this] {
    return changes_.closed()
               ? absl::CancelledError("this member shuts down")
               : absl::AbortedError("too many changes are under way");
  };
  const std::optional<uint64_t> call = changes_.Add(&done, 1);
  if (!call.has_value()) {
    done(refusal());
    return;
  }
  if (inbox_.TryPush(MembershipEvent{
          .call = *call, .request = std::move(request), .timeout = timeout})) {
    return;
  }
  std::optional<ChangeDone> waiting = changes_.Take(*call);
  if (waiting.has_value()) (*waiting)(refusal());
}

NodeStatus RunningNode::Status() const {
  NodeStatus status = published_.status();
  status.applied = applier_.applied();
  return status;
}

bool RunningNode::OnPeerMessage(PeerMessage message) {
  return inbox_.TryPush(std::move(message));
}

void RunningNode::OnPeerUnreachable(raft::MemberId peer) {
  inbox_.PushLink(peer, /*up=*/false);
}

void RunningNode::OnPeerReachable(raft::MemberId peer) {
  inbox_.PushLink(peer, /*up=*/true);
}

void RunningNode::OnPeerLost(raft::MemberId peer) {
  inbox_.PushLost(peer);
}

void RunningNode::OnSnapshotSent(raft::MemberId to, bool delivered) {
  std::vector<InsideEvent> events;
  events.emplace_back(SnapshotSentEvent{.to = to, .delivered = delivered});
  inbox_.Push(std::move(events));
}

void RunningNode::RunConsensus() {
  while (true) {
    const bool room = !writer_.Backlogged() && !applier_.Backlogged();
    Inbox::Batch batch =
        inbox_.Take(next_tick_ - deps_.clock->SinceBoot(), room);
    if (batch.closed) return;
    Take(std::move(batch));
    const int ticks = TickIfDue();
    Emit(loop_.TakeOutput());
    Publish(ticks > 0);
  }
}

void RunningNode::Take(Inbox::Batch batch) {
  for (InsideEvent& event : batch.inside) {
    Take(std::move(event));
  }
  for (const auto& [peer, change] : batch.links) {
    // What was sent to a process that is gone is lost too.
    if (change.broke || change.lost) loop_.OnPeerUnreachable(peer);
    if (change.up) loop_.OnPeerReachable(peer);
    if (change.lost) loop_.OnPeerLost(peer);
  }
  for (OutsideEvent& event : batch.outside) {
    Take(std::move(event));
  }
}

void RunningNode::Take(InsideEvent event) {
  if (const auto* receipt = std::get_if<raft::AppendReceipt>(&event)) {
    loop_.OnAppended(*receipt);
  } else if (const auto* applied = std::get_if<AppliedEvent>(&event)) {
    loop_.OnApplied(applied->index, applied->term, applied->sequences);
  } else if (const auto* installed = std::get_if<InstalledEvent>(&event)) {
    loop_.OnInstalled(installed->index);
  } else if (const auto* sent = std::get_if<SnapshotSentEvent>(&event)) {
    loop_.OnSnapshotSent(sent->to, sent->delivered);
  } else if (auto* received = std::get_if<SnapshotReceivedEvent>(&event)) {
    const raft::Index index = received->position.index;
    if (!loop_.OnSnapshotReceived(received->from, received->term,
                                  std::move(received->position))) {
      snapshots_.OnIgnored(index);
    }
  } else {
    loop_.Compact(std::get<CompactEvent>(event).position);
  }
}

void RunningNode::Take(OutsideEvent event) {
  if (auto* message = std::get_if<PeerMessage>(&event)) {
    loop_.OnPeerMessage(std::move(*message));
  } else if (auto* propose = std::get_if<ProposeEvent>(&event)) {
    loop_.Propose(propose->sequence, std::move(propose->payload),
                  propose->timeout);
  } else if (const auto* read = std::get_if<ReadEvent>(&event)) {
    loop_.Read(read->read, read->timeout);
  } else {
    auto& change = std::get<MembershipEvent>(event);
    loop_.Request(change.call, std::move(change.request), change.timeout);
  }
}

int RunningNode::TickIfDue() {
  const absl::Duration now = deps_.clock->SinceBoot();
  int ticks = 0;
  loop_.SetDiskLow(disk_low_.load(std::memory_order_relaxed));
  while (now >= next_tick_ && ticks < kMaxTicksAtOnce) {
    loop_.OnTick();
    next_tick_ += options_.tick;
    ++ticks;
  }
  if (now >= next_tick_) next_tick_ = now + options_.tick;
  return ticks;
}

void RunningNode::Emit(LoopOutput output) {
  if (output.configuration != nullptr) {
    deps_.transport->SetConfiguration(*output.configuration);
  }
  for (PeerMessage& message : output.messages) {
    deps_.transport->Send(std::move(message));
  }
  for (raft::AppendWork& work : output.appends) {
    writer_.Push(std::move(work));
  }
  applier_.Push(std::move(output.committed));
  for (const LoopOutput::Failure& failure : output.failures) {
    std::optional<ProposeDone> call = proposals_.Take(failure.sequence);
    if (call.has_value()) {
      (*call)(ProposeResult{.outcome = failure.outcome});
    }
  }
  for (const LoopOutput::ReadGrant& grant : output.reads) {
    EndRead(grant);
  }
  for (const LoopOutput::ChangeEnd& end : output.changes) {
    std::optional<ChangeDone> call = changes_.Take(end.call);
    if (call.has_value()) (*call)(end.status);
  }
  for (const raft::SnapshotOrder& order : output.snapshots) {
    snapshots_.Order(order);
  }
}

void RunningNode::EndRead(const LoopOutput::ReadGrant& grant) {
  std::optional<WaitingRead> waiting = reads_.Take(grant.read);
  if (!waiting.has_value()) return;
  if (grant.outcome != ReadOutcome::kOk) {
    waiting->done(grant.outcome);
    return;
  }
  IndexedRead read{.index = grant.index,
                   .deadline = waiting->deadline,
                   .done = std::move(waiting->done)};
  if (!applier_.TryPushRead(&read)) {
    read.done(applier_.stopping() ? ReadOutcome::kStopping
                                  : ReadOutcome::kOverloaded);
  }
}

void RunningNode::Publish(bool ticked) {
  published_.Publish(loop_, ticked, deps_.clock->SinceBoot());
}

void RunningNode::Stop() {
  std::call_once(stop_once_, [this] { StopOnce(); });
}

void RunningNode::StopOnce() {
  proposals_.Close();
  reads_.Close();
  changes_.Close();
  deps_.transport->Stop();
  inbox_.Close();
  if (thread_.joinable()) thread_.join();
  // The writer may wait for the applier, to install a snapshot.
  writer_.Stop();
  snapshots_.Stop();
  applier_.Stop();
  for (const ProposeDone& done : proposals_.TakeAll()) {
    done(ProposeResult{.outcome = ProposeOutcome::kStopping});
  }
  for (const WaitingRead& read : reads_.TakeAll()) {
    read.done(ReadOutcome::kStopping);
  }
  for (const ChangeDone& done : changes_.TakeAll()) {
    done(absl::CancelledError("this member shuts down"));
  }
  for (const IndexedRead& read : applier_.TakeReads()) {
    read.done(ReadOutcome::kStopping);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Node>> Node::Start(const Deps& deps,
                                                  const NodeOptions& options) {
  QUORATE_CHECK(deps.log != nullptr && deps.transport != nullptr &&
                deps.state_machine != nullptr && deps.snapshots != nullptr &&
                deps.clock != nullptr);
  const absl::Status recovered =
      Recover(*deps.log, deps.state_machine, deps.snapshots);
  if (!recovered.ok()) return recovered;
  auto node = std::make_unique<RunningNode>(deps, options, SystemRandomId());
  node->Run();
  return node;
}

}  // namespace quorate::replication
