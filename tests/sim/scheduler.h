// Simulated time: events in the order of their times, one thread.

#ifndef QUORATE_TESTS_SIM_SCHEDULER_H_
#define QUORATE_TESTS_SIM_SCHEDULER_H_

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "base/random.h"

namespace quorate::sim {

// Microseconds since the start of the simulated world.
using SimTime = int64_t;

inline constexpr SimTime kMillisecond = 1'000;
inline constexpr SimTime kSecond = 1'000'000;

// A time in [0, max); 0 where there is none.
inline SimTime TimeBelow(Random* random, uint64_t max) {
  return max == 0 ? 0 : static_cast<SimTime>(random->Below(max));
}

// Events of one time run in the order in which they were added, so that one
// seed always gives one history. Thread-compatible.
class Scheduler {
 public:
  SimTime now() const { return now_; }

  void After(SimTime delay, std::function<void()> event) {
    events_.push({now_ + delay, next_sequence_++, std::move(event)});
  }

  // Runs the next event; false where there is none up to `end`, the time then
  // being `end`.
  bool RunNext(SimTime end) {
    if (events_.empty() || events_.top().time > end) {
      now_ = end;
      return false;
    }
    // The queue hands out const references; the event is moved out of it
    // before it goes.
    Event event = std::move(const_cast<Event&>(events_.top()));
    events_.pop();
    now_ = event.time;
    event.run();
    return true;
  }

 private:
  struct Event {
    SimTime time;
    uint64_t sequence;
    std::function<void()> run;
  };

  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return std::pair(a.time, a.sequence) > std::pair(b.time, b.sequence);
    }
  };

  SimTime now_ = 0;
  uint64_t next_sequence_ = 0;
  std::priority_queue<Event, std::vector<Event>, Later> events_;
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_SCHEDULER_H_
