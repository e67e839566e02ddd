// One member in the simulated world: the real consensus loop, stores and
// ledger, on one thread and a simulated disk.

#ifndef QUORATE_TESTS_SIM_SIM_MEMBER_H_
#define QUORATE_TESTS_SIM_SIM_MEMBER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "replication/node/consensus_loop.h"
#include "server/licensing/ledger.h"
#include "tests/sim/checker.h"
#include "tests/sim/options.h"
#include "tests/sim/scheduler.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_network.h"
#include "tests/sim/sim_process.h"
#include "tests/sim/sim_snapshots.h"
#include "tests/sim/sim_storage.h"

namespace quorate::sim {

// How a proposal ended for whoever asked a member.
struct SimResult {
  replication::ProposeOutcome outcome = replication::ProposeOutcome::kUnknown;
  licensing::LedgerAnswer answer;  // kApplied only.
};

// Thread-compatible. What Deps points to is not owned.
class SimMember final : public SimEndpoint, private SimProcess {
 public:
  struct Deps {
    const SimOptions* options = nullptr;
    Scheduler* scheduler = nullptr;
    SimNetwork* network = nullptr;
    Checker* checker = nullptr;
    std::function<SimMember*(raft::MemberId)> find;
    // It has come to lead.
    std::function<void(SimMember*)> elected;
  };

  using Done = std::function<void(const SimResult&)>;
  using ChangeDone = std::function<void(const absl::Status&)>;

  // A member of a new cluster, or one that comes into a cluster.
  SimMember(const Deps& deps, raft::MemberId id,
            const raft::Configuration& configuration, bool joining);
  ~SimMember() override;

  // Begins (again) with what is on the disk. While that is full it tries again
  // later; where it is damaged, and was damaged, it is gone().
  void Start();

  // Ends at once. Where the power goes too, what was not synced may be lost, in
  // part or whole.
  void Crash(bool power);

  // Its machine is taken away, or its disk is lost: it never comes back.
  void Retire();

  // As Crash; then starts again, some time later.
  void CrashAndReturn();

  // Stands still, as by SIGSTOP: nothing is lost, everything comes later.
  void Pause();
  void Resume();

  // Its process ends, and when it comes back a bit of its disk is another.
  void DamageDisk();

  void StallDisk(SimTime time);

  SimDisk& disk() { return storage_->disk(); }

  bool gone() const { return gone_; }

  bool damaged() const { return damaged_; }

  // It was made and never started.
  bool asleep() const { return !started_; }

  bool up() const { return loop_ != nullptr; }

  bool paused() const { return paused_; }

  bool working() const { return up() && !paused_; }

  raft::MemberId id() const { return id_; }

  bool Leads() const;

  void Deliver(replication::PeerMessage message) override;
  void OnPeerLost(raft::MemberId peer) override;
  void OnPeerReachable(raft::MemberId peer) override;

  // `done` is called once, or never where this member crashes before.
  void Propose(std::string command, absl::Duration timeout, Done done);

  // Runs `done(true)` when a linearizable read may look at ledger().
  void Read(absl::Duration timeout, std::function<void(bool)> done);

  // `done` is called once, or never where this member crashes before.
  void Request(replication::MembershipRequest request, absl::Duration timeout,
               ChangeDone done);

  // A person accepts a leap of the calendar; nobody waits for the end.
  void AcceptCalendar(int64_t up_to_ms, absl::Duration timeout);

  // All three: up() only.
  const replication::ConsensusLoop& loop() const { return *loop_; }

  const licensing::Ledger& ledger() const { return storage_->ledger(); }

  raft::Index applied() const { return snapshots_->position().index; }

  const SimClock& clock() const { return clock_; }

  // As SimClock has them. The machine's: they outlive the process.
  void SetClockRate(int64_t parts_per_million);
  void SetCalendarOff(absl::Duration off);

  // From now on it does not crash by itself.
  void Calm() { calm_ = true; }

 private:
  struct WaitingRead {
    raft::Index index;
    std::function<void(bool)> done;
  };

  void Later(SimTime delay, std::function<void()> event) override;
  bool FailPoint(const char* place) override;
  void Tell(
      const std::function<void(replication::ConsensusLoop&)>& event) override;
  void Note(const std::string& event) override;

  // Runs `event` now, or after a pause; not where this member is down.
  void Hear(std::function<void()> event);
  void OnOpenFailed(const absl::Status& status);
  void StartLater();
  void CheckStart();
  SimSnapshots* snapshots();
  void Tick();
  void MaybeAdvanceClock();
  void Pump();
  bool Emit(replication::LoopOutput& output);
  void EndCalls(const replication::LoopOutput& output);
  void SendAll(const std::vector<replication::PeerMessage>& messages);
  void NoteState();
  void CrashSoon(SimTime delay);
  bool CrashHere(const char* place, uint64_t chance_per_10000);

  // sim_member_disk.cc
  void MaybeStartDisk();
  void FinishDisk();
  bool Install(const raft::SnapshotPosition& position);
  void ScheduleApply();
  void ApplyQueued();
  void ApplyOne(const raft::Entry& entry, std::vector<uint64_t>* sequences);
  void RunReads();
  uint64_t StateDigest() const;

  const Deps deps_;
  const raft::MemberId id_;
  Random random_;
  SimClock clock_;
  std::unique_ptr<SimStorage> storage_;
  std::unique_ptr<SimSnapshots> snapshots_;
  std::unique_ptr<replication::ConsensusLoop> loop_;
  uint64_t generation_ = 0;
  uint64_t run_ = 0;
  uint64_t next_sequence_ = 1;
  uint64_t next_read_ = 1;
  uint64_t next_change_ = 1;
  bool calm_ = false;
  bool started_ = false;
  bool gone_ = false;
  bool damaged_ = false;
  SimTime stalled_until_ = 0;

  bool paused_ = false;
  std::vector<std::function<void()>> held_;

  std::vector<raft::AppendWork> disk_queue_;
  std::vector<raft::AppendWork> in_flight_;
  std::vector<raft::Entry> apply_queue_;
  bool apply_scheduled_ = false;
  bool led_ = false;

  std::map<uint64_t, Done> proposals_;
  std::map<uint64_t, std::function<void(bool)>> reads_;
  std::map<uint64_t, ChangeDone> changes_;
  std::vector<WaitingRead> granted_reads_;
  bool clock_proposed_ = false;
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_SIM_MEMBER_H_
