// Sessions are renewed over one stream that moves on when its member breaks,
// refuses or falls silent, and their loss is told once. By a client of
// scripted members, with a clock that the test sets forward.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "base/mutex.h"
#include "client/client.h"
#include "client/error.h"
#include "tests/client/fake_cluster.h"
#include "tests/client/test_certificates.h"

namespace quorate {
namespace {

class KeepAliveTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { certificates_ = new TestCertificates(); }

  static void TearDownTestSuite() {
    delete certificates_;
    certificates_ = nullptr;
  }

  void SetUp() override {
    cluster_.SetPool("cad", 10);
    ClientOptions options = cluster_.Options();
    options.keep_alive_answer = absl::Milliseconds(500);
    client_ = *Client::CreateForTest(options, &clock_);
  }

  std::unique_ptr<Session> Open() {
    return *client_->OpenSession(
        {.application = "test", .on_lost = [this](LossReason reason) {
           last_reason_ = reason;
           ++losses_;
         }});
  }

  // To the next renewal: 44 s is the longest interval of a TTL of 120 s.
  void ToNextRenewal() { clock_.Advance(absl::Seconds(45)); }

  bool AwaitRenewals(size_t count) {
    return cluster_.Await(
        [&] { return cluster_.Arrivals("KeepAlive").size() >= count; });
  }

  bool AwaitTimeLeft(const Session& session, absl::Duration left) {
    return cluster_.Await([&] { return session.TimeLeft() > left; });
  }

