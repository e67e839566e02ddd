// Property: whom an administrator terminates hears it, with the reason, and his
// seats are free once his callback has returned; one who holds a seat that was
// released sees that it is not valid.
// Method: clients of our library against real members, acted on by the CLI.

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/mutex.h"
#include "client/client.h"
#include "client/error.h"
#include "tests/e2e/test_client.h"
#include "tests/e2e/test_cluster.h"

namespace quorate::e2e {
namespace {

class TerminationTest : public testing::Test {
 protected:
  void SetUp() override {
    auto cluster = TestCluster::Start();
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
    client_ = MakeClient(cluster_->environment());
    // A short TTL: renewed, and so within reach of news, after three seconds.
    auto session = client_->OpenSession(
        {.application = "holder",
         .ttl = absl::Seconds(10),
         .on_lost = [this](LossReason reason) { Note(Describe(reason)); },
         .on_seat_released =
             [this](uint64_t, const std::string& reason) { Note(reason); }});
    ASSERT_TRUE(session.ok()) << session.status();
    session_ = *std::move(session);
  }

  void Note(absl::string_view news) {
    MutexLock lock(&mu_);
    news_ = std::string(news);
    changed_.NotifyAll();
  }

  std::string AwaitNews() {
    MutexLock lock(&mu_);
    while (news_.empty())
      changed_.Wait(&mu_);
    return news_;
  }

  std::unique_ptr<TestCluster> cluster_;
  Mutex mu_;
  CondVar changed_;
  std::string news_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<Client> client_;
  std::unique_ptr<Session> session_;
};

TEST_F(TerminationTest, TheClientIsToldAndItsSeatsComeBack) {
  auto seat = session_->Checkout("solver", 8);
  ASSERT_TRUE(seat.ok()) << seat.status();
  const CommandResult result =
      cluster_->Quorate({"sessions", "terminate", session_->name(), "--reason",
                         "needed", "--cool-down", "1h"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(AwaitNews(), Describe(LossReason::kTerminated));
  EXPECT_EQ(session_->termination_reason(), "needed");
  EXPECT_FALSE(seat->IsValid());
  // As soon as the callback has returned, long before the lease would end.
  auto other = client_->OpenSession({.application = "other"});
  ASSERT_TRUE(other.ok()) << other.status();
  const auto taken =
      (*other)->CheckoutOrWait("solver", 8, {.wait = absl::Minutes(1)});
  EXPECT_TRUE(taken.ok()) << taken.status();
  auto again = client_->OpenSession({.application = "holder"});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(ReasonOf((*again)->Checkout("solver").status()),
            ErrorReason::kCoolingDown);
}

TEST_F(TerminationTest, AReleasedSeatIsNotValid) {
  auto seat = session_->Checkout("solver", 2);
  ASSERT_TRUE(seat.ok()) << seat.status();
  EXPECT_TRUE(seat->Resize(3).ok());
  EXPECT_EQ(seat->count(), 3U);
  const CommandResult result =
      cluster_->Quorate({"seats", "release", absl::StrCat(seat->handle()),
                         "--reason", "left open"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  if (seat->IsValid()) {
    // The news came before that the stream was there: ask.
    EXPECT_EQ(ReasonOf(seat->Return()), ErrorReason::kSeatNotFound);
  } else {
    EXPECT_EQ(AwaitNews(), "left open");
  }
  EXPECT_TRUE(session_->IsValid());
  EXPECT_TRUE(session_->Checkout("solver", 8).ok());
}

}  // namespace
}  // namespace quorate::e2e
