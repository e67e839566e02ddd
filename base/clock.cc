#include "base/clock.h"

#include <time.h>

#include "base/check.h"

namespace quorate {
namespace {

timespec Read(clockid_t id) {
  timespec now{};
  QUORATE_CHECK(clock_gettime(id, &now) == 0);
  return now;
}

class RealClock final : public Clock {
 public:
  absl::Duration SinceBoot() const override {
    return absl::DurationFromTimespec(Read(CLOCK_BOOTTIME));
  }

  absl::Time Calendar() const override {
    return absl::TimeFromTimespec(Read(CLOCK_REALTIME));
  }
};

}  // namespace

const Clock& SystemClock() {
  static const RealClock kClock;
  return kClock;
}

}  // namespace quorate
