// The simulated network: loses, delays, reorders and repeats messages, and
// cuts links in one direction or both.

#ifndef QUORATE_TESTS_SIM_SIM_NETWORK_H_
#define QUORATE_TESTS_SIM_SIM_NETWORK_H_

#include <functional>
#include <map>
#include <set>
#include <utility>

#include "base/random.h"
#include "replication/transport/transport.h"
#include "tests/sim/options.h"
#include "tests/sim/scheduler.h"

namespace quorate::sim {

// Every message goes through the wire's codec and back, as bytes. Thread-
// compatible; nothing is owned.
class SimNetwork {
 public:
  using Deliver = std::function<void(replication::PeerMessage)>;

  SimNetwork(const SimOptions& options, Scheduler* scheduler, Random* random,
             Deliver deliver)
      : options_(options),
        scheduler_(scheduler),
        random_(random),
        deliver_(std::move(deliver)) {}

  void Send(const replication::PeerMessage& message);

  // Cuts the way from one member to another (this direction only).
  void Cut(raft::MemberId from, raft::MemberId to) { cut_.insert({from, to}); }

  // Cuts all ways to and from one member, and mends them after `time`.
  void CutOff(raft::MemberId member, SimTime time);

  void HealAll() {
    cut_.clear();
    cut_off_.clear();
  }

  bool IsCut(raft::MemberId from, raft::MemberId to) const {
    return cut_.count({from, to}) > 0 || cut_off_.count(from) > 0 ||
           cut_off_.count(to) > 0;
  }

  // No loss, repetition or slowness from now on.
  void Calm() { calm_ = true; }

  // A time for one hop, also for clients.
  SimTime DrawDelay();

 private:
  void SendOnce(const std::string& bytes, raft::MemberId from,
                raft::MemberId to);

  const SimOptions options_;
  Scheduler* const scheduler_;
  Random* const random_;
  const Deliver deliver_;
  std::set<std::pair<raft::MemberId, raft::MemberId>> cut_;
  std::map<raft::MemberId, uint64_t> cut_off_;  // To the number of the cut.
  uint64_t cuts_ = 0;
  bool calm_ = false;
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_SIM_NETWORK_H_
