// One simulated world: members, some clients, faults for a while, then calm, in
// which progress must come.

#ifndef QUORATE_TESTS_SIM_SIM_WORLD_H_
#define QUORATE_TESTS_SIM_SIM_WORLD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/checker.h"
#include "tests/sim/nemesis.h"
#include "tests/sim/options.h"
#include "tests/sim/scheduler.h"
#include "tests/sim/sim_client.h"
#include "tests/sim/sim_member.h"
#include "tests/sim/sim_network.h"

namespace quorate::sim {

struct SimReport {
  bool passed = false;
  std::string failure;      // The broken rule, where it failed.
  SimTime failed_at = 0;    // And when.
  uint64_t entries = 0;     // Committed.
  uint64_t effects = 0;     // Requests that changed something.
  uint64_t elections = 0;   // Terms at the end.
  uint64_t crashes = 0;     // By the nemesis.
  uint64_t installs = 0;    // Snapshots that took the place of a state.
  uint64_t membership = 0;  // Configurations that were committed.
  std::vector<SimTime> failovers;
};

// Thread-compatible.
class SimWorld {
 public:
  explicit SimWorld(const SimOptions& options);
  ~SimWorld();

  // Prints a line for every event.
  void Trace() { checker_.Trace(); }

  // Runs the world to its end or its first broken rule.
  SimReport Run();

 private:
  SimMember* Find(raft::MemberId id) const;
  void Found();
  void InstallLicense();
  void RunUntil(SimTime end);
  bool RunToProgress();
  bool RunToAgreement();
  bool Agree() const;
  void CheckEnd();

  const SimOptions options_;
  Scheduler scheduler_;
  Checker checker_;
  SimNetwork network_;
  std::vector<std::unique_ptr<SimMember>> members_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  Nemesis nemesis_;
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_SIM_WORLD_H_
