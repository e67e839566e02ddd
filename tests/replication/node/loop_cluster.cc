#include "tests/replication/node/loop_cluster.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "replication/storage/append_merge.h"

namespace quorate::replication {
namespace {

const char* NameOf(ProposeOutcome outcome) {
  switch (outcome) {
    case ProposeOutcome::kApplied:
      return "applied";
    case ProposeOutcome::kNoQuorum:
      return "no_quorum";
    case ProposeOutcome::kOverloaded:
      return "overloaded";
    case ProposeOutcome::kUnknown:
      return "unknown";
    case ProposeOutcome::kStopping:
      return "stopping";
  }
  return "?";
}

std::string NameOf(const LoopOutput::ReadGrant& grant) {
  switch (grant.outcome) {
    case ReadOutcome::kOk:
      return absl::StrCat("ok@", grant.index.value());
    case ReadOutcome::kNoQuorum:
      return "no_quorum";
    case ReadOutcome::kOverloaded:
      return "overloaded";
    case ReadOutcome::kTimedOut:
      return "timed_out";
    case ReadOutcome::kStopping:
      return "stopping";
  }
  return "?";
}

raft::Configuration ThreeMembers() {
  raft::Configuration configuration;
  for (int member = 1; member <= LoopCluster::kMembers; ++member) {
    configuration.membership.voters.push_back(LoopCluster::Id(member));
    configuration.addresses.push_back(LoopCluster::AddressOf(member));
  }
  return configuration;
}

}  // namespace

LoopCluster::LoopCluster(const NodeOptions& options)
    : options_(options), members_(kMembers) {
  for (int member = 1; member <= kMembers; ++member) {
    at(member).store = std::make_unique<MemoryLogStore>(
        MemberIdentity{.cluster_id = std::string(32, 'a'),
                       .member_id = Id(member)},
        ThreeMembers());
    Begin(member);
  }
}

raft::MemberAddress LoopCluster::AddressOf(int member) {
  return {.id = Id(member),
          .name = absl::StrCat("m", member),
          .peer_endpoint = absl::StrCat("peer", member, ":1"),
          .client_endpoint = absl::StrCat("client", member, ":1")};
}

int LoopCluster::AddMachine(const raft::Configuration& told) {
  members_.emplace_back();
  const int number = static_cast<int>(members_.size());
  members_.back().store = MemoryLogStore::NewJoining(
      {.cluster_id = std::string(32, 'a'), .member_id = Id(number)}, told);
  Begin(number);
  return number;
}

absl::Status LoopCluster::Change(int member, raft::ConfigurationChange change) {
  const uint64_t call = ++last_change_;
  loop(member).Request(call, {.what = std::move(change)}, absl::Seconds(20));
  for (int tick = 0; tick < 1000 && at(member).changes.count(call) == 0;
       ++tick) {
    Tick();
  }
  return at(member).changes.at(call);
}

void LoopCluster::Begin(int member) {
  Member& it = at(member);
  if (it.clock == nullptr) it.clock = std::make_unique<WrongClock>(&clock_);
  if (it.latencies == nullptr) {
    it.latencies = std::make_unique<LatencyBook>(&clock_);
  }
  it.run = ++runs_ * 1'000'003;
  it.unwritten.clear();
  it.applied.clear();
  it.loop = std::make_unique<ConsensusLoop>(
      ConsensusLoop::Deps{.log = it.store.get(),
                          .clock = it.clock.get(),
                          .latencies = it.latencies.get()},
      options_, Id(member),
      raft::RestoredState{.hard_state = it.store->RestoredHardState(),
                          .applied = raft::Index(0),
                          .configurations = it.store->RestoredConfigurations()},
      it.run, /*seed=*/it.run);
}

void LoopCluster::Kill(int member) {
  at(member).loop.reset();
}

void LoopCluster::Restart(int member) {
  Begin(member);
}

void LoopCluster::SetDiskHangs(int member, bool hangs) {
  at(member).disk_hangs = hangs;
}

void LoopCluster::Isolate(int member) {
  passes = [id = Id(member)](const PeerMessage& message) {
    return message.from != id && message.to != id;
  };
}

int LoopCluster::Elect() {
  for (int tick = 0; tick < 500; ++tick) {
    Tick();
    const int leader = Leader();
    if (leader == 0 || !loop(leader).raft().HasCommittedInTerm()) continue;
    bool all = true;
    for (Member& member : members_) {
      if (member.loop == nullptr) continue;
      all = all && member.loop->raft().leader() == Id(leader) &&
            member.loop->raft().term() == loop(leader).raft().term();
    }
    if (all) return leader;
  }
  CheckFailed(__FILE__, __LINE__, "no leader was elected", "");
}

int LoopCluster::Leader() {
  int leader = 0;
  for (int member = 1; member <= static_cast<int>(members_.size()); ++member) {
    if (at(member).loop == nullptr || !loop(member).Leads()) continue;
    if (leader == 0 ||
        loop(member).raft().term() > loop(leader).raft().term()) {
      leader = member;
    }
  }
  return leader;
}

void LoopCluster::Tick() {
  clock_.Advance(options_.tick);
  for (Member& member : members_) {
    if (member.loop != nullptr) member.loop->OnTick();
  }
  Settle();
}

void LoopCluster::Ticks(int count) {
  for (int i = 0; i < count; ++i) {
    Tick();
  }
}

void LoopCluster::Settle() {
  bool moved = true;
  while (moved) {
    moved = false;
    for (int member = 1; member <= static_cast<int>(members_.size());
         ++member) {
      moved = Drain(member) || moved;
    }
    while (!network_.empty()) {
      PeerMessage message = std::move(network_.front());
      network_.pop_front();
      moved = true;
      Member& to = members_[message.to.value() - 1];
      if (to.loop != nullptr) to.loop->OnPeerMessage(std::move(message));
    }
  }
}

// All that the disk was given.
bool LoopCluster::Write(int number) {
  Member& member = at(number);
  if (member.disk_hangs || member.unwritten.empty()) return false;
  while (!member.unwritten.empty()) {
    raft::AppendWork work = std::move(member.unwritten.front());
    member.unwritten.pop_front();
    const raft::AppendWork* works[] = {&work};
    member.store->Append(MergeAppends(works));
    for (raft::Message& message : work.messages) {
      const raft::MemberId to = message.to;
      Post({.from = Id(number), .to = to, .body = std::move(message)});
    }
    member.loop->OnAppended(work.receipt);
  }
  return true;
}

bool LoopCluster::Drain(int number) {
  Member& member = at(number);
  if (member.loop == nullptr) return false;
  LoopOutput output = member.loop->TakeOutput();
  if (output.empty()) return Write(number);
  if (output.configuration != nullptr) member.known = output.configuration;
  for (PeerMessage& message : output.messages) {
    Post(std::move(message));
  }
  for (raft::AppendWork& work : output.appends) {
    member.unwritten.push_back(std::move(work));
  }
  Write(number);
  for (const auto& failure : output.failures) {
    member.outcomes.emplace(failure.sequence, NameOf(failure.outcome));
  }
  for (const auto& read : output.reads) {
    member.reads.emplace(read.read, NameOf(read));
  }
  for (const auto& change : output.changes) {
    member.changes.emplace(change.call, change.status);
  }
  if (output.committed.empty()) return true;
  std::vector<uint64_t> sequences;
  for (const raft::Entry& entry : output.committed) {
    if (entry.proposal.run != member.run) continue;
    sequences.push_back(entry.proposal.sequence);
    member.outcomes.emplace(entry.proposal.sequence, "applied");
  }
  const raft::Entry last = output.committed.back();
  for (raft::Entry& entry : output.committed) {
    member.applied.push_back(std::move(entry));
  }
  member.loop->OnApplied(last.index, last.term, sequences);
  return true;
}

// As the transport between real members: nobody speaks to strangers.
bool LoopCluster::Knows(int member, raft::MemberId other) {
  if (at(member).known == nullptr) return false;
  const auto& addresses = at(member).known->addresses;
  return std::any_of(addresses.begin(), addresses.end(),
                     [other](const auto& it) { return it.id == other; });
}

void LoopCluster::Post(PeerMessage message) {
  sent_.push_back(message);
  if (!Knows(static_cast<int>(message.from.value()), message.to) ||
      !Knows(static_cast<int>(message.to.value()), message.from)) {
    return;
  }
  if (passes && !passes(message)) return;
  network_.push_back(std::move(message));
}

void LoopCluster::Propose(int member, uint64_t sequence,
                          absl::Duration timeout) {
  loop(member).Propose(
      sequence,
      std::make_shared<const std::string>(absl::StrCat(member, "/", sequence)),
      timeout);
}

void LoopCluster::Read(int member, uint64_t read, absl::Duration timeout) {
  loop(member).Read(read, timeout);
}

int LoopCluster::TimesApplied(int where, int proposer, uint64_t sequence) {
  int times = 0;
  for (const raft::Entry& entry : at(where).applied) {
    if (entry.proposal.run == at(proposer).run &&
        entry.proposal.sequence == sequence) {
      ++times;
    }
  }
  return times;
}

std::string LoopCluster::Outcome(int member, uint64_t sequence) {
  const auto it = at(member).outcomes.find(sequence);
  return it == at(member).outcomes.end() ? "" : it->second;
}

std::optional<absl::Status> LoopCluster::ChangeEnd(int member, uint64_t call) {
  const auto it = at(member).changes.find(call);
  if (it == at(member).changes.end()) return std::nullopt;
  return it->second;
}

std::string LoopCluster::ReadOutcomeOf(int member, uint64_t read) {
  const auto it = at(member).reads.find(read);
  return it == at(member).reads.end() ? "" : it->second;
}

}  // namespace quorate::replication
