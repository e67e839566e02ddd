#include "tests/replication/node/node_cluster.h"

#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "base/bounded_queue.h"
#include "base/check.h"
#include "base/clock.h"

namespace quorate::replication {
namespace {

// Far more than anything here takes, for a machine that does much else.
constexpr absl::Duration kPatience = absl::Seconds(60);

// Waits a moment without a wake-up to hope for.
void Pause() {
  BoundedQueue<int>(1).TakeAll(absl::Milliseconds(2));
}

}  // namespace

class MemoryNetwork::MemoryTransport : public Transport {
 public:
  MemoryTransport(MemoryNetwork* network, raft::MemberId id)
      : network_(network), id_(id) {}

  ~MemoryTransport() override { Stop(); }

  void Start(PeerMessageSink* sink, SnapshotSink* snapshots) override {
    network_->Attach(id_, {.messages = sink, .snapshots = snapshots});
  }

  void Send(PeerMessage message) override {
    network_->Deliver(std::move(message));
  }

  void SendSnapshot(raft::MemberId to, raft::Term term,
                    std::unique_ptr<SnapshotSource> snapshot) override {
    network_->CarrySnapshot(id_, to, term, snapshot.get());
  }

  void SetConfiguration(const raft::Configuration& /*configuration*/) override {
  }

  void Stop() override { network_->Detach(id_); }

