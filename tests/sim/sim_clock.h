// A member's clocks in the simulated world: wrong by an offset and a rate.

#ifndef QUORATE_TESTS_SIM_SIM_CLOCK_H_
#define QUORATE_TESTS_SIM_SIM_CLOCK_H_

#include "absl/time/time.h"

#include "base/clock.h"
#include "tests/sim/scheduler.h"

namespace quorate::sim {

// Thread-compatible. `scheduler` is not owned.
class SimClock final : public Clock {
 public:
  explicit SimClock(const Scheduler* scheduler) : scheduler_(scheduler) {}

  absl::Duration SinceBoot() const override {
    return absl::Microseconds(boot_base_ + Elapsed());
  }

  absl::Time Calendar() const override {
    return TrueCalendar(scheduler_->now()) + calendar_offset_;
  }

  // From now on the clock runs `parts_per_million` too fast (or too slow).
  void SetRate(int64_t parts_per_million) {
    boot_base_ += Elapsed();
    since_ = scheduler_->now();
    rate_ppm_ = parts_per_million;
  }

  // The calendar is this far off from now on.
  void SetCalendarOff(absl::Duration off) { calendar_offset_ = off; }

  absl::Duration calendar_off() const { return calendar_offset_; }

  // What a clock that is right shows at `now`; the simulated world begins on
  // 2026-01-01.
  static absl::Time TrueCalendar(SimTime now) {
    return absl::FromUnixSeconds(1'767'225'600) + absl::Microseconds(now);
  }

 private:
  int64_t Elapsed() const {
    const SimTime passed = scheduler_->now() - since_;
    return passed + passed * rate_ppm_ / 1'000'000;
  }

  const Scheduler* scheduler_;
  SimTime since_ = 0;
  int64_t boot_base_ = 1'000'000;
  int64_t rate_ppm_ = 0;
  absl::Duration calendar_offset_;
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_SIM_CLOCK_H_
