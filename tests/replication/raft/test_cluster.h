// Several cores and a network that does as it is told.

#ifndef QUORATE_TESTS_REPLICATION_RAFT_TEST_CLUSTER_H_
#define QUORATE_TESTS_REPLICATION_RAFT_TEST_CLUSTER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/replication/raft/test_member.h"

namespace quorate::raft {

// Members 1 to n. Messages arrive in order unless a link is cut or the filter
// says no. Confined to one thread.
class TestCluster {
 public:
  explicit TestCluster(uint64_t size, RaftOptions options = {});

  // Members with logs of these terms behind the first entry, none of them in
  // an earlier term than `term`.
  explicit TestCluster(const std::vector<std::vector<uint64_t>>& logs,
                       RaftOptions options = {}, Term term = Term(1));

  // One more member, with the next number: nothing is on its disk.
  TestMember& AddJoiner(RaftOptions options = {});

  TestMember& member(uint64_t id) { return *members_.at(id); }

  // Everybody does what he has to do and every message arrives or is lost,
  // until all is quiet.
  void Settle();

  // Member `id` campaigns among members that have forgotten their leader; then
  // Settle. Whether it wins is up to their logs and votes.
  void Elect(uint64_t id);

  // Ticks everybody once and settles, `count` times.
  void Tick(int count = 1);

  // Ticks until somebody leads and says who; 0 where that takes too long.
  uint64_t AwaitLeader();

  void Cut(uint64_t a, uint64_t b);
  void CutOneWay(uint64_t from, uint64_t to);
  void Isolate(uint64_t id);
  void Heal();

  // Messages for which it returns true are lost.
  void Drop(std::function<bool(const Message&)> filter) {
    drop_ = std::move(filter);
  }

  // The members that lead, by their own opinion.
  std::vector<uint64_t> Leaders() const;

  size_t size() const { return members_.size(); }

 private:
  bool Deliver();
  void CarrySnapshot(TestMember& from, const SnapshotOrder& order);

  std::map<uint64_t, std::unique_ptr<TestMember>> members_;
  std::set<std::pair<uint64_t, uint64_t>> cut_;
  std::function<bool(const Message&)> drop_;
  MemberId only_candidate_;
};

}  // namespace quorate::raft

#endif  // QUORATE_TESTS_REPLICATION_RAFT_TEST_CLUSTER_H_
