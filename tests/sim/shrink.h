// Makes a failing world smaller.

#ifndef QUORATE_TESTS_SIM_SHRINK_H_
#define QUORATE_TESTS_SIM_SHRINK_H_

#include "tests/sim/seed_runner.h"

namespace quorate::sim {

// Switches troubles off one at a time, and shortens the world, for as long as
// the same rule is broken. Prints each step that helped. Returns the case as it
// came where it does not fail.
SeedCase Shrink(const SeedCase& failing);

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_SHRINK_H_
