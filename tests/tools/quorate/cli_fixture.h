// The command line program and a cluster of scripted members for it.

#ifndef QUORATE_TESTS_TOOLS_QUORATE_CLI_FIXTURE_H_
#define QUORATE_TESTS_TOOLS_QUORATE_CLI_FIXTURE_H_

#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

#include "tests/client/fake_cluster.h"
#include "tests/client/test_certificates.h"
#include "tests/tools/quorate/program.h"

namespace quorate {

// Thread-compatible.
class CliTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { certificates_ = new TestCertificates(); }

  static void TearDownTestSuite() {
    delete certificates_;
    certificates_ = nullptr;
  }

  void SetUp() override {
    cluster_.SetPool("cad", 2);
    cluster_.SetPool("solver", 8);
    std::vector<std::string> endpoints;
    for (size_t i = 0; i < 3; ++i) {
      endpoints.push_back(cluster_.address(i));
    }
    environment_ = {{"QUORATE_ENDPOINTS", absl::StrJoin(endpoints, ",")},
                    {"QUORATE_CA", certificates_->Path("ca.pem")},
                    {"QUORATE_CERT", certificates_->Path("client.pem")},
                    {"QUORATE_KEY", certificates_->Path("client.key")}};
  }

  std::vector<std::string> Words(const std::vector<std::string>& arguments) {
    std::vector<std::string> words = {QUORATE_PROGRAM};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return words;
  }

  ProgramResult Run(const std::vector<std::string>& arguments) {
    return Program(Words(arguments), environment_).Wait();
  }

  bool AwaitSeatsOut(size_t count) {
    return cluster_.Await([&] { return cluster_.SeatsOut("cad") == count; });
  }

  static inline TestCertificates* certificates_ = nullptr;
  FakeCluster cluster_{certificates_, 3};
  Program::Environment environment_;
};

}  // namespace quorate

#endif  // QUORATE_TESTS_TOOLS_QUORATE_CLI_FIXTURE_H_
