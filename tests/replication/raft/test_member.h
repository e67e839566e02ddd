// One core with a disk in memory and a hand on every step.

#ifndef QUORATE_TESTS_REPLICATION_RAFT_TEST_MEMBER_H_
#define QUORATE_TESTS_REPLICATION_RAFT_TEST_MEMBER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "replication/raft/raft.h"
#include "tests/support/memory_log.h"

namespace quorate::raft {

// What a state machine has become: where it is in the log, and a sum over all
// that it has applied.
struct TestSnapshot {
  SnapshotPosition position;
  size_t digest = 0;
};

// The state after `entry`.
TestSnapshot AfterEntry(const TestSnapshot& state, const Entry& entry);

// The driver of raft/ready.h, without threads: each of its three duties can be
// done at once (Settle) or one by one, so that a test can hold back a disk or
// crash between two steps. Checks the core's invariants after every call.
// Confined to one thread.
class TestMember {
 public:
  // `options.id` is among `voters` unless the test wants otherwise.
  TestMember(const RaftOptions& options, const std::vector<uint64_t>& voters);

  // Starts over a disk that was prepared.
  TestMember(const RaftOptions& options, MemoryLog disk);

  // The process dies and starts again: what was not durable is lost, and the
  // state machine starts over after `applied`.
  void Crash(Index applied = Index(0));

  // The same, after the oldest write got to the disk and before anything else
  // of it was done.
  void CrashAfterWrite(Index applied = Index(0));

  // Inputs of the core.
  void Tick(int count = 1);
  void Step(const Message& message);
  void Campaign();
  void Unreachable(MemberId peer);
  absl::StatusOr<Index> Propose(const std::vector<std::string>& payloads,
                                Stamp stamp = {});
  absl::Status Read(uint64_t nonce);
  absl::StatusOr<Index> Change(const ConfigurationChange& change);
  absl::Status Transfer(MemberId to);
  void PeerLost(MemberId peer);
  void SnapshotEnded(MemberId peer, bool delivered);

  // The state was made durable after the entry `to`, which was applied; the log
  // up to there may go.
  void Compact(Index to);

  // A whole snapshot of the leader `from` has arrived.
  void Receive(MemberId from, Term term, const TestSnapshot& snapshot);

  // Campaigns and wins by the votes of `supporters`, made up here; leaves an
  // empty outbox.
  void WinElection(const std::vector<uint64_t>& supporters);

  // Takes one Ready and keeps its parts until they are done. False where the
  // core had none.
  bool TakeReady();

  // The oldest write becomes durable and its messages go out. False where
  // there was none.
  bool WriteOne();

  // The state machine applies all that it was given.
  bool ApplyAll();

  // All of the above until nothing is left to do.
  void Settle();

  // What goes to the network, in order.
  std::vector<Message> TakeOutbox();

  // Messages of one kind in the outbox, which is emptied.
  template <typename Body>
  std::vector<Message> Take() {
    std::vector<Message> taken;
    for (Message& message : TakeOutbox()) {
      if (std::holds_alternative<Body>(message.body)) {
        taken.push_back(std::move(message));
      }
    }
    return taken;
  }

  std::vector<ReadState> TakeReads();
  std::vector<SnapshotOrder> TakeOrders();

  Raft& raft() { return *raft_; }

  const Raft& raft() const { return *raft_; }

  MemberId id() const { return options_.id; }

  MemoryLog& disk() { return *disk_; }

  const MemoryLog& disk() const { return *disk_; }

  const std::deque<AppendWork>& pending() const { return pending_; }

  // Every entry that was given to the state machine since the last start.
  const std::vector<Entry>& applied() const { return applied_; }

  // What the state machine has become.
  const TestSnapshot& state() const { return state_; }

  const Ready& last_ready() const { return last_ready_; }

  // "1 2 2" for the terms of the log behind the first entry, in memory and on
  // disk.
  std::string LogTerms() const;

 private:
  void Start(Index applied);
  void Check() const;
  bool FinishInstall();

  const RaftOptions options_;
  std::unique_ptr<MemoryLog> disk_;  // The core points to it.
  std::unique_ptr<Raft> raft_;
  std::deque<AppendWork> pending_;
  std::deque<std::vector<Entry>> to_apply_;
  std::vector<Message> outbox_;
  std::vector<ReadState> reads_;
  std::vector<SnapshotOrder> orders_;
  std::vector<Entry> applied_;
  TestSnapshot state_;
  // On disk: all states this member was ever in, and the snapshots it received.
  std::map<Index, TestSnapshot> states_;
  Ready last_ready_;
};

// Messages by hand.
Message MakeMessage(uint64_t from, uint64_t to, uint64_t term,
                    MessageBody body);

// An entry with a payload.
Entry MakeEntry(uint64_t index, uint64_t term, absl::string_view payload);

// An entry that holds a configuration of these voters.
Entry MakeConfigurationEntry(uint64_t index, uint64_t term,
                             const std::vector<uint64_t>& voters);

}  // namespace quorate::raft

#endif  // QUORATE_TESTS_REPLICATION_RAFT_TEST_MEMBER_H_
