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
    // The simulated world begins on 2026-01-01.
    return absl::FromUnixSeconds(1'767'225'600) + calendar_offset_ +
           absl::Microseconds(scheduler_->now());
  }

  // From now on the clock runs `parts_per_million` too fast (or too slow).
  void SetRate(int64_t parts_per_million) {
    boot_base_ += Elapsed();
    since_ = scheduler_->now();
    rate_ppm_ = parts_per_million;
  }

  void JumpCalendar(absl::Duration by) { calendar_offset_ += by; }

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
