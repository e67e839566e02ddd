// A call is one request however many members it takes, its answer is handed on
// at once, and no member that hangs uses its time up. By a client of scripted
// members that hang, refuse, lose answers and die.

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

#include "client/client.h"
#include "client/error.h"
#include "tests/client/fake_cluster.h"
#include "tests/client/test_certificates.h"

namespace quorate {
namespace {

class FailoverTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { certificates_ = new TestCertificates(); }

  static void TearDownTestSuite() {
    delete certificates_;
    certificates_ = nullptr;
  }

  void SetUp() override {
    cluster_.SetPool("cad", 3);
    Connect(cluster_.Options());
  }

  void Connect(const ClientOptions& options) {
    session_.reset();
    client_ = *Client::Create(options);
    session_ = *client_->OpenSession({.application = "test"});
  }

  static TestCertificates* certificates_;
  FakeCluster cluster_{certificates_, 3};
  std::unique_ptr<Client> client_;
  std::unique_ptr<Session> session_;
};

TestCertificates* FailoverTest::certificates_ = nullptr;

TEST_F(FailoverTest, RepeatsTheSameRequestWhereAnAnswerWasLost) {
  cluster_.SetConduct(0, Conduct::kLose);
  cluster_.SetConduct(1, Conduct::kLose);
  const auto seat = session_->Checkout("cad");
  ASSERT_TRUE(seat.ok()) << seat.status();
  const auto arrivals = cluster_.Arrivals("Checkout");
  ASSERT_EQ(arrivals.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(arrivals[i].member, i);
    EXPECT_EQ(arrivals[i].request_id, arrivals[0].request_id);
  }
  EXPECT_EQ(cluster_.SeatsOut("cad"), 1u);
}

TEST_F(FailoverTest, DrawsAnotherRequestIdForAnotherCall) {
  const auto first = session_->Checkout("cad");
  const auto second = session_->Checkout("cad");
  const auto arrivals = cluster_.Arrivals("Checkout");
  ASSERT_EQ(arrivals.size(), 2u);
  EXPECT_NE(arrivals[0].request_id, arrivals[1].request_id);
}

TEST_F(FailoverTest, DoesNotWaitOutAMemberThatHangs) {
  cluster_.SetConduct(0, Conduct::kHang);
  const absl::Duration begin = SystemClock().SinceBoot();
  const auto seat = session_->Checkout("cad");
  ASSERT_TRUE(seat.ok()) << seat.status();
  // One short attempt is lost, not the deadline of 30 s.
  EXPECT_LT(SystemClock().SinceBoot() - begin, absl::Seconds(10));
  EXPECT_EQ(cluster_.Arrivals("Checkout").size(), 2u);
}

TEST_F(FailoverTest, StaysWithTheMemberThatWorked) {
  cluster_.SetConduct(0, Conduct::kHang);
  for (int i = 0; i < 3; ++i) {
    auto seat = session_->Checkout("cad");
    ASSERT_TRUE(seat.ok()) << seat.status();
    ASSERT_TRUE(seat->Return().ok());
  }
  const auto arrivals = cluster_.Arrivals("Checkout");
  ASSERT_EQ(arrivals.size(), 4u);
  for (size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(arrivals[i].member, 1u);
  }
}

TEST_F(FailoverTest, GoesOnWhenTheMemberItIsConnectedToDies) {
  ASSERT_TRUE(session_->Checkout("cad").ok());
  cluster_.Kill(0);
  const auto seat = session_->Checkout("cad");
  ASSERT_TRUE(seat.ok()) << seat.status();
  EXPECT_EQ(cluster_.Arrivals("Checkout").back().member, 1u);
}

TEST_F(FailoverTest, HandsRefusalsOnAtOnce) {
  const auto all = session_->Checkout("cad", 3);
  ASSERT_TRUE(all.ok()) << all.status();
  const auto none = session_->Checkout("cad");
  EXPECT_EQ(ReasonOf(none.status()), ErrorReason::kPoolExhausted);
  EXPECT_EQ(none.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(MetadataOf(none.status()).at("test"), "yes");
  EXPECT_EQ(cluster_.Arrivals("Checkout").size(), 2u);
  EXPECT_EQ(ReasonOf(session_->Checkout("unknown").status()),
            ErrorReason::kFeatureUnknown);
}

TEST_F(FailoverTest, WaitsForAQuorum) {
  for (size_t i = 0; i < 3; ++i) {
    cluster_.SetConduct(i, Conduct::kNoQuorum);
  }
  std::thread healer([this] {
    EXPECT_TRUE(cluster_.Await(
        [this] { return cluster_.Arrivals("Checkout").size() >= 6; }));
    cluster_.SetConduct(2, Conduct::kServe);
  });
  const auto seat = session_->Checkout("cad");
  healer.join();
  EXPECT_TRUE(seat.ok()) << seat.status();
}

TEST_F(FailoverTest, SaysWhatTheMembersSaidWhenTheTimeIsOver) {
  for (size_t i = 0; i < 3; ++i) {
    cluster_.SetConduct(i, Conduct::kNoQuorum);
  }
  cluster_.Kill(0);
  const auto seat =
      session_->Checkout("cad", 1, {.deadline = absl::Milliseconds(700)});
  EXPECT_EQ(seat.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(seat.status()), ErrorReason::kNoQuorum);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NE(std::string(seat.status().message()).find(cluster_.address(i)),
              std::string::npos)
        << seat.status();
  }
}

TEST_F(FailoverTest, TellsSilenceFromRefusal) {
  for (size_t i = 0; i < 3; ++i) {
    cluster_.SetConduct(i, Conduct::kHang);
  }
  const auto silent =
      session_->Checkout("cad", 1, {.deadline = absl::Milliseconds(400)});
  EXPECT_EQ(silent.status().code(), absl::StatusCode::kDeadlineExceeded)
      << silent.status();
  for (size_t i = 0; i < 3; ++i) {
    cluster_.Kill(i);
  }
  const auto refused =
      session_->Checkout("cad", 1, {.deadline = absl::Milliseconds(400)});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable)
      << refused.status();
  EXPECT_EQ(ReasonOf(refused.status()), ErrorReason::kUnspecified);
}

