// Three consensus loops (or more, once a test adds members) in one thread, with
// a network, disks and a clock that the test moves by hand.

#ifndef QUORATE_TESTS_REPLICATION_NODE_LOOP_CLUSTER_H_
#define QUORATE_TESTS_REPLICATION_NODE_LOOP_CLUSTER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "base/latency_book.h"
#include "replication/node/consensus_loop.h"
#include "replication/storage/memory_log_store.h"

namespace quorate::replication {

// Stands still until it is moved. Thread-compatible.
class HandClock : public Clock {
 public:
  absl::Duration SinceBoot() const override { return since_boot_; }

  absl::Time Calendar() const override { return calendar_; }

  void Advance(absl::Duration step) {
    since_boot_ += step;
    calendar_ += step;
  }

  void SetCalendar(absl::Time time) { calendar_ = time; }

 private:
  absl::Duration since_boot_ = absl::Hours(1);
  absl::Time calendar_ = absl::FromUnixMillis(1'800'000'000'000);
};

// As another clock, but its calendar is wrong by an offset. Thread-compatible.
class WrongClock : public Clock {
 public:
  // `right` is not owned.
  explicit WrongClock(const Clock* right) : right_(right) {}

  absl::Duration SinceBoot() const override { return right_->SinceBoot(); }

  absl::Time Calendar() const override {
    return right_->Calendar() + calendar_off_;
  }

  void SetCalendarOff(absl::Duration off) { calendar_off_ = off; }

 private:
  const Clock* const right_;
  absl::Duration calendar_off_;
};

// Thread-compatible.
class LoopCluster {
 public:
  static constexpr int kMembers = 3;

  explicit LoopCluster(const NodeOptions& options);

  // A machine with the log of a member that joins, as it was told of the
  // members; runs at once. Returns its number.
  int AddMachine(const raft::Configuration& told);

  // Asks `member` for a change, and ticks until it has ended.
  absl::Status Change(int member, raft::ConfigurationChange change);

  // Where the member with this number would be.
  static raft::MemberAddress AddressOf(int member);

  // Ticks everyone until some member leads and all know it; returns its
  // number, 1 to 3.
  int Elect();

  // One tick of time for every member that is up, then Settle.
  void Tick();
  void Ticks(int count);

  // Delivers, writes and applies until nothing is left to do.
  void Settle();

  void Propose(int member, uint64_t sequence,
               absl::Duration timeout = absl::Seconds(60));
  void Read(int member, uint64_t read,
            absl::Duration timeout = absl::Seconds(60));

  // The member is gone: neither ticks nor hears, until Restart.
  void Kill(int member);
  void Restart(int member);

  // While its disk hangs nothing that it appends gets durable.
  void SetDiskHangs(int member, bool hangs);

  // Messages for which this is false are lost.
  std::function<bool(const PeerMessage&)> passes;

  // No message from or to `member` passes.
  void Isolate(int member);

  void Heal() { passes = nullptr; }

  ConsensusLoop& loop(int member) { return *at(member).loop; }

  // The time that passes for all.
  HandClock& clock() { return clock_; }

  // What `member` takes for it.
  WrongClock& clock_of(int member) { return *at(member).clock; }

  // What `member` measures, in all its runs.
  LatencyBook& latencies(int member) { return *at(member).latencies; }

  const MemoryLogStore& store(int member) { return *at(member).store; }

  // The member that leads at the highest term; 0 where none does.
  int Leader();

  // How many entries of this proposal of a member's present run `where` has
  // applied.
  int TimesApplied(int where, int proposer, uint64_t sequence);

  // How the proposal ended at its member: "applied", "no_quorum" and so on, or
  // "" while it is under way.
  std::string Outcome(int member, uint64_t sequence);

  // How the change or leap that `member` asked for ended, where it has.
  std::optional<absl::Status> ChangeEnd(int member, uint64_t call);

  // "ok@<index>", "no_quorum" and so on, or "".
  std::string ReadOutcomeOf(int member, uint64_t read);

  // Every message that was sent, lost ones included.
  const std::vector<PeerMessage>& sent() const { return sent_; }

  void ForgetSent() { sent_.clear(); }

  static raft::MemberId Id(int member) { return raft::MemberId(member); }

 private:
  struct Member {
    std::unique_ptr<WrongClock> clock;
    std::unique_ptr<LatencyBook> latencies;
    std::unique_ptr<MemoryLogStore> store;
    std::unique_ptr<ConsensusLoop> loop;  // Null while it is gone.
    uint64_t run = 0;
    bool disk_hangs = false;
    std::deque<raft::AppendWork> unwritten;
    std::vector<raft::Entry> applied;
    std::shared_ptr<const raft::Configuration> known;  // To its transport.
    std::map<uint64_t, absl::Status> changes;
    std::map<uint64_t, std::string> outcomes;
    std::map<uint64_t, std::string> reads;
  };

  Member& at(int member) { return members_[member - 1]; }

  void Begin(int member);
  bool Drain(int member);
  bool Write(int member);
  void Post(PeerMessage message);
  bool Knows(int member, raft::MemberId other);

  const NodeOptions options_;
  HandClock clock_;
  std::vector<Member> members_;
  std::deque<PeerMessage> network_;
  std::vector<PeerMessage> sent_;
  uint64_t runs_ = 1'000'000;
  uint64_t last_change_ = 0;
};

}  // namespace quorate::replication

#endif  // QUORATE_TESTS_REPLICATION_NODE_LOOP_CLUSTER_H_
