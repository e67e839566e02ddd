#include "tests/replication/node/node_cluster.h"

#include <future>
#include <utility>

#include "absl/strings/str_cat.h"

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

  void Start(PeerMessageSink* sink, SnapshotSink* /*snapshots*/) override {
    network_->Attach(id_, sink);
  }

  void Send(PeerMessage message) override {
    network_->Deliver(std::move(message));
  }

  void SendSnapshot(raft::MemberId to, raft::Term /*term*/,
                    std::unique_ptr<SnapshotSource> /*snapshot*/) override {
    network_->LoseSnapshot(id_, to);
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

void MemoryNetwork::Attach(raft::MemberId id, PeerMessageSink* sink) {
  MutexLock lock(&mu_);
  sinks_[id] = sink;
  for (auto& [other, other_sink] : sinks_) {
    if (other == id) continue;
    other_sink->OnPeerReachable(id);
    sink->OnPeerReachable(other);
  }
}

void MemoryNetwork::Detach(raft::MemberId id) {
  MutexLock lock(&mu_);
  sinks_.erase(id);
  for (auto& [other, sink] : sinks_) {
    sink->OnPeerUnreachable(id);
    sink->OnPeerLost(id);
  }
}

void MemoryNetwork::LoseSnapshot(raft::MemberId from, raft::MemberId to) {
  MutexLock lock(&mu_);
  const auto it = sinks_.find(from);
  if (it != sinks_.end()) it->second->OnSnapshotSent(to, /*delivered=*/false);
}

void MemoryNetwork::Deliver(PeerMessage message) {
  // Under the lock, so that Detach waits for calls that are under way.
  MutexLock lock(&mu_);
  const auto it = sinks_.find(message.to);
  if (it == sinks_.end() || sinks_.count(message.from) == 0) return;
  if (cut_off_[message.from] || cut_off_[message.to]) return;
  static_cast<void>(it->second->OnPeerMessage(std::move(message)));
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

bool CountingMachine::gap() const {
  MutexLock lock(&mu_);
  return gap_;
}

raft::Configuration ThreeNodes() {
  raft::Configuration configuration;
  for (int member = 1; member <= NodeCluster::kMembers; ++member) {
    const raft::MemberId id(member);
    configuration.membership.voters.push_back(id);
    configuration.addresses.push_back(
        {.id = id,
         .name = absl::StrCat("m", member),
         .peer_endpoint = absl::StrCat("peer", member, ":1"),
         .client_endpoint = absl::StrCat("client", member, ":1")});
  }
  return configuration;
}

NodeOptions QuickOptions() {
  NodeOptions options;
  options.tick = absl::Milliseconds(20);
  options.check_invariants = true;
  return options;
}

NodeCluster::NodeCluster() : members_(kMembers) {
  for (int member = 1; member <= kMembers; ++member) {
    members_[member - 1].store = std::make_unique<MemoryLogStore>(
        MemberIdentity{.cluster_id = std::string(32, 'a'),
                       .member_id = raft::MemberId(member)},
        ThreeNodes());
    StartMember(member);
  }
}

NodeCluster::~NodeCluster() {
  for (int member = 1; member <= kMembers; ++member) {
    StopMember(member);
  }
}

void NodeCluster::StartMember(int number) {
  Member& member = members_[number - 1];
  member.transport = network_.NewTransport(raft::MemberId(number));
  member.machine = std::make_unique<CountingMachine>();
  absl::StatusOr<std::unique_ptr<Node>> node =
      Node::Start({.log = member.store.get(),
                   .transport = member.transport.get(),
                   .state_machine = member.machine.get(),
                   .clock = &SystemClock()},
                  QuickOptions());
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
    for (int member = 1; member <= kMembers; ++member) {
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
    for (int member = 1; member <= kMembers; ++member) {
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
