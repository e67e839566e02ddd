// Who changes the members of a simulated cluster.

#ifndef QUORATE_TESTS_SIM_ADMINISTRATOR_H_
#define QUORATE_TESTS_SIM_ADMINISTRATOR_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/random.h"
#include "replication/raft/raft.h"
#include "tests/sim/checker.h"
#include "tests/sim/options.h"
#include "tests/sim/scheduler.h"
#include "tests/sim/sim_member.h"

namespace quorate::sim {

// Adds, promotes, removes and replaces members and hands leadership on, through
// any member, and asks again where it got no clear answer. A member whose disk
// is lost is replaced by one with a new id. Does one thing at a time, but for
// leaps of the calendar: these he accepts now and then, rightly or not. Thread-
// compatible; what Deps points to is not owned.
class Administrator {
 public:
  struct Deps {
    const SimOptions* options = nullptr;
    Scheduler* scheduler = nullptr;
    Checker* checker = nullptr;
    // All that were ever made.
    const std::vector<std::unique_ptr<SimMember>>* members = nullptr;
    // Makes a member that comes into the cluster; it is not started.
    std::function<SimMember*(raft::MemberId, const raft::Configuration&)>
        recruit;
  };

  explicit Administrator(const Deps& deps);

  void Start();

  // From now on only what is begun and what must be done.
  void Calm() { calm_ = true; }

  // A member has come to lead: the moment at which a change is most delicate.
  void OnElected(SimMember* leader);

  // True where nothing is under way, and no lost member is left in.
  bool idle() const;

  // True where the cluster stands as much as it ever will, and so may lose one
  // member for good.
  bool MayLoseMember() const;

 private:
  // One thing to ask for, until it is done.
  struct Step {
    raft::ConfigurationChange change;  // Without changes: a transfer.
    raft::MemberId transfer_to;
    raft::MemberId starts;  // Who is started when it is done; or nobody.
  };

  void Look();
  void KeepHouse();
  void AcceptLeaps();
  void BeginChange();
  void BeginTransfer();
  void Replace(raft::MemberId lost);
  raft::MemberId PlanRecruit(bool promote);
  void Plan(raft::MemberChange::Kind kind, raft::MemberId id);
  void Ask();
  void OnAnswer(uint64_t attempt, const absl::Status& status);
  void GiveUp();
  SimMember* Find(raft::MemberId id) const;
  std::optional<raft::MemberId> LostMember() const;
  bool SomeoneMayBeLost() const;
  bool AllStand(const raft::Configuration& configuration) const;
  bool IsExpected(raft::MemberId id) const;

  const Deps deps_;
  Random random_;
  std::deque<Step> plan_;
  uint64_t attempt_ = 0;  // The one that is under way.
  int attempts_ = 0;      // Of the first step.
  SimTime asked_at_ = 0;
  bool calm_ = false;
  std::set<raft::MemberId> leaving_;  // Removed, and soon to be shut down.
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_ADMINISTRATOR_H_
