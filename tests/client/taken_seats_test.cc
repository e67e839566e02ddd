// A seat that was taken away is not believed in for ever, also where the news
// of it was lost. Scripted members take seats away and bring no news.

#include <atomic>
#include <memory>

#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "client/client.h"
#include "tests/client/fake_cluster.h"
#include "tests/client/test_certificates.h"

namespace quorate {
namespace {

TEST(TakenSeatsTest, AreFoundByTheNextRenewal) {
  const TestCertificates certificates;
  FakeCluster cluster(&certificates, 2);
  cluster.SetPool("cad", 10);
  cluster.SetTtl(absl::Seconds(3));
  const auto client = *Client::Create(cluster.Options());
  std::atomic<uint64_t> told{0};
  std::atomic<int> times{0};
  const auto session = *client->OpenSession(
      {.application = "test",
       .on_seat_released = [&](uint64_t handle, const std::string&) {
         told = handle;
         ++times;
       }});
  const Seat kept = *session->Checkout("cad", 1);
  Seat returned = *session->Checkout("cad", 1);
  const Seat taken = *session->Checkout("cad", 2);
  ASSERT_TRUE(returned.Return().ok());
  cluster.EndSeat(taken.handle());
  EXPECT_TRUE(cluster.Await([&] { return told == taken.handle(); }));
  EXPECT_FALSE(taken.IsValid());
  EXPECT_TRUE(kept.IsValid());
  // Once: the count is known from then on.
  const size_t asked = cluster.Arrivals("ListSeats").size();
  const size_t renewed = cluster.Arrivals("KeepAlive").size();
  EXPECT_TRUE(cluster.Await(
      [&] { return cluster.Arrivals("KeepAlive").size() >= renewed + 2; }));
  EXPECT_EQ(cluster.Arrivals("ListSeats").size(), asked);
  EXPECT_EQ(times, 1);
}

}  // namespace
}  // namespace quorate
