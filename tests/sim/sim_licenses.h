// The licences of a simulated world, drawn by its seed.

#ifndef QUORATE_TESTS_SIM_SIM_LICENSES_H_
#define QUORATE_TESTS_SIM_SIM_LICENSES_H_

#include <string>
#include <vector>

#include "quorate/internal/v1/command.pb.h"

#include "base/random.h"
#include "tests/sim/options.h"

namespace quorate::sim {

// Two licences, which merge where they agree. Of each feature there is always
// something plain; what else there is has conditions of every kind. None has an
// end, but for trials, which are of pools of their own: calendars go wrong in
// these worlds, and what is out while a total shrinks says nothing.
std::vector<internal::v1::LicenseTerms> SimLicenses(const SimOptions& options);

// The features that clients ask for; the last ones only where there are
// conditions.
std::vector<std::string> SimFeatures(const SimOptions& options);

// What tells clients apart that can be told apart by conditions.
internal::v1::SessionDescription SimDescription(int client);

// Draws what an item says besides its feature and its count.
void DrawConditions(Random* random, internal::v1::CheckoutItem* item);

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_SIM_LICENSES_H_
