#include "tests/sim/nemesis.h"

namespace quorate::sim {
namespace {

// Clocks may be this much too fast or slow (security.md, I12, allows 1 %).
constexpr uint64_t kMaxRatePpm = 10'000;

constexpr uint64_t kMaxPause = 4 * kSecond;

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
}

void Nemesis::Calm() {
  calm_ = true;
  deps_.network->HealAll();
  deps_.network->Calm();
  for (const auto& member : *deps_.members) {
    member->Calm();
    member->Resume();
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

SimMember* Nemesis::Someone() {
  return (*deps_.members)[random_.Below(deps_.members->size())].get();
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
  if (random_.OneIn(3)) return;
  SimMember* const one = Someone();
  const bool one_way = random_.OneIn(3);
  const bool partial = random_.OneIn(3);
  for (const auto& other : *deps_.members) {
    if (other.get() == one) continue;
    deps_.network->Cut(one->id(), other->id());
    if (!one_way) deps_.network->Cut(other->id(), one->id());
    if (partial) break;
  }
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
  member->clock()->SetRate(
      static_cast<int64_t>(random_.Below(2 * kMaxRatePpm)) -
      static_cast<int64_t>(kMaxRatePpm));
  member->clock()->JumpCalendar(
      absl::Hours(static_cast<int64_t>(random_.Below(48)) - 24));
}

}  // namespace quorate::sim
