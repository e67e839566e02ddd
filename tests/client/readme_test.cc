// What client/README.md shows to application developers compiles and works. By
// running its code against scripted members.

#include <cstdlib>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

#include "tests/client/fake_cluster.h"
#include "tests/client/test_certificates.h"

// Defined in the README.
absl::Status RunViewer();

namespace quorate {
namespace {

TEST(ClientReadmeTest, ItsExampleChecksASeatOutAndIn) {
  const TestCertificates certificates;
  FakeCluster cluster(&certificates, 1);
  cluster.SetPool("viewer", 1);
  const auto set = [](const char* name, const std::string& value) {
    setenv(name, value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  };
  set("QUORATE_ENDPOINTS", cluster.address(0));
  set("QUORATE_CA", certificates.Path("ca.pem"));
  set("QUORATE_CERT", certificates.Path("client.pem"));
  set("QUORATE_KEY", certificates.Path("client.key"));
  const absl::Status status = RunViewer();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(cluster.Arrivals("Checkout").size(), 1u);
  EXPECT_EQ(cluster.SeatsOut("viewer"), 0u);
}

}  // namespace
}  // namespace quorate
