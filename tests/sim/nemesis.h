// Who makes the trouble in a simulated world.

#ifndef QUORATE_TESTS_SIM_NEMESIS_H_
#define QUORATE_TESTS_SIM_NEMESIS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/random.h"
#include "tests/sim/options.h"
#include "tests/sim/scheduler.h"
#include "tests/sim/sim_member.h"
#include "tests/sim/sim_network.h"

namespace quorate::sim {

// Crashes, cuts, pauses and disturbs at random times, as the options say, until
// Calm. Thread-compatible; what Deps points to is not owned.
class Nemesis {
 public:
  struct Deps {
    const SimOptions* options = nullptr;
    Scheduler* scheduler = nullptr;
    SimNetwork* network = nullptr;
    // All that were ever made.
    const std::vector<std::unique_ptr<SimMember>>* members = nullptr;
    // Whether the cluster can do without one of its members for good.
    std::function<bool()> may_lose_member;
  };

  explicit Nemesis(const Deps& deps);

  void Start();

  // No faults any more: links are whole, everybody runs.
  void Calm();

  uint64_t crashes() const { return crashes_; }

  uint64_t losses() const { return losses_; }

 private:
  using Fault = void (Nemesis::*)();

  void Every(uint64_t mean, Fault fault);
  SimMember* Someone();
  std::vector<SimMember*> Everyone() const;
  void CrashFor(SimMember* member);
  void CrashSomeone();
  void CrashLeader();
  void CutLinks();
  void CutOne(const std::vector<SimMember*>& everyone);
  void CutPair(const std::vector<SimMember*>& everyone);
  void CutBridge(const std::vector<SimMember*>& everyone);
  void FlapLink(raft::MemberId from, raft::MemberId to, uint64_t times);
  void Flap();
  void PauseSomeone();
  void DisturbClock();
  void LeapAll();
  void FailSync();
  void StallDisk();
  void FillDisk();
  void LoseDisk();
  void FlipBit();

  const Deps deps_;
  Random random_;
  bool calm_ = false;
  uint64_t crashes_ = 0;
  uint64_t losses_ = 0;
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_NEMESIS_H_
