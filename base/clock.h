// The one door through which time comes in.
//
// Everything that must be simulated takes a Clock; nothing else in the tree
// reads the system's clocks (tools/checks/check_tidy.py holds this).

#ifndef QUORATE_BASE_CLOCK_H_
#define QUORATE_BASE_CLOCK_H_

#include "absl/time/time.h"

namespace quorate {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Time since boot, suspend included (CLOCK_BOOTTIME). Never goes back; the
  // origin means nothing. For timeouts, leases and elapsed time.
  virtual absl::Duration SinceBoot() const = 0;

  // Calendar time (CLOCK_REALTIME). May jump either way. Only for licence
  // dates and for what people read.
  virtual absl::Time Calendar() const = 0;
};

// The system's clocks. Lives as long as the process.
const Clock& SystemClock();

}  // namespace quorate

#endif  // QUORATE_BASE_CLOCK_H_
