#include "tests/sim/nemesis.h"

#include "tests/support/sim_disk.h"

namespace quorate::sim {
namespace {

// Clocks may be this much too fast or slow (security.md, I12, allows 1 %).
constexpr uint64_t kMaxRatePpm = 10'000;

constexpr uint64_t kMaxPause = 4 * kSecond;
constexpr uint64_t kMaxStall = 6 * kSecond;
constexpr uint64_t kMaxFull = 4 * kSecond;

}  // namespace

Nemesis::Nemesis(const Deps& deps)
    : deps_(deps), random_(deps.options->seed ^ 0x6661756c) {}

void Nemesis::Start() {
  const SimOptions& options = *deps_.options;
  Every(options.crash_every, &Nemesis::CrashSomeone);
  Every(options.leader_crash_every, &Nemesis::CrashLeader);
  Every(options.partition_every, &Nemesis::CutLinks);
  Every(options.flap_every, &Nemesis::Flap);
  Every(options.pause_every, &Nemesis::PauseSomeone);
  Every(options.clock_every, &Nemesis::DisturbClock);
  Every(options.sync_failure_every, &Nemesis::FailSync);
  Every(options.stall_every, &Nemesis::StallDisk);
  Every(options.full_every, &Nemesis::FillDisk);
  Every(options.disk_loss_every, &Nemesis::LoseDisk);
  Every(options.bit_flip_every, &Nemesis::FlipBit);
  Every(options.leap_every, &Nemesis::LeapAll);
}

void Nemesis::Calm() {
  calm_ = true;
  deps_.network->HealAll();
  deps_.network->Calm();
  for (const auto& member : *deps_.members) {
    member->Calm();
    member->Resume();
    member->StallDisk(0);
    member->disk().SetFull(false);
    if (!member->up()) member->Start();
  }
}

void Nemesis::Every(uint64_t mean, Fault fault) {
  if (mean == 0) return;
  deps_.scheduler->After(TimeBelow(&random_, 2 * mean), [this, mean, fault] {
    if (calm_) return;
    (this->*fault)();
    Every(mean, fault);
  });
}

std::vector<SimMember*> Nemesis::Everyone() const {
  std::vector<SimMember*> everyone;
  for (const auto& member : *deps_.members) {
    if (!member->gone()) everyone.push_back(member.get());
  }
  return everyone;
}

SimMember* Nemesis::Someone() {
  const std::vector<SimMember*> everyone = Everyone();
  return everyone[random_.Below(everyone.size())];
}

void Nemesis::CrashFor(SimMember* member) {
  if (!member->up()) return;
  ++crashes_;
  member->CrashAndReturn();
}

void Nemesis::CrashSomeone() {
  CrashFor(Someone());
  // Now and then all at once, as by a power cut.
  if (!random_.OneIn(8)) return;
  for (const auto& member : *deps_.members)
    CrashFor(member.get());
}

void Nemesis::CrashLeader() {
  for (const auto& member : *deps_.members) {
    if (member->Leads()) CrashFor(member.get());
  }
}

void Nemesis::CutLinks() {
  deps_.network->HealAll();
  const std::vector<SimMember*> everyone = Everyone();
  if (everyone.size() < 2) return;
  switch (random_.Below(4)) {
    case 0:
      return;  // Whole for a while.
    case 1:
      return CutOne(everyone);
    case 2:
      return CutPair(everyone);
    default:
      return CutBridge(everyone);
  }
}

// One member from all others, in one direction or both.
void Nemesis::CutOne(const std::vector<SimMember*>& everyone) {
  const raft::MemberId one = Someone()->id();
  const uint64_t ways = random_.Below(3);
  for (const SimMember* other : everyone) {
    if (other->id() == one) continue;
    if (ways != 1) deps_.network->Cut(one, other->id());
    if (ways != 2) deps_.network->Cut(other->id(), one);
  }
}

// Two members from each other, in one direction or both, or now and then.
void Nemesis::CutPair(const std::vector<SimMember*>& everyone) {
  const size_t first = random_.Below(everyone.size());
  const size_t second =
      (first + random_.Between(1, everyone.size() - 1)) % everyone.size();
  const raft::MemberId one = everyone[first]->id();
  const raft::MemberId other = everyone[second]->id();
  if (random_.OneIn(3)) return FlapLink(one, other, random_.Between(4, 40));
  deps_.network->Cut(one, other);
  if (random_.OneIn(2)) deps_.network->Cut(other, one);
}

// Two halves, and perhaps a member that hears both.
void Nemesis::CutBridge(const std::vector<SimMember*>& everyone) {
  const size_t bridge = random_.Below(2 * everyone.size());
  std::vector<bool> left;
  for (size_t i = 0; i < everyone.size(); ++i)
    left.push_back(random_.OneIn(2));
  for (size_t i = 0; i < everyone.size(); ++i) {
    for (size_t j = 0; j < everyone.size(); ++j) {
      if (left[i] == left[j] || i == bridge || j == bridge) continue;
      deps_.network->Cut(everyone[i]->id(), everyone[j]->id());
    }
  }
}

void Nemesis::FlapLink(raft::MemberId from, raft::MemberId to, uint64_t times) {
  deps_.network->Heal(from, to);
  deps_.network->Heal(to, from);
  if (calm_ || times == 0) return;
  if (times % 2 == 1) {
    deps_.network->Cut(from, to);
    deps_.network->Cut(to, from);
  }
  deps_.scheduler->After(
      TimeBelow(&random_, 300 * kMillisecond),
      [this, from, to, times] { FlapLink(from, to, times - 1); });
}

void Nemesis::Flap() {
  SimMember* const one = Someone();
  SimMember* const other = Someone();
  if (one == other) return;
  deps_.network->BreakStreams(one->id(), other->id());
}

void Nemesis::PauseSomeone() {
  SimMember* const member = Someone();
  if (!member->working()) return;
  member->Pause();
  deps_.scheduler->After(TimeBelow(&random_, kMaxPause),
                         [member] { member->Resume(); });
}

void Nemesis::DisturbClock() {
  SimMember* const member = Someone();
  member->SetClockRate(static_cast<int64_t>(random_.Below(2 * kMaxRatePpm)) -
                       static_cast<int64_t>(kMaxRatePpm));
  switch (random_.Below(8)) {
    case 0:
      return member->SetCalendarOff(absl::UnixEpoch() -
                                    SimClock::TrueCalendar(0));
    case 1:
      return member->SetCalendarOff(absl::FromUnixSeconds(int64_t{1} << 31) -
                                    SimClock::TrueCalendar(0));
    case 2:
    case 3:
      return member->SetCalendarOff(absl::ZeroDuration());
    default:
      return member->SetCalendarOff(
          member->clock().calendar_off() +
          absl::Seconds(static_cast<int64_t>(random_.Below(48 * 3600)) -
                        24 * 3600));
  }
}

// Time that nobody simulates: what ends by the calendar, ends.
void Nemesis::LeapAll() {
  const auto seconds =
      random_.OneIn(3) ? random_.Below(26 * 3600) : random_.Below(150);
  for (SimMember* const member : Everyone()) {
    member->SetCalendarOff(member->clock().calendar_off() +
                           absl::Seconds(static_cast<int64_t>(seconds)));
  }
}

// A failed sync is the end of the process, whatever later ones say.
void Nemesis::FailSync() {
  SimMember* const member = Someone();
  if (!member->up()) return;
  member->disk().FailNth(DiskOperation::kSync, random_.Between(1, 3),
                         DiskError::kIo);
}

void Nemesis::StallDisk() {
  Someone()->StallDisk(TimeBelow(&random_, kMaxStall));
}

void Nemesis::FillDisk() {
  SimMember* const member = Someone();
  member->disk().SetFull(true);
  deps_.scheduler->After(TimeBelow(&random_, kMaxFull),
                         [member] { member->disk().SetFull(false); });
}

void Nemesis::LoseDisk() {
  SimMember* const member = Someone();
  if (!member->up() || !deps_.may_lose_member()) return;
  ++losses_;
  member->Retire();
}

void Nemesis::FlipBit() {
  SimMember* const member = Someone();
  if (!member->up() || !deps_.may_lose_member()) return;
  member->DamageDisk();
}

}  // namespace quorate::sim
