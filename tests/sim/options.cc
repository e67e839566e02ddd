#include "tests/sim/options.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/random.h"

namespace quorate::sim {
namespace {

SimTime Milliseconds(Random* random, uint64_t low, uint64_t high) {
  return static_cast<SimTime>(random->Between(low, high)) * kMillisecond;
}

void DrawNetwork(Random* random, SimOptions* options) {
  options->network_delay_min = static_cast<SimTime>(random->Between(50, 500));
  options->network_delay_max =
      options->network_delay_min +
      static_cast<SimTime>(random->OneIn(3) ? random->Between(1'000, 60'000)
                                            : random->Between(100, 3'000));
  if (random->OneIn(2)) options->loss_per_mille = random->Between(1, 150);
  if (random->OneIn(2)) options->duplicate_per_mille = random->Between(1, 100);
  if (random->OneIn(3)) options->slow_per_mille = random->Between(1, 50);
}

void DrawFaults(Random* random, SimOptions* options) {
  if (!random->OneIn(4)) {
    options->crash_every = Milliseconds(random, 700, 8'000);
  }
  if (random->OneIn(2)) {
    options->leader_crash_every = Milliseconds(random, 900, 5'000);
  }
  if (random->OneIn(2)) {
    options->partition_every = Milliseconds(random, 1'500, 8'000);
  }
  if (random->OneIn(3)) {
    options->pause_every = Milliseconds(random, 2'000, 8'000);
  }
  if (random->OneIn(3)) {
    options->clock_every = Milliseconds(random, 1'000, 8'000);
  }
  options->down_time_max = Milliseconds(random, 50, 3'000);
  if (random->OneIn(2)) {
    options->crash_after_vote_per_mille = random->Between(20, 400);
  }
  if (random->OneIn(2)) {
    options->crash_after_election_per_mille = random->Between(50, 700);
  }
  if (random->OneIn(2)) {
    options->cut_after_election_per_mille = random->Between(50, 700);
  }
  if (random->OneIn(3)) {
    options->leader_crash_after_apply_per_mille = random->Between(20, 500);
  }
  if (random->OneIn(2)) {
    options->crash_at_failpoint_per_10000 = random->Between(1, 100);
  }
}

}  // namespace

SimOptions SimOptions::ForSeed(uint64_t seed) {
  Random random(seed);
  SimOptions options;
  options.seed = seed;
  options.faulty_time = Milliseconds(&random, 8'000, 30'000);
  DrawNetwork(&random, &options);
  options.disk_delay_min = static_cast<SimTime>(random.Between(50, 500));
  options.disk_delay_max =
      options.disk_delay_min +
      static_cast<SimTime>(random.OneIn(3) ? random.Between(5'000, 200'000)
                                           : random.Between(100, 5'000));
  options.apply_delay_max = static_cast<SimTime>(random.Between(10, 2'000));
  DrawFaults(&random, &options);
  options.clients = static_cast<int>(random.Between(2, 6));
  options.think_time_max = Milliseconds(&random, 5, 400);
  options.max_inflight_messages = random.Between(2, 64);
  options.max_message_bytes = 512 * 1024;
  if (random.OneIn(2)) {
    // One entry a message, so that crashes fall between entries that would
    // travel together; with times that let such a log still catch up.
    options.max_message_bytes = 1;
    options.max_inflight_messages = random.Between(8, 64);
    options.network_delay_max =
        std::min(options.network_delay_max, options.network_delay_min + 5'000);
    options.disk_delay_max =
        std::min(options.disk_delay_max, options.disk_delay_min + 10'000);
  }
  return options;
}

std::string SimOptions::ToString() const {
  return absl::StrCat(
      "faulty_ms=", faulty_time / kMillisecond, " delay_us=", network_delay_min,
      "..", network_delay_max, " loss=", loss_per_mille,
      " duplicate=", duplicate_per_mille, " slow=", slow_per_mille,
      " disk_us=", disk_delay_min, "..", disk_delay_max,
      " crash_ms=", crash_every / kMillisecond,
      " leader_crash_ms=", leader_crash_every / kMillisecond,
      " partition_ms=", partition_every / kMillisecond,
      " pause_ms=", pause_every / kMillisecond,
      " clock_ms=", clock_every / kMillisecond,
      " vote_crash=", crash_after_vote_per_mille,
      " election_crash=", crash_after_election_per_mille,
      " election_cut=", cut_after_election_per_mille,
      " apply_crash=", leader_crash_after_apply_per_mille,
      " failpoint=", crash_at_failpoint_per_10000, " clients=", clients,
      " message_bytes=", max_message_bytes,
      " inflight=", max_inflight_messages);
}

}  // namespace quorate::sim
