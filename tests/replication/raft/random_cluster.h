// A cluster in the weather: every step is drawn from a seed.

#ifndef QUORATE_TESTS_REPLICATION_RAFT_RANDOM_CLUSTER_H_
#define QUORATE_TESTS_REPLICATION_RAFT_RANDOM_CLUSTER_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "tests/replication/raft/safety_checker.h"
#include "tests/replication/raft/test_member.h"

namespace quorate::raft {

// How rough the weather is, drawn for each run.
struct Weather {
  uint64_t loss_percent = 0;
  uint64_t repeat_percent = 0;
  bool reorder = false;
  // Of the steps of mischief.
  uint64_t crash_one_in = 0;
  uint64_t cut_one_in = 0;
  uint64_t isolate_one_in = 0;
  uint64_t heal_one_in = 0;
  uint64_t disk_percent = 0;
  // A leader falls after about so many steps, as in the paper's Figure 8; 0
  // where its reign is not cut short on purpose.
  uint64_t reign_steps = 0;
  // Of all steps: time runs fast or slowly against messages.
  uint64_t tick_percent = 0;
  // Of the steps for it. 0 where members neither come nor go.
  uint64_t change_one_in = 0;
  uint64_t transfer_one_in = 0;
  uint64_t compact_one_in = 0;
  uint64_t peer_lost_one_in = 0;
  // Leaders change the membership as their reign begins and as it ends, one
  // member at a time: each leaves behind what the next does not know.
  bool feud = false;
};

// One, three or five members and some that may join, over a network that loses,
// repeats and reorders, links that are cut, disks that lag, and crashes; they
// change their membership, compact their logs, send snapshots, hand leadership
// over and see connections reset, with and without reason. Confined to one
// thread.
class RandomCluster {
 public:
  explicit RandomCluster(uint64_t seed);

  // Stops at the first complaint.
  void Storm(int steps);

  // Everything works. True where a leader commits something new on every member
  // of its configuration.
  bool Calm();

  const SafetyChecker& checker() const { return checker_; }

  // The status of every member, for who looks for the reason.
  std::string Portrait() const;

  uint64_t crashes() const { return crashes_; }

  // Snapshots that took the place of a log.
  uint64_t installs() const { return installs_; }

  uint64_t transfers() const { return handovers_; }

 private:
  struct Transfer {
    MemberId from;
    MemberId to;
    Term term;
    TestSnapshot snapshot;
  };

  static Weather Draw(Random& random);
  void AddMember(uint64_t id, const std::vector<uint64_t>& founders);

  TestMember& Member(MemberId id) { return *members_[id.value() - 1]; }

  void StormStep();
  void Rarely(TestMember& member);
  void Mischief(TestMember& member);
  void OpenReign();
  void CutReignShort();
  void Crash(TestMember& member);
  void Isolate(const TestMember& member, MemberId reached);
  void Change(TestMember& leader);
  ConfigurationChange FeudChange(const TestMember& leader);
  void Compact(TestMember& member);
  void CarryOne();
  void Carry(const Transfer& transfer);
  void LoseOne();
  bool Settle();
  bool EveryoneHas(Index index);

  TestMember& AnyMember() { return *members_[random_.Below(members_.size())]; }

  TestMember& LeaderOrAny();
  void DeliverOne();
  void Deliver(const Message& message);
  void Write(TestMember& member);
  void Collect(TestMember& member);

  Random random_;
  Weather weather_;
  std::vector<std::unique_ptr<TestMember>> members_;
  SafetyChecker::Disks disks_;
  std::vector<Message> network_;
  std::vector<Transfer> transfers_;
  // A member is about to see that the connection from another was reset.
  std::vector<std::pair<MemberId, MemberId>> resets_;
  std::set<std::pair<MemberId, MemberId>> cut_;
  SafetyChecker checker_;
  int64_t proposals_ = 0;
  uint64_t nonces_ = 0;
  uint64_t crashes_ = 0;
  uint64_t installs_ = 0;
  uint64_t handovers_ = 0;
};

}  // namespace quorate::raft

#endif  // QUORATE_TESTS_REPLICATION_RAFT_RANDOM_CLUSTER_H_
