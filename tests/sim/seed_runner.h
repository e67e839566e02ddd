// Runs many worlds in processes of their own.

#ifndef QUORATE_TESTS_SIM_SEED_RUNNER_H_
#define QUORATE_TESTS_SIM_SEED_RUNNER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "tests/sim/options.h"

namespace quorate::sim {

// One world: what the seed draws, with some options set otherwise; or, where
// `only`, nothing but what is set.
struct SeedCase {
  uint64_t seed = 0;
  std::string set;
  bool only = false;
};

// INVALID_ARGUMENT where `set` names no option.
absl::StatusOr<SimOptions> OptionsOf(const SeedCase& seed_case);

// How to run it again.
std::string ReplayLine(const SeedCase& seed_case);

// The rule that is broken, in words; "" where none is. A world that ends its
// process breaks a rule, too.
std::string FailureOf(const SimOptions& options);

// Runs all in `jobs` processes, prints the failures, and what was seen in sum.
// Returns true where none failed.
bool RunCases(const std::vector<SeedCase>& cases, size_t jobs);

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_SEED_RUNNER_H_