 private:
  MemoryNetwork* const network_;
  const raft::MemberId id_;
};

std::unique_ptr<Transport> MemoryNetwork::NewTransport(raft::MemberId id) {
  return std::make_unique<MemoryTransport>(this, id);
}

void MemoryNetwork::Attach(raft::MemberId id, const Sinks& sinks) {
  MutexLock lock(&mu_);
  sinks_[id] = sinks;
  for (auto& [other, other_sinks] : sinks_) {
    if (other == id) continue;
    other_sinks.messages->OnPeerReachable(id);
    sinks.messages->OnPeerReachable(other);
  }
}

void MemoryNetwork::Detach(raft::MemberId id) {
  MutexLock lock(&mu_);
  sinks_.erase(id);
  for (auto& [other, sinks] : sinks_) {
    sinks.messages->OnPeerUnreachable(id);
    sinks.messages->OnPeerLost(id);
  }
}

void MemoryNetwork::CarrySnapshot(raft::MemberId from, raft::MemberId to,
                                  raft::Term term, SnapshotSource* snapshot) {
  MutexLock lock(&mu_);
  const auto sender = sinks_.find(from);
  if (sender == sinks_.end()) return;
  const auto receiver = sinks_.find(to);
  const bool connected =
      receiver != sinks_.end() && !cut_off_[from] && !cut_off_[to];
  bool delivered = false;
  if (connected) {
    SnapshotSink* sink = receiver->second.snapshots;
    const SnapshotHeader& header = snapshot->header();
    delivered =
        sink->OnSnapshotBegin(from, term, header).ok() &&
        sink->OnSnapshotBytes(from, 0, *snapshot->Read(0, header.total_bytes))
            .ok() &&
        sink->OnSnapshotEnd(from).ok();
  }
  sender->second.messages->OnSnapshotSent(to, delivered);
}

void MemoryNetwork::Deliver(PeerMessage message) {
  // Under the lock, so that Detach waits for calls that are under way.
  MutexLock lock(&mu_);
  const auto it = sinks_.find(message.to);
  if (it == sinks_.end() || sinks_.count(message.from) == 0) return;
  if (cut_off_[message.from] || cut_off_[message.to]) return;
  static_cast<void>(it->second.messages->OnPeerMessage(std::move(message)));
}

void MemoryNetwork::SetCutOff(raft::MemberId id, bool cut_off) {
  MutexLock lock(&mu_);
  cut_off_[id] = cut_off;
}

raft::Index CountingMachine::AppliedIndex() const {
  MutexLock lock(&mu_);
  return applied_;
}

std::vector<std::unique_ptr<Answer>> CountingMachine::Apply(
    std::span<const raft::Entry> entries) {
  std::vector<std::unique_ptr<Answer>> answers;
  MutexLock lock(&mu_);
  for (const raft::Entry& entry : entries) {
    gap_ = gap_ || entry.index != applied_.Next();
    applied_ = entry.index;
    if (entry.type != raft::EntryType::kCommand) {
      answers.push_back(nullptr);
      continue;
    }
    const int times = ++times_[*entry.payload];
    if (times == 1) effects_.push_back(*entry.payload);
    answers.push_back(std::make_unique<CountAnswer>(*entry.payload, times));
  }
  return answers;
}

std::vector<std::string> CountingMachine::Effects() const {
  MutexLock lock(&mu_);
  return effects_;
}

bool CountingMachine::Has(const std::string& key) const {
  MutexLock lock(&mu_);
  return times_.count(key) > 0;
}

absl::Status CountingMachine::Checkpoint(const std::string& folder) {
  MutexLock lock(&mu_);
  std::string text = absl::StrCat(applied_.value());
  for (const std::string& effect : effects_) {
    absl::StrAppend(&text, "\n", effect, "\n", times_.at(effect));
  }
  folders_->Write(folder, std::move(text));
  return absl::OkStatus();
}

absl::Status CountingMachine::Install(const std::string& folder) {
  const std::optional<std::string> text = folders_->Read(folder);
  if (!text.has_value()) return absl::DataLossError("no such folder");
  const std::vector<std::string> lines = absl::StrSplit(*text, '\n');
  MutexLock lock(&mu_);
  applied_ = raft::Index(std::stoull(lines[0]));
  effects_.clear();
  times_.clear();
  for (size_t i = 1; i + 1 < lines.size(); i += 2) {
    effects_.push_back(lines[i]);
    times_[lines[i]] = std::stoi(lines[i + 1]);
  }
  ++installed_;
  return absl::OkStatus();
}

int CountingMachine::installed() const {
  MutexLock lock(&mu_);
  return installed_;
}

bool CountingMachine::gap() const {
  MutexLock lock(&mu_);
  return gap_;
}

raft::Configuration ThreeNodes() {
  raft::Configuration configuration;
  for (int member = 1; member <= NodeCluster::kMembers; ++member) {
    configuration.membership.voters.push_back(raft::MemberId(member));
    configuration.addresses.push_back(AddressOf(member));
  }
  return configuration;
}

raft::MemberAddress AddressOf(int number) {
  return {.id = raft::MemberId(number),
          .name = absl::StrCat("m", number),
          .peer_endpoint = absl::StrCat("peer", number, ":1"),
          .client_endpoint = absl::StrCat("client", number, ":1")};
}

NodeOptions QuickOptions() {
  NodeOptions options;
  options.tick = absl::Milliseconds(20);
  options.check_invariants = true;
  return options;
}

NodeCluster::NodeCluster(const NodeOptions& options)
    : options_(options), members_(kMembers) {
  for (int member = 1; member <= kMembers; ++member) {
    MakeDisk(member);
    StartMember(member);
  }
}

NodeCluster::~NodeCluster() {
  for (size_t member = 1; member <= members_.size(); ++member) {
    StopMember(static_cast<int>(member));
  }
}

int NodeCluster::AddMachine() {
  members_.emplace_back();
  const int number = static_cast<int>(members_.size());
  members_.back().store = MemoryLogStore::NewJoining(
      {.cluster_id = std::string(32, 'a'), .member_id = raft::MemberId(number)},
      ThreeNodes());
  members_.back().snapshots = std::make_unique<MemorySnapshotFiles>(
      &folders_, absl::StrCat("m", number));
  StartMember(number);
  return number;
}

void NodeCluster::MakeDisk(int number) {
  Member& member = members_[number - 1];
  member.store = std::make_unique<MemoryLogStore>(
      MemberIdentity{.cluster_id = std::string(32, 'a'),
                     .member_id = raft::MemberId(number)},
      ThreeNodes());
  member.snapshots = std::make_unique<MemorySnapshotFiles>(
      &folders_, absl::StrCat("m", number));
}

void NodeCluster::StartMember(int number) {
  Member& member = members_[number - 1];
  member.transport = network_.NewTransport(raft::MemberId(number));
  if (member.machine == nullptr || member.store->FirstIndex().value() == 1) {
    member.machine = std::make_unique<CountingMachine>(&folders_);
  }
  absl::StatusOr<std::unique_ptr<Node>> node =
      Node::Start({.log = member.store.get(),
                   .transport = member.transport.get(),
                   .state_machine = member.machine.get(),
                   .snapshots = member.snapshots.get(),
                   .clock = &SystemClock()},
                  options_);
  QUORATE_CHECK_OK(node.status());
  member.node = *std::move(node);
}

void NodeCluster::StopMember(int number) {
  Member& member = members_[number - 1];
  if (member.node == nullptr) return;
  member.node->Stop();
  member.node.reset();
  member.transport.reset();
}

int NodeCluster::WaitForLeader() {
  const absl::Duration until = SystemClock().SinceBoot() + kPatience;
  while (SystemClock().SinceBoot() < until) {
    for (int member = 1; member <= static_cast<int>(members_.size());
         ++member) {
      if (!runs(member) || !node(member).LeadsHint()) continue;
      const NodeStatus status = node(member).Status();
      if (status.raft.role == raft::Role::kLeader && status.serving) {
        return member;
      }
    }
    Pause();
  }
  CheckFailed(__FILE__, __LINE__, "no leader was elected", "");
}

ProposeResult NodeCluster::Propose(int member, const std::string& key,
                                   absl::Duration timeout) {
  std::promise<ProposeResult> done;
  node(member).Propose(key, timeout, [&done](ProposeResult result) {
    done.set_value(std::move(result));
  });
  return done.get_future().get();
}

ReadOutcome NodeCluster::Read(int member, ReadConsistency consistency,
                              absl::Duration timeout) {
  std::promise<ReadOutcome> done;
  node(member).Read(consistency, timeout,
                    [&done](ReadOutcome outcome) { done.set_value(outcome); });
  return done.get_future().get();
}

absl::Status NodeCluster::WaitForEqual(size_t count) {
  const absl::Duration until = SystemClock().SinceBoot() + kPatience;
  std::string sizes;
  while (SystemClock().SinceBoot() < until) {
    bool equal = true;
    std::vector<std::string> first;
    sizes.clear();
    for (int member = 1; member <= static_cast<int>(members_.size());
         ++member) {
      if (!runs(member)) continue;
      const std::vector<std::string> effects = machine(member).Effects();
      if (first.empty()) first = effects;
      absl::StrAppend(&sizes, " m", member, ":", effects.size());
      equal = equal && effects.size() == count && effects == first;
    }
    if (equal) return absl::OkStatus();
    Pause();
  }
  return absl::DeadlineExceededError(
      absl::StrCat("wanted ", count, " effects everywhere, have", sizes));
}

}  // namespace quorate::replication
