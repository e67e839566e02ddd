// The first member that a client asks is the first of its list, or any of them
// as often as another. By making sets of endpoints that nobody connects to.

#include "client/endpoint_set.h"

#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/client/test_certificates.h"

namespace quorate {
namespace {

class EndpointSetTest : public testing::Test {
 protected:
  // The order in which a client asks where none of them answers.
  std::vector<std::string> Order(EndpointOrder order) const {
    ClientOptions options;
    options.endpoints = {"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"};
    options.endpoint_order = order;
    options.ca_pem = certificates_.Read("ca.pem");
    options.cert_pem = certificates_.Read("client.pem");
    options.key_pem = certificates_.Read("client.key");
    const EndpointSet endpoints(options, &SystemClock());
    std::vector<int> tries(endpoints.size(), 0);
    std::vector<std::string> asked;
    while (asked.size() < endpoints.size()) {
      const size_t next = endpoints.Choose(tries);
      ++tries[next];
      asked.push_back(endpoints.at(next).address);
    }
    return asked;
  }

  const TestCertificates certificates_;
};

TEST_F(EndpointSetTest, AsksInTheGivenOrder) {
  const std::vector<std::string> given = {"127.0.0.1:1", "127.0.0.1:2",
                                          "127.0.0.1:3"};
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(Order(EndpointOrder::kGiven), given);
  }
}

TEST_F(EndpointSetTest, DrawsEachOrderAboutAsOftenAsAnother) {
  EXPECT_EQ(ClientOptions().endpoint_order, EndpointOrder::kRandom);
  std::map<std::vector<std::string>, int> drawn;
  constexpr int kDraws = 600;
  for (int i = 0; i < kDraws; ++i)
    ++drawn[Order(EndpointOrder::kRandom)];
  // Each of the six orders: 100 are expected, and 40 are more than six times
  // the usual deviation away.
  EXPECT_EQ(drawn.size(), 6U);
  for (const auto& [order, count] : drawn)
    EXPECT_GT(count, 40) << order.front();
}

}  // namespace
}  // namespace quorate
