// A checkout that waits survives what happens to members and streams, and ends
// by its seats, its time, its session or its caller; what it leaves behind is
// taken back. Against scripted members with a queue of their own.

#include <atomic>
#include <memory>
#include <thread>

#include "gtest/gtest.h"

#include "client/client.h"
#include "client/error.h"
#include "tests/client/fake_cluster.h"
#include "tests/client/test_certificates.h"

namespace quorate {
namespace {

class WaitingTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { certificates_ = new TestCertificates(); }

  static void TearDownTestSuite() {
    delete certificates_;
    certificates_ = nullptr;
  }

  void SetUp() override {
    cluster_.SetPool("cad", 1);
    client_ = *Client::Create(cluster_.Options());
    session_ = *client_->OpenSession({.application = "test"});
    auto held = session_->Checkout("cad");
    ASSERT_TRUE(held.ok()) << held.status();
    held_ = *std::move(held);
  }

  void BeginToWait() {
    thread_ = std::thread([this] {
      seat_ = session_->CheckoutOrWait(
          "cad", 1,
          {.wait = absl::Hours(1), .on_place = [this](const QueuePlace& place) {
             position_ = place.position;
           }});
    });
    EXPECT_TRUE(cluster_.Await([this] { return position_.load() == 1; }));
  }

  static TestCertificates* certificates_;
  FakeCluster cluster_{certificates_, 2};
  std::unique_ptr<Client> client_;
  std::unique_ptr<Session> session_;
  Seat held_;
  std::atomic<uint64_t> position_ = 0;
  absl::StatusOr<Seat> seat_ = absl::UnknownError("waits");
  std::thread thread_;
};

TestCertificates* WaitingTest::certificates_ = nullptr;

TEST_F(WaitingTest, GetsWhatComesBack) {
  BeginToWait();
  ASSERT_TRUE(held_.Return().ok());
  thread_.join();
  ASSERT_TRUE(seat_.ok()) << seat_.status();
  EXPECT_EQ(cluster_.SeatsOut("cad"), 1U);
  // Every attempt was of one request.
  const auto arrivals = cluster_.Arrivals("Checkout");
  for (size_t i = 2; i < arrivals.size(); ++i) {
    EXPECT_EQ(arrivals[i].request_id, arrivals[1].request_id);
  }
}

TEST_F(WaitingTest, GoesOnAtAnotherMember) {
  BeginToWait();
  const size_t asked = cluster_.Arrivals("Checkout").back().member;
  cluster_.Kill(asked);
  ASSERT_TRUE(held_.Return().ok());
  thread_.join();
  ASSERT_TRUE(seat_.ok()) << seat_.status();
  EXPECT_EQ(cluster_.SeatsOut("cad"), 1U);
}

TEST_F(WaitingTest, WaitsWhileNobodyCanBeAsked) {
  BeginToWait();
  cluster_.SetConduct(0, Conduct::kNoQuorum);
  cluster_.SetConduct(1, Conduct::kNoQuorum);
  const size_t asked = cluster_.Arrivals("Checkout").size();
  EXPECT_TRUE(cluster_.Await(
      [&] { return cluster_.Arrivals("Checkout").size() > asked + 2; }));
  cluster_.SetConduct(0, Conduct::kServe);
  cluster_.SetConduct(1, Conduct::kServe);
  ASSERT_TRUE(held_.Return().ok());
  thread_.join();
  EXPECT_TRUE(seat_.ok()) << seat_.status();
}

TEST_F(WaitingTest, GivesThePlaceUpWhenItIsCancelled) {
  BeginToWait();
  client_->CancelCalls();
  thread_.join();
  EXPECT_TRUE(absl::IsCancelled(seat_.status())) << seat_.status();
  EXPECT_TRUE(cluster_.Await(
      [&] { return cluster_.Arrivals("CancelCheckout").size() == 1; }));
  // The client is still good.
  EXPECT_TRUE(held_.Return().ok());
  EXPECT_TRUE(session_->Checkout("cad").ok());
}

TEST_F(WaitingTest, EndsWithItsSession) {
  BeginToWait();
  ASSERT_TRUE(session_->Close().ok());
  thread_.join();
  EXPECT_FALSE(seat_.ok());
}

TEST_F(WaitingTest, TellsARefusalThatNoWaitHelps) {
  const auto seat =
      session_->CheckoutOrWait("none", 1, {.wait = absl::Hours(1)});
  EXPECT_EQ(ReasonOf(seat.status()), ErrorReason::kFeatureUnknown);
}

}  // namespace
}  // namespace quorate