  static TestCertificates* certificates_;
  ShiftedClock clock_;
  std::atomic<int> losses_{0};
  std::atomic<LossReason> last_reason_{LossReason::kGone};
  FakeCluster cluster_{certificates_, 2};
  std::unique_ptr<Client> client_;
};

TestCertificates* KeepAliveTest::certificates_ = nullptr;

TEST_F(KeepAliveTest, RenewsAllSessionsInOneMessage) {
  const auto first = Open();
  const auto second = Open();
  ToNextRenewal();
  ASSERT_TRUE(AwaitTimeLeft(*first, absl::Seconds(100)));
  ASSERT_TRUE(AwaitTimeLeft(*second, absl::Seconds(100)));
  const auto arrivals = cluster_.Arrivals("KeepAlive");
  ASSERT_EQ(arrivals.size(), 1u);
  EXPECT_EQ(arrivals[0].request_id, "2");  // The number of sessions in it.
}

TEST_F(KeepAliveTest, HoldsSeatsForManyTtls) {
  const auto session = Open();
  const auto seat = session->Checkout("cad");
  ASSERT_TRUE(seat.ok()) << seat.status();
  for (int i = 0; i < 9; ++i) {
    ToNextRenewal();
    ASSERT_TRUE(AwaitTimeLeft(*session, absl::Seconds(100)));
  }
  EXPECT_TRUE(seat->IsValid());
  EXPECT_EQ(losses_, 0);
}

TEST_F(KeepAliveTest, TellsWhenASeatIsCalledBackAndWhenItIsNotAnyMore) {
  std::atomic<int64_t> seconds{0};
  const auto session = *client_->OpenSession(
      {.application = "test",
       .on_seat_called_back = [&seconds](uint64_t seat, absl::Duration left) {
         EXPECT_EQ(seat, 7u);
         seconds =
             left == absl::InfiniteDuration() ? -1 : absl::ToInt64Seconds(left);
       }});
  checkout::v1::SessionEvent news;
  news.set_session(session->name());
  news.mutable_seat_called_back()->mutable_seat()->set_handle(7);
  news.mutable_seat_called_back()->mutable_left()->set_seconds(300);
  cluster_.SetNews(news);
  ToNextRenewal();
  ASSERT_TRUE(cluster_.Await([&] { return seconds == 300; }));
  news.mutable_seat_called_back()->clear_left();
  cluster_.SetNews(news);
  ToNextRenewal();
  ASSERT_TRUE(cluster_.Await([&] { return seconds == -1; }));
}

TEST_F(KeepAliveTest, TellsOfActivityAndAtOnceWhereASeatIsAboutToGo) {
  std::atomic<uint64_t> warned{0};
  const auto session = *client_->OpenSession(
      {.application = "test",
       .on_seat_idle = [&warned](uint64_t seat, absl::Duration left) {
         EXPECT_EQ(left, absl::Seconds(30));
         warned = seat;
       }});
  ToNextRenewal();
  ASSERT_TRUE(AwaitRenewals(1));
  EXPECT_TRUE(cluster_.IdleSeconds().empty());  // It never said.
  session->ReportActivity();
  checkout::v1::SessionEvent news;
  news.set_session(session->name());
  news.mutable_seat_idle()->mutable_seat()->set_handle(7);
  news.mutable_seat_idle()->mutable_left()->set_seconds(30);
  cluster_.SetNews(news);
  ToNextRenewal();
  ASSERT_TRUE(AwaitRenewals(2));
  ASSERT_TRUE(
      cluster_.Await([&] { return cluster_.IdleSeconds().size() == 1; }));
  EXPECT_GE(cluster_.IdleSeconds().front(), 45);
  ASSERT_TRUE(cluster_.Await([&] { return warned == 7; }));
  // Before the next renewal is due.
  session->ReportActivity();
  ASSERT_TRUE(AwaitRenewals(3));
  ASSERT_TRUE(
      cluster_.Await([&] { return cluster_.IdleSeconds().size() == 2; }));
  EXPECT_LE(cluster_.IdleSeconds().back(), 20);
}

TEST_F(KeepAliveTest, MovesToAnotherMemberWhenTheStreamBreaks) {
  const auto session = Open();
  ToNextRenewal();
  ASSERT_TRUE(AwaitTimeLeft(*session, absl::Seconds(100)));
  cluster_.Kill(0);
  // At once, not at the next third of the TTL.
  ASSERT_TRUE(AwaitRenewals(2));
  EXPECT_EQ(cluster_.Arrivals("KeepAlive")[1].member, 1u);
  EXPECT_EQ(losses_, 0);
}

TEST_F(KeepAliveTest, MovesToAnotherMemberWhenTheStreamIsSilent) {
  const auto session = Open();
  cluster_.SetConduct(0, Conduct::kHang);
  ToNextRenewal();
  ASSERT_TRUE(AwaitTimeLeft(*session, absl::Seconds(100)));
  const auto arrivals = cluster_.Arrivals("KeepAlive");
  EXPECT_EQ(arrivals.front().member, 0u);
  EXPECT_EQ(arrivals.back().member, 1u);
}

TEST_F(KeepAliveTest, MovesToAnotherMemberWhenTheFirstHasNoQuorum) {
  const auto session = Open();
  cluster_.SetConduct(0, Conduct::kNoQuorum);
  ToNextRenewal();
  ASSERT_TRUE(AwaitTimeLeft(*session, absl::Seconds(100)));
  EXPECT_EQ(cluster_.Arrivals("KeepAlive").back().member, 1u);
}

TEST_F(KeepAliveTest, TellsOnceThatTheClusterEndedTheSession) {
  const auto session = Open();
  auto seat = session->Checkout("cad");
  ASSERT_TRUE(seat.ok()) << seat.status();
  cluster_.EndSession(session->name());
  ToNextRenewal();
  ASSERT_TRUE(cluster_.Await([this] { return losses_ > 0; }));
  EXPECT_EQ(last_reason_, LossReason::kGone);
  EXPECT_FALSE(seat->IsValid());
  EXPECT_FALSE(session->IsValid());
  EXPECT_EQ(ReasonOf(session->Checkout("cad").status()),
            ErrorReason::kSessionNotFound);
  EXPECT_EQ(ReasonOf(seat->Return()), ErrorReason::kSessionNotFound);
  clock_.Advance(absl::Seconds(600));
  const auto other = Open();
  EXPECT_TRUE(other->IsValid());
  EXPECT_EQ(losses_, 1);
}

TEST_F(KeepAliveTest, TellsTheLossAlsoWhereACallFindsIt) {
  const auto session = Open();
  cluster_.EndSession(session->name());
  EXPECT_EQ(ReasonOf(session->Checkout("cad").status()),
            ErrorReason::kSessionNotFound);
  ASSERT_TRUE(cluster_.Await([this] { return losses_ > 0; }));
  EXPECT_EQ(last_reason_, LossReason::kGone);
}

TEST_F(KeepAliveTest, StopsBelievingWhenNoRenewalIsAcknowledged) {
  const auto session = Open();
  const auto seat = session->Checkout("cad");
  ASSERT_TRUE(seat.ok()) << seat.status();
  cluster_.SetConduct(0, Conduct::kNoQuorum);
  cluster_.SetConduct(1, Conduct::kNoQuorum);
  clock_.Advance(absl::Seconds(100));
  EXPECT_TRUE(seat->IsValid());
  clock_.Advance(absl::Seconds(20));
  // At once, without any thread having noticed.
  EXPECT_FALSE(seat->IsValid());
  ASSERT_TRUE(cluster_.Await([this] { return losses_ > 0; }));
  EXPECT_EQ(last_reason_, LossReason::kTimedOut);
  // The seats are given back as soon as somebody answers.
  cluster_.SetConduct(0, Conduct::kServe);
  EXPECT_TRUE(cluster_.Await([this] { return cluster_.SessionsOpen() == 0; }));
  EXPECT_EQ(losses_, 1);
}

TEST_F(KeepAliveTest, LosesNothingInAnOutageThatIsShorterThanTheLease) {
  const auto session = Open();
  cluster_.SetConduct(0, Conduct::kNoQuorum);
  cluster_.SetConduct(1, Conduct::kNoQuorum);
  ToNextRenewal();
  ASSERT_TRUE(AwaitRenewals(4));
  cluster_.SetConduct(1, Conduct::kServe);
  ASSERT_TRUE(AwaitTimeLeft(*session, absl::Seconds(100)));
  EXPECT_EQ(losses_, 0);
}

TEST_F(KeepAliveTest, LetsTheCallbackUseTheLibrary) {
  Mutex mutex;
  std::unique_ptr<Session> next;
  std::atomic<bool> done{false};
  std::unique_ptr<Session> session = *client_->OpenSession(
      {.application = "test", .on_lost = [&](LossReason) {
         MutexLock lock(&mutex);
         next = *client_->OpenSession({.application = "again"});
         EXPECT_TRUE(next->Checkout("cad").ok());
         session.reset();
         done = true;
       }});
  cluster_.EndSession(session->name());
  ToNextRenewal();
  ASSERT_TRUE(cluster_.Await([&] { return done.load(); }));
  MutexLock lock(&mutex);
  EXPECT_TRUE(next->IsValid());
}

TEST_F(KeepAliveTest, CallsNothingAfterTheSessionIsGone) {
  auto session = Open();
  const std::string name = session->name();
  session.reset();
  cluster_.EndSession(name);
  clock_.Advance(absl::Seconds(600));
  client_.reset();
  EXPECT_EQ(losses_, 0);
}

}  // namespace
}  // namespace quorate
