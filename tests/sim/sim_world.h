// One simulated world: members, some clients, faults for a while, then calm, in
// which progress must come.

#ifndef QUORATE_TESTS_SIM_SIM_WORLD_H_
#define QUORATE_TESTS_SIM_SIM_WORLD_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/administrator.h"
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
  std::string failure;       // The broken rule, where it failed.
  SimTime failed_at = 0;     // And when.
  uint64_t entries = 0;      // Committed.
  uint64_t effects = 0;      // Requests that changed something.
  uint64_t waited = 0;       // Checkouts that were granted after a wait.
  uint64_t called_back = 0;  // Seats that their holders gave up then.
  uint64_t elections = 0;    // Terms at the end.
  uint64_t crashes = 0;      // By the nemesis.
  uint64_t installs = 0;     // Snapshots that took the place of a state.
  uint64_t membership = 0;   // Configurations that were committed.
  uint64_t losses = 0;       // Disks that were taken away.
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
  SimMember* Make(raft::MemberId id, const raft::Configuration& configuration,
                  bool joining);
  void Found();
  // Those of the last configuration that was committed.
  std::vector<SimMember*> Members() const;
  void InstallLicenses(const std::vector<internal::v1::LicenseTerms>& licenses,
                       size_t next);
  void RunUntil(SimTime end);
  bool RunToOrder();
  bool RunToProgress();
  bool RunToAgreement();
  bool RunToCalendar();
  std::string CalendarFault() const;
  bool Agree() const;
  void CheckEnd();

  const SimOptions options_;
  Scheduler scheduler_;
  Checker checker_;
  SimNetwork network_;
  std::vector<std::unique_ptr<SimMember>> members_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  Administrator administrator_;
  Nemesis nemesis_;
  std::set<raft::MemberId> answered_;  // After the faults.
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_SIM_WORLD_H_
