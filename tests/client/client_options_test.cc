// Options come from the environment or are refused with a sentence that says
// what to do. By setting variables and files of this process.

#include "client/client_options.h"

#include <cstdlib>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/client/test_certificates.h"

namespace quorate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ClientOptionsTest : public testing::Test {
 protected:
  void SetUp() override {
    Set("QUORATE_ENDPOINTS", "a:1, b:2,,127.0.0.1:7401");
    Set("QUORATE_CA", certificates_.Path("ca.pem"));
    Set("QUORATE_CERT", certificates_.Path("client.pem"));
    Set("QUORATE_KEY", certificates_.Path("client.key"));
  }

  static void Set(const char* name, const std::string& value) {
    setenv(name, value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  }

  std::string Refusal() {
    auto options = ClientOptions::FromEnvironment();
    const absl::Status status =
        options.ok() ? options->Validate() : options.status();
    EXPECT_FALSE(status.ok());
    return std::string(status.message());
  }

  TestCertificates certificates_;
};

TEST_F(ClientOptionsTest, AreReadFromTheEnvironment) {
  const auto options = ClientOptions::FromEnvironment();
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_THAT(options->endpoints, ElementsAre("a:1", "b:2", "127.0.0.1:7401"));
  EXPECT_EQ(options->ca_pem, certificates_.Read("ca.pem"));
  EXPECT_TRUE(options->Validate().ok());
}

TEST_F(ClientOptionsTest, NameTheVariableThatIsMissing) {
  Set("QUORATE_CERT", "");
  EXPECT_THAT(Refusal(), HasSubstr("QUORATE_CERT is not set"));
  EXPECT_THAT(Refusal(), HasSubstr(". DIR/env"));
}

TEST_F(ClientOptionsTest, NameTheFileThatIsNotThereOrNotPem) {
  Set("QUORATE_KEY", "/nowhere/client.key");
  EXPECT_THAT(Refusal(), HasSubstr("/nowhere/client.key"));
  Set("QUORATE_KEY", certificates_.Path("client.pem"));
  EXPECT_THAT(Refusal(), HasSubstr("PRIVATE KEY"));
  Set("QUORATE_KEY", "/");
  Refusal();
}

TEST_F(ClientOptionsTest, NameTheEndpointThatIsNone) {
  for (const char* bad : {"host", ":1", "host:0", "host:65536", "host:x"}) {
    Set("QUORATE_ENDPOINTS", bad);
    EXPECT_THAT(Refusal(), HasSubstr(bad));
  }
  Set("QUORATE_ENDPOINTS", ",");
  EXPECT_THAT(Refusal(), HasSubstr("no endpoint"));
  std::string many;
  for (int i = 0; i < 33; ++i) {
    many += "host:1,";
  }
  Set("QUORATE_ENDPOINTS", many);
  EXPECT_THAT(Refusal(), HasSubstr("32"));
}

TEST_F(ClientOptionsTest, BoundTheDeadline) {
  auto options = ClientOptions::FromEnvironment();
  ASSERT_TRUE(options.ok());
  options->deadline = absl::Seconds(61);
  EXPECT_FALSE(options->Validate().ok());
  options->deadline = absl::ZeroDuration();
  EXPECT_FALSE(options->Validate().ok());
}

}  // namespace
}  // namespace quorate
