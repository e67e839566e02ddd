// What a part of a simulated member may ask of the process that it is in.

#ifndef QUORATE_TESTS_SIM_SIM_PROCESS_H_
#define QUORATE_TESTS_SIM_SIM_PROCESS_H_

#include <functional>
#include <string>

#include "replication/node/consensus_loop.h"
#include "tests/sim/scheduler.h"

namespace quorate::sim {

// Thread-compatible. A part is destroyed with its process: after a call that
// may end it, it looks at nothing of its own.
class SimProcess {
 public:
  virtual ~SimProcess() = default;

  // Runs `event` later, unless the process ends before; after a pause where
  // there is one.
  virtual void Later(SimTime delay, std::function<void()> event) = 0;

  // A place that a test can name. True where the process ended here and now.
  virtual bool FailPoint(const char* place) = 0;

  // An event for the consensus loop, and what comes of it.
  virtual void Tell(
      const std::function<void(replication::ConsensusLoop&)>& event) = 0;

  virtual void Note(const std::string& event) = 0;
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_SIM_PROCESS_H_
