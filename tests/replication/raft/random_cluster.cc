#include "tests/replication/raft/random_cluster.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "replication/raft/membership.h"
#include "tests/replication/raft/describe.h"

namespace quorate::raft {

namespace {

// More would make the check of majorities slow and say nothing new.
constexpr uint64_t kMostMembers = 6;

}  // namespace

Weather RandomCluster::Draw(Random& random) {
  Weather weather = {
      .loss_percent = random.Below(20),
      .repeat_percent = random.Below(10),
      .reorder = random.Chance(2, 3),
      .crash_one_in = random.Between(3, 60),
      .cut_one_in = random.Between(3, 60),
      .isolate_one_in = random.Between(3, 60),
      .heal_one_in = random.Between(5, 30),
      .disk_percent = random.Between(30, 95),
      .reign_steps = random.OneIn(2) ? random.Between(30, 300) : 0,
      .tick_percent = random.Between(5, 20),
      .change_one_in = random.OneIn(4) ? 0 : random.Between(1, 5),
      .transfer_one_in = random.Between(2, 20),
      .compact_one_in = random.OneIn(4) ? 1000 : random.Between(1, 5),
      .peer_lost_one_in = random.OneIn(3) ? 1000 : random.Between(1, 10)};
  weather.feud = weather.reign_steps > 0 && weather.change_one_in > 0;
  if (weather.reign_steps > 0) {
    // Fair otherwise, so that there is a next reign soon.
    weather.crash_one_in = weather.cut_one_in = 1000;
    weather.isolate_one_in = weather.heal_one_in = 1000;
    weather.tick_percent = random.Between(10, 25);
  }
  return weather;
}

RandomCluster::RandomCluster(uint64_t seed) : random_(seed) {
  constexpr uint64_t kSizes[] = {1, 3, 3, 5};
  weather_ = Draw(random_);
  // Majorities of an even number of voters are the ones that a change by one
  // can miss.
  const uint64_t size = weather_.feud ? 4 : kSizes[random_.Below(4)];
  std::vector<uint64_t> founders;
  for (uint64_t id = 1; id <= size; ++id)
    founders.push_back(id);
  const uint64_t all =
      weather_.change_one_in == 0 ? size : random_.Between(size, kMostMembers);
  for (uint64_t id = 1; id <= all; ++id)
    AddMember(id, founders);
}

void RandomCluster::AddMember(uint64_t id,
                              const std::vector<uint64_t>& founders) {
  const RaftOptions options = {
      .id = MemberId(id),
      .heartbeat_ticks = 1,
      .election_ticks = 5,
      .random_seed = random_.Next(),
      .max_message_bytes =
          weather_.reign_steps > 0 ? 1 : random_.Between(1, 1000),
      .max_inflight_messages = random_.Between(1, 8),
      .max_inflight_bytes = random_.Between(1, 3000),
      .max_cached_bytes = random_.Between(1, 3000),
      .max_committed_bytes = random_.Between(1, 2000)};
  const auto configuration = TestConfiguration(founders);
  members_.push_back(std::make_unique<TestMember>(
      options, id <= founders.size() ? MemoryLog(configuration)
                                     : MemoryLog::Joiner(configuration)));
  disks_[MemberId(id)] = &members_.back()->disk();
}

void RandomCluster::Storm(int steps) {
  for (int i = 0; i < steps && checker_.complaints().empty(); ++i) {
    StormStep();
  }
}

bool RandomCluster::Calm() {
  cut_.clear();
  resets_.clear();
  const Index before = checker_.committed();
  for (int round = 0; round < 400; ++round) {
    for (auto& member : members_) {
      member->Tick();
      if (member->raft().role() == Role::kLeader && round % 10 == 0) {
        (void)member->Propose({"calm"});
      }
    }
    while (Settle()) {
    }
    if (!checker_.complaints().empty()) return false;
    if (EveryoneHas(before.Plus(2))) return true;
  }
  return false;
}

std::string RandomCluster::Portrait() const {
  std::string portrait;
  for (const auto& member : members_) {
    const RaftStatus status = member->raft().Status();
    absl::StrAppend(&portrait, Describe(status), "  ",
                    Describe(status.membership), "\n");
  }
  return portrait;
}

bool RandomCluster::Settle() {
  bool busy = false;
  for (auto& member : members_) {
    while (member->TakeReady() || !member->pending().empty() ||
           member->ApplyAll()) {
      Write(*member);
    }
    Collect(*member);
  }
  for (const Message& message : std::exchange(network_, {})) {
    busy = true;
    Deliver(message);
  }
  for (const Transfer& transfer : std::exchange(transfers_, {})) {
    busy = true;
    Carry(transfer);
  }
  return busy;
}

bool RandomCluster::EveryoneHas(Index index) {
  const TestMember& leader = LeaderOrAny();
  if (leader.raft().role() != Role::kLeader) return false;
  const std::vector<MemberId> members =
      MembersExcept(leader.raft().configuration().membership, kNobody);
  return std::all_of(members.begin(), members.end(), [&](MemberId id) {
    return Member(id).raft().Status().applied > index;
  });
}

void RandomCluster::StormStep() {
  TestMember& member = AnyMember();
  if (weather_.reign_steps > 0 && random_.OneIn(weather_.reign_steps)) {
    CutReignShort();
  }
  if (weather_.feud && random_.OneIn(4)) OpenReign();
  if (weather_.feud && random_.OneIn(150)) cut_.clear();
  const uint64_t action = random_.Below(100);
  if (action < weather_.tick_percent) {
    member.Tick();
  } else if (action < 55) {
    for (uint64_t i = random_.Between(1, 4); i > 0; --i)
      DeliverOne();
  } else if (action < 75) {
    member.TakeReady();
  } else if (action < 84) {
    if (random_.Chance(weather_.disk_percent, 100)) Write(member);
  } else if (action < 87) {
    member.ApplyAll();
  } else if (action < 90) {
    ++proposals_;
    TestMember& leader = LeaderOrAny();
    (void)leader.Propose({absl::StrCat("p", proposals_)},
                         {.cluster_ms = proposals_});
  } else if (action < 92) {
    if (LeaderOrAny().Read(++nonces_).ok()) checker_.OnRead(nonces_);
  } else if (action < 96) {
    Rarely(member);
  } else if (weather_.feud && random_.OneIn(2)) {
    Change(LeaderOrAny());
  } else {
    // Trouble at the top makes logs differ.
    Mischief(random_.OneIn(3) ? member : LeaderOrAny());
  }
  Collect(member);
}

void RandomCluster::Rarely(TestMember& member) {
  member.Unreachable(AnyMember().id());
  TestMember& leader = LeaderOrAny();
  if (weather_.change_one_in > 0 && random_.OneIn(weather_.change_one_in)) {
    Change(leader);
  }
  if (random_.OneIn(weather_.transfer_one_in)) {
    const MemberId to = random_.OneIn(2) ? kNobody : AnyMember().id();
    if (leader.Transfer(to).ok()) ++handovers_;
  }
  if (random_.OneIn(weather_.compact_one_in)) {
    Compact(random_.OneIn(2) ? leader : member);
  }
  if (random_.OneIn(weather_.peer_lost_one_in)) {
    member.PeerLost(random_.OneIn(2) ? member.raft().leader()
                                     : AnyMember().id());
  }
  CarryOne();
  LoseOne();
  Collect(leader);
}

// One voter more or less: from four voters, majorities of the two results may
// miss each other.
ConfigurationChange RandomCluster::FeudChange(const TestMember& leader) {
  const Membership& membership = leader.raft().configuration().membership;
  const size_t voters = membership.voters.size();
  const bool add = voters < 4 || (voters == 4 && random_.OneIn(2));
  ConfigurationChange change;
  for (const auto& member : members_) {
    const MemberId id = member->id();
    if (IsVoter(membership, id) == add || id == leader.id()) continue;
    if (!change.changes.empty() && random_.OneIn(2)) continue;
    change = {};
    change.changes = {
        {add ? MemberChange::Kind::kAddVoter : MemberChange::Kind::kRemove,
         id}};
    if (add) {
      change.addresses = {{.id = id, .name = absl::StrCat(id.value())}};
    }
  }
  return change;
}

void RandomCluster::Change(TestMember& leader) {
  if (weather_.feud && !random_.OneIn(8)) {
    (void)leader.Change(FeudChange(leader));
    return;
  }
  ConfigurationChange change{.auto_leave = !random_.OneIn(4),
                             .force_joint = random_.OneIn(5)};
  const uint64_t steps = random_.OneIn(3) ? random_.Below(4) : 1;
  for (uint64_t i = 0; i < steps; ++i) {
    constexpr MemberChange::Kind kKinds[] = {
        MemberChange::Kind::kAddVoter,   MemberChange::Kind::kAddVoter,
        MemberChange::Kind::kAddLearner, MemberChange::Kind::kRemove,
        MemberChange::Kind::kUpdate,
    };
    const MemberId id = AnyMember().id();
    const MemberChange::Kind kind = kKinds[random_.Below(5)];
    change.changes.push_back({kind, id});
    if (kind == MemberChange::Kind::kRemove) continue;
    change.addresses.push_back({.id = id, .name = absl::StrCat(id.value())});
  }
  (void)leader.Change(change);
}

void RandomCluster::Compact(TestMember& member) {
  const RaftStatus status = member.raft().Status();
  const uint64_t first = status.first_index.value();
  const uint64_t applied = member.state().position.index.value();
  if (applied < first) return;
  const uint64_t to =
      random_.OneIn(2) ? applied : random_.Between(first, applied);
  member.Compact(Index(to));
}

// One snapshot arrives, or its transfer fails.
void RandomCluster::CarryOne() {
  if (transfers_.empty()) return;
  const auto place = transfers_.begin() +
                     static_cast<ptrdiff_t>(random_.Below(transfers_.size()));
  const Transfer transfer = *place;
  // Now and then it arrives again, much later.
  if (!random_.OneIn(5) || transfers_.size() > 20) transfers_.erase(place);
  if (random_.OneIn(4) || cut_.count({transfer.from, transfer.to}) > 0) {
    Member(transfer.from).SnapshotEnded(transfer.to, false);
    Collect(Member(transfer.from));
    return;
  }
  Carry(transfer);
}

void RandomCluster::Carry(const Transfer& transfer) {
  TestMember& from = Member(transfer.from);
  TestMember& to = Member(transfer.to);
  const bool told_first = random_.OneIn(4);
  if (told_first) from.SnapshotEnded(transfer.to, true);
  to.Receive(transfer.from, transfer.term, transfer.snapshot);
  if (!told_first) from.SnapshotEnded(transfer.to, true);
  Collect(to);
  Collect(from);
}

void RandomCluster::LoseOne() {
  if (resets_.empty()) return;
  const auto place =
      resets_.begin() + static_cast<ptrdiff_t>(random_.Below(resets_.size()));
  const auto [member, peer] = *place;
  resets_.erase(place);
  Member(member).PeerLost(peer);
  Collect(Member(member));
}

TestMember& RandomCluster::LeaderOrAny() {
  const size_t start = random_.Below(members_.size());
  for (size_t i = 0; i < members_.size(); ++i) {
    TestMember& member = *members_[(start + i) % members_.size()];
    if (member.raft().role() == Role::kLeader) return member;
  }
  return *members_[start];
}

// A leader that has not yet committed anything tries to change the membership,
// and somebody does not hear of it.
void RandomCluster::OpenReign() {
  TestMember& leader = LeaderOrAny();
  if (leader.raft().role() != Role::kLeader ||
      leader.raft().HasCommittedInTerm()) {
    return;
  }
  const Index before = leader.raft().last_index();
  Change(leader);
  if (leader.raft().last_index() > before) {
    cut_.insert({leader.id(), AnyMember().id()});
  }
  Collect(leader);
}

// The leader is cut off, and often crashes; whoever was away is back.
void RandomCluster::CutReignShort() {
  TestMember& leader = LeaderOrAny();
  if (leader.raft().role() != Role::kLeader) return;
  if (weather_.feud) {
    Change(leader);
    leader.TakeReady();
    Write(leader);
    Collect(leader);
  }
  if (random_.OneIn(2)) Crash(leader);
  if (random_.OneIn(2)) Crash(AnyMember());
  cut_.clear();
  // A bare majority is left, so each entry hangs on a few members.
  Isolate(leader, weather_.feud ? AnyMember().id() : leader.id());
  if (members_.size() == 5) {
    const TestMember& other = AnyMember();
    Isolate(other, other.id());
  }
}

void RandomCluster::Crash(TestMember& member) {
  ++crashes_;
  for (const auto& other : members_) {
    if (other != nullptr && random_.OneIn(2)) {
      resets_.emplace_back(other->id(), member.id());
    }
  }
  std::erase_if(transfers_, [&](const Transfer& transfer) {
    return transfer.from == member.id();
  });
  // The state machine has kept some of what it applied.
  const std::vector<Entry>& applied = member.applied();
  const Index kept = applied.empty() || random_.OneIn(2)
                         ? Index(0)
                         : applied[random_.Below(applied.size())].index;
  if (random_.OneIn(3)) {
    member.CrashAfterWrite(kept);
  } else {
    member.Crash(kept);
  }
  checker_.OnCrash(member.id());
}

// Only `reached` hears the member and is heard.
void RandomCluster::Isolate(const TestMember& member, MemberId reached) {
  for (const auto& each : members_) {
    if (each->id() == reached) continue;
    cut_.insert({member.id(), each->id()});
    cut_.insert({each->id(), member.id()});
  }
}

void RandomCluster::Mischief(TestMember& member) {
  if (random_.OneIn(weather_.crash_one_in)) Crash(member);
  if (random_.OneIn(weather_.cut_one_in)) {
    cut_.insert({member.id(), AnyMember().id()});
  }
  if (random_.OneIn(weather_.isolate_one_in)) {
    Isolate(member, random_.OneIn(2) ? AnyMember().id() : member.id());
  }
  if (random_.OneIn(weather_.heal_one_in)) cut_.clear();
}

void RandomCluster::DeliverOne() {
  if (network_.empty()) return;
  const size_t at = weather_.reorder
                        ? random_.Below(std::min<size_t>(network_.size(), 20))
                        : 0;
  const auto place = network_.begin() + static_cast<ptrdiff_t>(at);
  const Message message = *place;
  const bool repeat = random_.Chance(weather_.repeat_percent, 100);
  if (!repeat) network_.erase(place);
  if (random_.Chance(weather_.loss_percent, 100)) return;
  if (cut_.count({message.from, message.to}) > 0) return;
  Deliver(message);
  TestMember& to = Member(message.to);
  if (random_.OneIn(2)) to.TakeReady();
  if (random_.Chance(weather_.disk_percent, 200)) Write(to);
  Collect(to);
}

void RandomCluster::Deliver(const Message& message) {
  TestMember& to = Member(message.to);
  to.Step(message);
  Collect(to);
}

void RandomCluster::Write(TestMember& member) {
  if (member.pending().empty()) return;
  if (member.pending().front().install.has_value()) ++installs_;
  member.WriteOne();
}

// Takes what a member sends and lets the checker look at it.
void RandomCluster::Collect(TestMember& member) {
  for (Message& message : member.TakeOutbox()) {
    // A network that holds back for ever is one that loses.
    if (network_.size() < 500) network_.push_back(std::move(message));
  }
  for (const ReadState& read : member.TakeReads()) {
    checker_.OnReadState(read);
  }
  for (const SnapshotOrder& order : member.TakeOrders()) {
    if (member.state().position.index >= order.at_least) {
      transfers_.push_back({member.id(), order.to, order.term, member.state()});
    } else {
      member.SnapshotEnded(order.to, false);
    }
  }
  checker_.Look(member, disks_);
}

}  // namespace quorate::raft
