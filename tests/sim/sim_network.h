// The simulated network: loses, delays, reorders and repeats messages, and
// cuts links in one direction or both.

#ifndef QUORATE_TESTS_SIM_SIM_NETWORK_H_
#define QUORATE_TESTS_SIM_SIM_NETWORK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/random.h"
#include "replication/transport/transport.h"
#include "tests/sim/options.h"
#include "tests/sim/scheduler.h"

namespace quorate::sim {

// What a member hears. The same calls as of a PeerMessageSink.
class SimEndpoint {
 public:
  virtual ~SimEndpoint() = default;

  virtual void Deliver(replication::PeerMessage message) = 0;
  virtual void OnPeerLost(raft::MemberId peer) = 0;
  virtual void OnPeerReachable(raft::MemberId peer) = 0;
};

// Every message goes through the wire's codec and back, as bytes. Thread-
// compatible; nothing is owned.
class SimNetwork {
 public:
  SimNetwork(const SimOptions& options, Scheduler* scheduler);

  void Join(raft::MemberId id, SimEndpoint* endpoint);

  void Send(const replication::PeerMessage& message);

  // A step of a conversation between two members on a lane of its own: `arrive`
  // runs at the other end, or never.
  void Carry(raft::MemberId from, raft::MemberId to,
             std::function<void()> arrive);

  // The process of `id` has ended: most of the others notice by their streams.
  void ProcessEnded(raft::MemberId id);
  void ProcessStarted(raft::MemberId id);

  // The streams by which `peer` speaks to `member` break, and come again.
  void BreakStreams(raft::MemberId member, raft::MemberId peer);

  // Cuts the way from one member to another (this direction only).
  void Cut(raft::MemberId from, raft::MemberId to) { cut_.insert({from, to}); }

  void Heal(raft::MemberId from, raft::MemberId to) { cut_.erase({from, to}); }

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

  bool calm() const { return calm_; }

  // A time for one hop, also for clients.
  SimTime DrawDelay();

 private:
  void SendOnce(const std::string& bytes, raft::MemberId from,
                raft::MemberId to);
  bool Loses();

  const SimOptions options_;
  Scheduler* const scheduler_;
  Random random_;
  std::map<raft::MemberId, SimEndpoint*> endpoints_;
  std::set<std::pair<raft::MemberId, raft::MemberId>> cut_;
  std::map<raft::MemberId, uint64_t> cut_off_;  // To the number of the cut.
  uint64_t cuts_ = 0;
  bool calm_ = false;
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_SIM_NETWORK_H_
