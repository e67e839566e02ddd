#include "tests/sim/options.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "base/random.h"
#include "tests/sim/scheduler.h"

namespace quorate::sim {
namespace {

constexpr bool kTrouble = true;

constexpr SimOptionField kFields[] = {
    {"faulty_time", &SimOptions::faulty_time},
    {"members", &SimOptions::members, kTrouble, 3},
    {"network_delay_min", &SimOptions::network_delay_min},
    {"network_delay_max", &SimOptions::network_delay_max, kTrouble, 1'000},
    {"loss_per_mille", &SimOptions::loss_per_mille, kTrouble},
    {"duplicate_per_mille", &SimOptions::duplicate_per_mille, kTrouble},
    {"slow_per_mille", &SimOptions::slow_per_mille, kTrouble},
    {"lost_percent", &SimOptions::lost_percent, kTrouble},
    {"lost_delay_max", &SimOptions::lost_delay_max},
    {"flap_every", &SimOptions::flap_every, kTrouble},
    {"disk_delay_min", &SimOptions::disk_delay_min},
    {"disk_delay_max", &SimOptions::disk_delay_max, kTrouble, 1'000},
    {"apply_delay_max", &SimOptions::apply_delay_max},
    {"crash_every", &SimOptions::crash_every, kTrouble},
    {"leader_crash_every", &SimOptions::leader_crash_every, kTrouble},
    {"partition_every", &SimOptions::partition_every, kTrouble},
    {"pause_every", &SimOptions::pause_every, kTrouble},
    {"clock_every", &SimOptions::clock_every, kTrouble},
    {"leap_every", &SimOptions::leap_every, kTrouble},
    {"sync_failure_every", &SimOptions::sync_failure_every, kTrouble},
    {"stall_every", &SimOptions::stall_every, kTrouble},
    {"full_every", &SimOptions::full_every, kTrouble},
    {"disk_loss_every", &SimOptions::disk_loss_every, kTrouble},
    {"bit_flip_every", &SimOptions::bit_flip_every, kTrouble},
    {"change_every", &SimOptions::change_every, kTrouble},
    {"transfer_every", &SimOptions::transfer_every, kTrouble},
    {"change_at_election_per_mille", &SimOptions::change_at_election_per_mille,
     kTrouble},
    {"down_time_max", &SimOptions::down_time_max},
    {"power_percent", &SimOptions::power_percent, kTrouble},
    {"crash_after_vote_per_mille", &SimOptions::crash_after_vote_per_mille,
     kTrouble},
    {"crash_after_election_per_mille",
     &SimOptions::crash_after_election_per_mille, kTrouble},
    {"cut_after_election_per_mille", &SimOptions::cut_after_election_per_mille,
     kTrouble},
    {"leader_crash_after_apply_per_mille",
     &SimOptions::leader_crash_after_apply_per_mille, kTrouble},
    {"crash_at_failpoint_per_10000", &SimOptions::crash_at_failpoint_per_10000,
     kTrouble},
    {"clients", &SimOptions::clients, kTrouble, 2},
    {"think_time_max", &SimOptions::think_time_max},
    {"max_message_bytes", &SimOptions::max_message_bytes, kTrouble, 512 * 1024},
    {"max_inflight_messages", &SimOptions::max_inflight_messages, kTrouble, 64},
    {"snapshot_entries", &SimOptions::snapshot_entries, kTrouble, 1'000'000},
    {"snapshot_chunk_bytes", &SimOptions::snapshot_chunk_bytes},
    {"conditions_per_mille", &SimOptions::conditions_per_mille, kTrouble},
};

uint64_t Milliseconds(Random* random, uint64_t low, uint64_t high) {
  return random->Between(low, high) * kMillisecond;
}

void DrawNetwork(Random* random, SimOptions* options) {
  options->network_delay_min = random->Between(50, 500);
  options->network_delay_max =
      options->network_delay_min + (random->OneIn(3)
                                        ? random->Between(1'000, 60'000)
                                        : random->Between(100, 3'000));
  if (random->OneIn(2)) options->loss_per_mille = random->Between(1, 150);
  if (random->OneIn(2)) options->duplicate_per_mille = random->Between(1, 100);
  if (random->OneIn(3)) options->slow_per_mille = random->Between(1, 50);
  if (!random->OneIn(3)) options->lost_percent = random->Between(20, 100);
  options->lost_delay_max = random->Between(100, 30'000);
  if (random->OneIn(4)) options->flap_every = Milliseconds(random, 50, 3'000);
}

void DrawFaults(Random* random, SimOptions* options) {
  if (random->OneIn(2)) {
    options->crash_every = Milliseconds(random, 1'000, 15'000);
  }
  if (random->OneIn(3)) {
    options->leader_crash_every = Milliseconds(random, 1'500, 10'000);
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
  options->power_percent = random->OneIn(3) ? 100 : random->Between(0, 100);
  if (random->OneIn(3)) {
    options->crash_after_vote_per_mille = random->Between(10, 300);
  }
  if (random->OneIn(4)) {
    options->crash_after_election_per_mille = random->Between(50, 500);
  }
  if (random->OneIn(4)) {
    options->cut_after_election_per_mille = random->Between(50, 500);
  }
  if (random->OneIn(3)) {
    options->leader_crash_after_apply_per_mille = random->Between(2, 100);
  }
  if (random->OneIn(2)) {
    options->crash_at_failpoint_per_10000 = random->Between(1, 20);
  }
}

void DrawDiskFaults(Random* random, SimOptions* options) {
  if (random->OneIn(4)) {
    options->sync_failure_every = Milliseconds(random, 1'000, 8'000);
  }
  if (random->OneIn(5)) {
    options->stall_every = Milliseconds(random, 2'000, 10'000);
  }
  if (random->OneIn(5)) {
    options->full_every = Milliseconds(random, 2'000, 10'000);
  }
  if (random->OneIn(5)) {
    options->disk_loss_every = Milliseconds(random, 1'000, 8'000);
  }
  if (random->OneIn(5)) {
    options->bit_flip_every = Milliseconds(random, 1'000, 8'000);
  }
}

void DrawMembers(Random* random, SimOptions* options) {
  constexpr uint64_t kSizes[] = {1, 3, 3, 3, 5};
  options->members = kSizes[random->Below(std::size(kSizes))];
  if (random->OneIn(2)) {
    options->change_every = Milliseconds(random, 300, 4'000);
  }
  if (options->change_every > 0 && random->OneIn(2)) {
    options->change_at_election_per_mille = random->Between(100, 1'000);
  }
  if (random->OneIn(3)) {
    options->transfer_every = Milliseconds(random, 500, 5'000);
  }
}

void DrawRaft(Random* random, SimOptions* options) {
  options->max_inflight_messages = random->Between(2, 64);
  options->max_message_bytes = 512 * 1024;
  if (random->OneIn(2)) {
    // One entry a message, so that crashes fall between entries that would
    // travel together; with times that let such a log still catch up.
    options->max_message_bytes = 1;
    options->max_inflight_messages = random->Between(8, 64);
    options->network_delay_max = std::min(options->network_delay_max,
                                          options->network_delay_min + 5'000);
    options->disk_delay_max =
        std::min(options->disk_delay_max, options->disk_delay_min + 10'000);
  }
  options->snapshot_entries =
      random->OneIn(4) ? 1'000'000 : random->Between(5, 80);
  options->snapshot_chunk_bytes = random->Between(200, 8'000);
}

}  // namespace

SimOptions SimOptions::ForSeed(uint64_t seed) {
  Random random(seed);
  SimOptions options;
  options.seed = seed;
  options.faulty_time = Milliseconds(&random, 5'000, 25'000);
  DrawNetwork(&random, &options);
  options.disk_delay_min = random.Between(50, 500);
  options.disk_delay_max =
      options.disk_delay_min + (random.OneIn(3) ? random.Between(5'000, 200'000)
                                                : random.Between(100, 5'000));
  options.apply_delay_max = random.Between(10, 2'000);
  DrawFaults(&random, &options);
  options.clients = random.Between(2, 6);
  options.think_time_max = Milliseconds(&random, 5, 200);
  DrawRaft(&random, &options);
  DrawDiskFaults(&random, &options);
  DrawMembers(&random, &options);
  if (!random.OneIn(3)) options.conditions_per_mille = random.Between(100, 900);
  if (options.conditions_per_mille > 0 && !random.OneIn(3)) {
    options.leap_every = Milliseconds(&random, 1'000, 5'000);
  }
  return options;
}

absl::Status SimOptions::Set(absl::string_view assignments) {
  for (const absl::string_view assignment :
       absl::StrSplit(assignments, ',', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(assignment, absl::MaxSplits('=', 1));
    const auto* const field = std::find_if(
        std::begin(kFields), std::end(kFields),
        [&](const SimOptionField& known) { return known.name == parts.first; });
    uint64_t value = 0;
    if (field == std::end(kFields) || !absl::SimpleAtoi(parts.second, &value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("not an option and a number: ", assignment));
    }
    this->*field->value = value;
  }
  return absl::OkStatus();
}

std::string SimOptions::ToString() const {
  std::string text;
  for (const SimOptionField& field : kFields) {
    absl::StrAppend(&text, text.empty() ? "" : ",", field.name, "=",
                    this->*field.value);
  }
  return text;
}

std::span<const SimOptionField> SimOptionFields() {
  return kFields;
}

}  // namespace quorate::sim
