// The seed of a random test: printed, and given back to replay a failure.

#ifndef QUORATE_TESTS_SUPPORT_SEED_H_
#define QUORATE_TESTS_SUPPORT_SEED_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace quorate {

// `count` seeds from `first` on, or the one in the environment's QUORATE_SEED.
std::vector<uint64_t> TestSeeds(uint64_t first, uint64_t count);

// "replay: QUORATE_SEED=17 build/dev/tests/NAME --gtest_filter=FILTER", for
// SCOPED_TRACE.
std::string ReplayLine(uint64_t seed, absl::string_view name,
                       absl::string_view filter);

}  // namespace quorate

#endif  // QUORATE_TESTS_SUPPORT_SEED_H_
