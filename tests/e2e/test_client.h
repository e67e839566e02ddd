// Applications that speak to a cluster by our SDK.

#ifndef QUORATE_TESTS_E2E_TEST_CLIENT_H_
#define QUORATE_TESTS_E2E_TEST_CLIENT_H_

#include <memory>

#include "absl/status/statusor.h"

#include "client/client.h"
#include "tests/e2e/subprocess.h"

namespace quorate::e2e {

// The endpoints, in their order, and the certificates of an environment
// (TestCluster).
absl::StatusOr<ClientOptions> OptionsFrom(const Environment& environment);

// A client with these. Where it cannot be made, the test fails and ends.
std::unique_ptr<Client> MakeClient(const Environment& environment);

}  // namespace quorate::e2e

#endif  // QUORATE_TESTS_E2E_TEST_CLIENT_H_
