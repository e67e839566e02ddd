#include "tests/support/seed.h"

#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "base/check.h"

namespace quorate {

std::vector<uint64_t> TestSeeds(uint64_t first, uint64_t count) {
  if (const char* text = std::getenv("QUORATE_SEED")) {
    uint64_t seed = 0;
    QUORATE_CHECK(absl::SimpleAtoi(text, &seed));
    return {seed};
  }
  std::vector<uint64_t> seeds;
  for (uint64_t i = 0; i < count; ++i)
    seeds.push_back(first + i);
  return seeds;
}

std::string ReplayLine(uint64_t seed, absl::string_view name,
                       absl::string_view filter) {
  return absl::StrCat("replay: QUORATE_SEED=", seed, " build/dev/tests/", name,
                      " --gtest_filter=", filter);
}

}  // namespace quorate
