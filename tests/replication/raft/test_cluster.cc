#include "tests/replication/raft/test_cluster.h"

#include <algorithm>
#include <numeric>

namespace quorate::raft {

namespace {

// Longer than any election needs: a split vote is rare and the next try comes
// within two election timeouts.
constexpr int kPatience = 400;

}  // namespace

TestCluster::TestCluster(uint64_t size, RaftOptions options)
    : TestCluster(std::vector<std::vector<uint64_t>>(size), options) {}

TestCluster::TestCluster(const std::vector<std::vector<uint64_t>>& logs,
                         RaftOptions options, Term term) {
  std::vector<uint64_t> voters(logs.size());
  std::iota(voters.begin(), voters.end(), 1);
  for (const uint64_t id : voters) {
    options.id = MemberId(id);
    options.random_seed = id;
    MemoryLog disk(TestConfiguration(voters));
    disk.AppendTerms(logs[id - 1]);
    disk.SetHardState({.term = std::max(term, disk.hard_state().term)});
    members_[id] = std::make_unique<TestMember>(options, std::move(disk));
  }
}

bool TestCluster::Deliver() {
  bool any = false;
  for (auto& [id, from] : members_) {
    for (const SnapshotOrder& order : from->TakeOrders()) {
      any = true;
      CarrySnapshot(*from, order);
    }
    for (const Message& message : from->TakeOutbox()) {
      any = true;
      const uint64_t to = message.to.value();
      if (cut_.count({id, to}) > 0 || members_.count(to) == 0) continue;
      if (drop_ && drop_(message)) continue;
      if (only_candidate_ != kNobody && message.from != only_candidate_ &&
          std::holds_alternative<VoteRequest>(message.body)) {
        continue;
      }
      members_.at(to)->Step(message);
    }
  }
  return any;
}

void TestCluster::CarrySnapshot(TestMember& from, const SnapshotOrder& order) {
  const uint64_t to = order.to.value();
  const bool arrives =
      cut_.count({from.id().value(), to}) == 0 && members_.count(to) > 0;
  if (arrives) members_.at(to)->Receive(from.id(), order.term, from.state());
  from.SnapshotEnded(order.to, arrives);
}

TestMember& TestCluster::AddJoiner(RaftOptions options) {
  const uint64_t id = members_.size() + 1;
  options.id = MemberId(id);
  options.random_seed = id;
  std::vector<uint64_t> founders(members_.size());
  std::iota(founders.begin(), founders.end(), 1);
  members_[id] = std::make_unique<TestMember>(
      options, MemoryLog::Joiner(TestConfiguration(founders)));
  return *members_[id];
}

void TestCluster::Settle() {
  do {
    for (auto& [id, member] : members_)
      member->Settle();
  } while (Deliver());
}

void TestCluster::Elect(uint64_t id) {
  // The others lose patience too, which makes them forget their leader, but
  // their requests are lost.
  for (auto& [other, member] : members_) {
    if (other == id || member->raft().role() == Role::kLeader) continue;
    for (int i = 0; i < 50 && member->raft().role() == Role::kFollower; ++i)
      member->Tick();
  }
  only_candidate_ = MemberId(id);
  member(id).Campaign();
  Settle();
  only_candidate_ = kNobody;
}

void TestCluster::Tick(int count) {
  for (int i = 0; i < count; ++i) {
    for (auto& [id, member] : members_)
      member->Tick();
    Settle();
  }
}

uint64_t TestCluster::AwaitLeader() {
  for (int i = 0; i < kPatience; ++i) {
    const std::vector<uint64_t> leaders = Leaders();
    if (leaders.size() == 1) return leaders.front();
    Tick();
  }
  return 0;
}

void TestCluster::Cut(uint64_t a, uint64_t b) {
  CutOneWay(a, b);
  CutOneWay(b, a);
}

void TestCluster::CutOneWay(uint64_t from, uint64_t to) {
  cut_.insert({from, to});
}

void TestCluster::Isolate(uint64_t id) {
  for (const auto& [other, member] : members_) {
    if (other != id) Cut(id, other);
  }
}

void TestCluster::Heal() {
  cut_.clear();
}

std::vector<uint64_t> TestCluster::Leaders() const {
  std::vector<uint64_t> leaders;
  for (const auto& [id, member] : members_) {
    if (member->raft().role() == Role::kLeader) leaders.push_back(id);
  }
  return leaders;
}

}  // namespace quorate::raft
