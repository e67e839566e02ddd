// Three real nodes in one process, over a network and disks in memory.

#ifndef QUORATE_TESTS_REPLICATION_NODE_NODE_CLUSTER_H_
#define QUORATE_TESTS_REPLICATION_NODE_NODE_CLUSTER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "base/mutex.h"
#include "replication/node/node.h"
#include "replication/state_machine.h"
#include "replication/storage/memory_log_store.h"
#include "tests/replication/node/memory_snapshots.h"

namespace quorate::replication {

// Hands messages over in the sender's thread. Thread-safe.
class MemoryNetwork {
 public:
  // Returns a transport for `id`; the network outlives it.
  std::unique_ptr<Transport> NewTransport(raft::MemberId id);

  // Nothing goes from or to `id` until the opposite is said.
  void SetCutOff(raft::MemberId id, bool cut_off);

 private:
  class MemoryTransport;

  struct Sinks {
    PeerMessageSink* messages = nullptr;
    SnapshotSink* snapshots = nullptr;
  };

  void Attach(raft::MemberId id, const Sinks& sinks);
  void CarrySnapshot(raft::MemberId from, raft::MemberId to, raft::Term term,
                     SnapshotSource* snapshot);
  void Detach(raft::MemberId id);
  void Deliver(PeerMessage message);

  Mutex mu_;
  std::map<raft::MemberId, Sinks> sinks_ ABSL_GUARDED_BY(mu_);
  std::map<raft::MemberId, bool> cut_off_ ABSL_GUARDED_BY(mu_);
};

// The answer of a CountingMachine.
class CountAnswer : public Answer {
 public:
  CountAnswer(std::string key, int times) : key(std::move(key)), times(times) {}

  const std::string key;
  const int times;  // How often the command has now been seen.
};

// A command is a key; its effect happens the first time it is seen. Read from
// any thread.
class CountingMachine : public StateMachine {
 public:
  // `folders` is not owned; without it there are no snapshots.
  explicit CountingMachine(MemoryFolders* folders = nullptr)
      : folders_(folders) {}

  raft::Index AppliedIndex() const override;
  std::vector<std::unique_ptr<Answer>> Apply(
      std::span<const raft::Entry> entries) override;

  absl::Status Checkpoint(const std::string& folder) override;
  absl::Status Install(const std::string& folder) override;

  // The keys in the order of their first effect.
  std::vector<std::string> Effects() const;
  bool Has(const std::string& key) const;

  // True where an entry came that was not the next.
  bool gap() const;

  // How often a snapshot took the place of the state.
  int installed() const;

 private:
  MemoryFolders* const folders_;

  mutable Mutex mu_;
  int installed_ ABSL_GUARDED_BY(mu_) = 0;
  raft::Index applied_ ABSL_GUARDED_BY(mu_);
  bool gap_ ABSL_GUARDED_BY(mu_) = false;
  std::map<std::string, int> times_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> effects_ ABSL_GUARDED_BY(mu_);
};

// Options for tests: short ticks, invariants checked.
NodeOptions QuickOptions();

class NodeCluster {
 public:
  static constexpr int kMembers = 3;

  NodeCluster() : NodeCluster(QuickOptions()) {}

  explicit NodeCluster(const NodeOptions& options);
  ~NodeCluster();

  // A fourth machine with an empty log that nobody knows yet. Returns its
  // number.
  int AddMachine();

  Node& node(int member) { return *members_[member - 1].node; }

  CountingMachine& machine(int member) { return *members_[member - 1].machine; }

  MemoryNetwork& network() { return network_; }

  // Stops the member and takes it away; its log stays.
  void StopMember(int member);

  // Starts it on its log, with an empty state machine; where the log does not
  // begin at the beginning, with the state that the member had.
  void StartMember(int member);

  bool runs(int member) { return members_[member - 1].node != nullptr; }

  // Waits for a member that says that it leads and has committed in its term.
  int WaitForLeader();

  // Proposes and waits for the end.
  ProposeResult Propose(int member, const std::string& key,
                        absl::Duration timeout = absl::Seconds(30));
  ReadOutcome Read(int member, ReadConsistency consistency,
                   absl::Duration timeout = absl::Seconds(30));

  // Waits until all members that run have the same effects, `count` of them.
  absl::Status WaitForEqual(size_t count);

 private:
  struct Member {
    std::unique_ptr<MemoryLogStore> store;
    std::unique_ptr<MemorySnapshotFiles> snapshots;
    std::unique_ptr<Transport> transport;
    std::unique_ptr<CountingMachine> machine;
    std::unique_ptr<Node> node;
  };

  void MakeDisk(int number);

  const NodeOptions options_;
  MemoryFolders folders_;
  MemoryNetwork network_;
  std::vector<Member> members_;
};

// Three voters with ids 1 to 3.
raft::Configuration ThreeNodes();

// Where the member with this number would be.
raft::MemberAddress AddressOf(int number);

}  // namespace quorate::replication

#endif  // QUORATE_TESTS_REPLICATION_NODE_NODE_CLUSTER_H_
