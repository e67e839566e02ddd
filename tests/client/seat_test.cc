// A seat goes back exactly once however it ends, and a session takes its seats
// along. By counting what reaches scripted members.

#include "client/seat.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "client/client.h"
#include "client/error.h"
#include "tests/client/fake_cluster.h"
#include "tests/client/test_certificates.h"

namespace quorate {
namespace {

class SeatTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { certificates_ = new TestCertificates(); }

  static void TearDownTestSuite() {
    delete certificates_;
    certificates_ = nullptr;
  }

  void SetUp() override {
    cluster_.SetPool("cad", 10);
    client_ = *Client::Create(cluster_.Options());
    session_ = *client_->OpenSession({.application = "test"});
  }

  bool AwaitSeatsOut(size_t count) {
    return cluster_.Await([&] { return cluster_.SeatsOut("cad") == count; });
  }

  static TestCertificates* certificates_;
  FakeCluster cluster_{certificates_, 2};
  std::unique_ptr<Client> client_;
  std::unique_ptr<Session> session_;
};

TestCertificates* SeatTest::certificates_ = nullptr;

TEST_F(SeatTest, GoesBackWhenItIsDestroyed) {
  {
    const auto seat = session_->Checkout("cad", 2);
    ASSERT_TRUE(seat.ok()) << seat.status();
    EXPECT_TRUE(seat->IsValid());
    EXPECT_EQ(seat->count(), 2u);
    EXPECT_EQ(cluster_.SeatsOut("cad"), 2u);
  }
  EXPECT_TRUE(AwaitSeatsOut(0));
  EXPECT_EQ(cluster_.Arrivals("Checkin").size(), 1u);
}

TEST_F(SeatTest, GoesBackOnceAfterReturnAndMoves) {
  {
    auto first = session_->Checkout("cad");
    ASSERT_TRUE(first.ok()) << first.status();
    Seat second = *std::move(first);
    Seat third;
    EXPECT_FALSE(third.IsValid());
    third = std::move(second);
    EXPECT_TRUE(third.IsValid());
    EXPECT_TRUE(third.Return().ok());
    EXPECT_FALSE(third.IsValid());
    EXPECT_TRUE(third.Return().ok());
  }
  session_.reset();
  ASSERT_TRUE(cluster_.Await([this] { return cluster_.SessionsOpen() == 0; }));
  EXPECT_EQ(cluster_.Arrivals("Checkin").size(), 1u);
}

TEST_F(SeatTest, GoesBackWhenAnotherIsAssignedToIt) {
  auto seat = session_->Checkout("cad");
  ASSERT_TRUE(seat.ok()) << seat.status();
  *seat = *session_->Checkout("cad", 3);
  EXPECT_TRUE(AwaitSeatsOut(3));
}

TEST_F(SeatTest, ManyGoBackInFewCalls) {
  cluster_.SetPool("cad", 500);
  const std::vector<SeatRequest> requests(60, {.feature = "cad"});
  {
    const auto seats = session_->CheckoutAll(requests);
    ASSERT_TRUE(seats.ok()) << seats.status();
    ASSERT_EQ(seats->size(), 60u);
  }
  EXPECT_TRUE(AwaitSeatsOut(0));
  EXPECT_LE(cluster_.Arrivals("Checkin").size(), 30u);
}

TEST_F(SeatTest, OneThatIsLostDoesNotKeepTheOthersOut) {
  cluster_.SetPool("cad", 500);
  {
    const std::vector<SeatRequest> requests(60, {.feature = "cad"});
    const auto seats = session_->CheckoutAll(requests);
    ASSERT_TRUE(seats.ok()) << seats.status();
    // In the middle of what is returned together.
    cluster_.EndSeat(seats->at(30).handle());
  }
  EXPECT_TRUE(AwaitSeatsOut(0));
}

TEST_F(SeatTest, IsHeldAfterAReturnThatFailedAndGoesBackLater) {
  auto seat = session_->Checkout("cad");
  ASSERT_TRUE(seat.ok()) << seat.status();
  cluster_.SetConduct(0, Conduct::kNoQuorum);
  cluster_.SetConduct(1, Conduct::kNoQuorum);
  const absl::Status failed =
      seat->Return({.deadline = absl::Milliseconds(300)});
  EXPECT_EQ(ReasonOf(failed), ErrorReason::kNoQuorum);
  EXPECT_TRUE(seat->IsValid());
  cluster_.SetConduct(0, Conduct::kServe);
  EXPECT_TRUE(seat->Return().ok());
  const auto arrivals = cluster_.Arrivals("Checkin");
  for (const Arrival& arrival : arrivals) {
    EXPECT_EQ(arrival.request_id, arrivals[0].request_id);
  }
}

TEST_F(SeatTest, AllOrNone) {
  const std::vector<SeatRequest> too_many = {{.feature = "cad", .count = 4},
                                             {.feature = "unknown"}};
  const auto seats = session_->CheckoutAll(too_many);
  EXPECT_EQ(ReasonOf(seats.status()), ErrorReason::kFeatureUnknown);
  EXPECT_EQ(cluster_.SeatsOut("cad"), 0u);
}

TEST_F(SeatTest, IsAskedForWithAllThatItsRequestSays) {
  const auto seat =
      session_->Checkout({.feature = "cad",
                          .count = 2,
                          .version = "2026.1",
                          .released = absl::FromUnixSeconds(1'767'225'600),
                          .attributes = {{"region", "eu"}, {"class", "gpu"}},
                          .share_key = "run-7"});
  ASSERT_TRUE(seat.ok()) << seat.status();
  EXPECT_EQ(seat->count(), 2u);
  const auto items = cluster_.LastItems();
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].version(), "2026.1");
  EXPECT_EQ(items[0].release_time().seconds(), 1'767'225'600);
  EXPECT_EQ(items[0].attributes().at("region"), "eu");
  EXPECT_EQ(items[0].attributes().at("class"), "gpu");
  EXPECT_EQ(items[0].share_key(), "run-7");
  const auto plain = session_->Checkout("cad");
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_FALSE(cluster_.LastItems().at(0).has_release_time());
}

TEST_F(SeatTest, GoesBackWithItsSession) {
  auto seat = session_->Checkout("cad");
  ASSERT_TRUE(seat.ok()) << seat.status();
  EXPECT_TRUE(session_->Close().ok());
  EXPECT_FALSE(seat->IsValid());
  EXPECT_TRUE(seat->Return().ok());
  EXPECT_EQ(cluster_.SeatsOut("cad"), 0u);
  EXPECT_EQ(cluster_.Arrivals("Checkin").size(), 0u);
}

TEST_F(SeatTest, MayOutliveSessionAndClient) {
  std::optional<Seat> seat = *session_->Checkout("cad");
  session_.reset();
  client_.reset();
  EXPECT_FALSE(seat->IsValid());
  seat.reset();
  EXPECT_EQ(cluster_.SeatsOut("cad"), 0u);
  EXPECT_EQ(cluster_.SessionsOpen(), 0u);
}

TEST_F(SeatTest, ClosesInBoundedTimeWhereNobodyAnswers) {
  const auto seat = session_->Checkout("cad");
  ASSERT_TRUE(seat.ok()) << seat.status();
  cluster_.SetConduct(0, Conduct::kHang);
  cluster_.SetConduct(1, Conduct::kHang);
  const absl::Duration begin = SystemClock().SinceBoot();
  session_.reset();
  client_.reset();
  // Two seconds are promised; the rest is for a busy machine.
  EXPECT_LT(SystemClock().SinceBoot() - begin, absl::Seconds(10));
}

}  // namespace
}  // namespace quorate