TEST_F(FailoverTest, GivesUpSoonWhereNoCertificateFits) {
  ClientOptions options = cluster_.Options();
  options.ca_pem = certificates_->Read("other-ca.pem");
  const auto client = Client::Create(options);
  ASSERT_TRUE(client.ok());
  const auto session = (*client)->OpenSession({.application = "test"});
  EXPECT_EQ(session.status().code(), absl::StatusCode::kUnauthenticated)
      << session.status();
}

TEST_F(FailoverTest, CancelsOnlyTheCallsThatAreUnderWay) {
  cluster_.SetConduct(0, Conduct::kHang);
  cluster_.SetConduct(1, Conduct::kHang);
  cluster_.SetConduct(2, Conduct::kHang);
  std::thread canceller([this] {
    EXPECT_TRUE(cluster_.Await(
        [this] { return !cluster_.Arrivals("Checkout").empty(); }));
    client_->CancelCalls();
  });
  const auto seat = session_->Checkout("cad");
  canceller.join();
  EXPECT_EQ(seat.status().code(), absl::StatusCode::kCancelled);
  for (size_t i = 0; i < 3; ++i) {
    cluster_.SetConduct(i, Conduct::kServe);
  }
  EXPECT_TRUE(session_->Checkout("cad").ok());
}

TEST_F(FailoverTest, ServesManyThreadsAtOnce) {
  cluster_.SetPool("cad", 1000);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this] {
      for (int round = 0; round < 20; ++round) {
        auto seat = session_->Checkout("cad");
        ASSERT_TRUE(seat.ok()) << seat.status();
        ASSERT_TRUE(seat->Return().ok());
      }
    });
  }
  cluster_.Kill(0);
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(cluster_.SeatsOut("cad"), 0u);
}

}  // namespace
}  // namespace quorate
