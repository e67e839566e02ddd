// A session is renewed soon and then every third of its TTL, believed in until
// the sending of its last acknowledged renewal plus the TTL, and lost once. By
// driving the pure book with explicit times.

#include "client/lease_book.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace quorate {
namespace {

using Order = LeaseBook::StreamOrder;

constexpr absl::Duration kTtl = absl::Seconds(120);
constexpr absl::Duration kAnswer = absl::Milliseconds(1500);

absl::Duration At(double seconds) {
  return absl::Seconds(1000 + seconds);
}

LeaseBook::Renewal Alive(absl::string_view name) {
  return {.name = name, .alive = true, .ttl = kTtl};
}

LeaseBook::Renewal Gone(absl::string_view name) {
  return {.name = name, .alive = false, .ttl = absl::ZeroDuration()};
}

class LeaseBookTest : public testing::Test {
 protected:
  // Goes on to the moment at which the book wants to act, and lets it.
  LeaseBook::Plan NextAction() {
    const LeaseBook::Plan waiting = book_.Next(now_);
    EXPECT_TRUE(waiting.batches.empty());
    now_ = waiting.wake_at;
    return book_.Next(now_);
  }

  LeaseBook book_{kAnswer, /*seed=*/7};
  absl::Duration now_ = At(0);
};

TEST_F(LeaseBookTest, OpensItsStreamSoonSoThatNewsComeAndRenewsByTheTtl) {
  book_.Add("s1", kTtl, At(0));
  EXPECT_EQ(book_.Next(At(1)).stream, Order::kKeep);
  const LeaseBook::Plan plan = NextAction();
  EXPECT_EQ(plan.stream, Order::kOpen);
  ASSERT_EQ(plan.batches.size(), 1u);
  EXPECT_EQ(plan.batches[0].names, std::vector<std::string>{"s1"});
  EXPECT_GE(now_, At(1.8));
  EXPECT_LE(now_, At(2.2));
  const absl::Duration first = now_;
  book_.Acknowledge(plan.batches[0].sequence, {{Alive("s1")}}, now_);
  EXPECT_EQ(NextAction().stream, Order::kKeep);
  EXPECT_GE(now_ - first, absl::Seconds(36));
  EXPECT_LE(now_ - first, absl::Seconds(44));
}

TEST_F(LeaseBookTest, RenewsAShortLeaseBeforeTheNews) {
  book_.Add("s1", absl::Seconds(3), At(0));
  ASSERT_EQ(NextAction().batches.size(), 1u);
  EXPECT_LE(now_, At(1.1));
}

TEST_F(LeaseBookTest, BelievesUntilSendTimePlusTtlAndNotAnswerTime) {
  book_.Add("s1", kTtl, At(0));
  const LeaseBook::Plan plan = NextAction();
  const absl::Duration sent = now_;
  const auto outcome = book_.Acknowledge(
      plan.batches[0].sequence, {{Alive("s1")}}, sent + absl::Seconds(1));
  ASSERT_EQ(outcome.extensions.size(), 1u);
  EXPECT_EQ(outcome.extensions[0].valid_until, sent + kTtl);
}

TEST_F(LeaseBookTest, KeepsTheWishToRenewWhileAnOlderRenewalIsUnderWay) {
  book_.Add("s1", kTtl, At(0));
  const LeaseBook::Plan first = NextAction();
  book_.RenewNow("s1");
  book_.Acknowledge(first.batches[0].sequence, {{Alive("s1")}}, now_);
  const LeaseBook::Plan second = book_.Next(now_);
  ASSERT_EQ(second.batches.size(), 1u);
  EXPECT_EQ(second.batches[0].names, std::vector<std::string>{"s1"});
  book_.Acknowledge(second.batches[0].sequence, {{Alive("s1")}}, now_);
  EXPECT_TRUE(book_.Next(now_).batches.empty());
}

TEST_F(LeaseBookTest, SendsSessionsThatAreNearlyDueInOneMessage) {
  for (int i = 0; i < 50; ++i) {
    book_.Add("s" + std::to_string(i), kTtl, At(0));
  }
  const LeaseBook::Plan plan = NextAction();
  ASSERT_EQ(plan.batches.size(), 1u);
  // The jitter spreads them over 20 %, a quarter goes along.
  EXPECT_EQ(plan.batches[0].names.size(), 50u);
}

TEST_F(LeaseBookTest, SaysHowLongUsersWereIdleWhereTheyAreKnownToBe) {
  book_.Add("says", absl::Hours(1), At(0));
  book_.Add("silent", kTtl, At(0));
  book_.ReportActivity("says", At(0));
  book_.ReportActivity("unknown", At(0));
  int said = 0;
  absl::Duration last = At(0);
  while (now_ < At(600)) {
    for (const LeaseBook::Batch& batch : NextAction().batches) {
      for (const LeaseBook::Activity& activity : batch.activities) {
        EXPECT_EQ(activity.name, "says");
        EXPECT_EQ(activity.idle, now_ - At(0));
        // Each minute or so, whatever its TTL.
        EXPECT_LE(now_ - last, absl::Seconds(66));
        last = now_;
        ++said;
      }
      std::vector<LeaseBook::Renewal> renewals;
      for (const std::string& name : batch.names) {
        renewals.push_back({.name = name,
                            .alive = true,
                            .ttl = name == "says" ? absl::Hours(1) : kTtl});
      }
      book_.Acknowledge(batch.sequence, renewals, now_);
    }
  }
  EXPECT_GE(said, 9);
}

TEST_F(LeaseBookTest, PutsAtMostAThousandNamesIntoAMessage) {
  for (int i = 0; i < 2500; ++i) {
    book_.Add("s" + std::to_string(i), kTtl, At(0));
  }
  const LeaseBook::Plan plan = NextAction();
  ASSERT_EQ(plan.batches.size(), 3u);
  EXPECT_EQ(plan.batches[0].names.size(), 1000u);
  EXPECT_EQ(plan.batches[2].names.size(), 500u);
}

TEST_F(LeaseBookTest, TakesAnUnansweredStreamForDeadAndRenewsAllAtOnce) {
  book_.Add("s1", kTtl, At(0));
  NextAction();
  book_.Add("s2", kTtl, now_);
  const absl::Duration sent = now_;
  EXPECT_EQ(book_.Next(sent + kAnswer - absl::Milliseconds(1)).stream,
            Order::kKeep);
  const LeaseBook::Plan plan = book_.Next(sent + kAnswer);
  EXPECT_EQ(plan.stream, Order::kOpen);
  EXPECT_TRUE(plan.silent);
  ASSERT_EQ(plan.batches.size(), 1u);
  EXPECT_EQ(plan.batches[0].names, (std::vector<std::string>{"s1", "s2"}));
}

TEST_F(LeaseBookTest, ReplacesABrokenStreamAtOnceAndThenMoreAndMoreSlowly) {
  book_.Add("s1", kTtl, At(0));
  NextAction();
  book_.Break(now_);
  EXPECT_EQ(book_.Next(now_).stream, Order::kOpen);
  absl::Duration last = absl::ZeroDuration();
  for (int failures = 2; failures < 12; ++failures) {
    book_.Break(now_);
    const LeaseBook::Plan waiting = book_.Next(now_);
    EXPECT_EQ(waiting.stream, Order::kKeep);
    const absl::Duration backoff = waiting.wake_at - now_;
    EXPECT_GE(backoff, absl::Milliseconds(50));
    EXPECT_LE(backoff, absl::Seconds(4));
    last = backoff;
    now_ = waiting.wake_at;
    EXPECT_EQ(book_.Next(now_).stream, Order::kOpen);
  }
  EXPECT_GE(last, absl::Seconds(2));
}

TEST_F(LeaseBookTest, AsksElsewhereAfterARefusal) {
  book_.Add("s1", kTtl, At(0));
  NextAction();
  book_.Refuse(absl::Milliseconds(200), now_);
  const LeaseBook::Plan waiting = book_.Next(now_);
  EXPECT_EQ(waiting.stream, Order::kKeep);
  EXPECT_GE(waiting.wake_at, now_ + absl::Milliseconds(200));
  EXPECT_EQ(book_.Next(waiting.wake_at).stream, Order::kOpen);
}

TEST_F(LeaseBookTest, LosesASessionThatTheClusterDoesNotKnowOnce) {
  book_.Add("s1", kTtl, At(0));
  book_.Add("s2", kTtl, At(0));
  const LeaseBook::Plan plan = NextAction();
  const auto outcome = book_.Acknowledge(plan.batches[0].sequence,
                                         {{Gone("s1"), Alive("s2")}}, now_);
  ASSERT_EQ(outcome.losses.size(), 1u);
  EXPECT_EQ(outcome.losses[0].name, "s1");
  EXPECT_EQ(outcome.losses[0].reason, LossReason::kGone);
  EXPECT_EQ(outcome.extensions.size(), 1u);
  for (const auto& loss : book_.Next(now_ + 2 * kTtl).losses) {
    EXPECT_EQ(loss.name, "s2");
  }
}

TEST_F(LeaseBookTest, LosesASessionWhoseTimeIsOver) {
  book_.Add("s1", kTtl, At(0));
  EXPECT_TRUE(book_.Next(At(119.9)).losses.empty());
  const LeaseBook::Plan plan = book_.Next(At(120));
  ASSERT_EQ(plan.losses.size(), 1u);
  EXPECT_EQ(plan.losses[0].reason, LossReason::kTimedOut);
  EXPECT_TRUE(book_.empty());
  EXPECT_EQ(book_.Next(At(121)).wake_at, absl::InfiniteDuration());
}

TEST_F(LeaseBookTest, IgnoresAnswersOfAStreamThatWasGivenUp) {
  book_.Add("s1", kTtl, At(0));
  const LeaseBook::Plan plan = NextAction();
  book_.Break(now_);
  const auto outcome =
      book_.Acknowledge(plan.batches[0].sequence, {{Alive("s1")}}, now_);
  EXPECT_TRUE(outcome.extensions.empty());
}

TEST_F(LeaseBookTest, NeverShortensALeaseByALateAnswer) {
  LeaseBook slow(absl::Seconds(1000), /*seed=*/7);
  slow.Add("s1", kTtl, At(0));
  const uint64_t first = slow.Next(At(44)).batches.at(0).sequence;
  const uint64_t second = slow.Next(At(88)).batches.at(0).sequence;
  const auto newer = slow.Acknowledge(second, {{Alive("s1")}}, At(89));
  EXPECT_EQ(newer.extensions.at(0).valid_until, At(88) + kTtl);
  const auto older = slow.Acknowledge(first, {{Alive("s1")}}, At(90));
  EXPECT_EQ(older.extensions.at(0).valid_until, At(88) + kTtl);
}

TEST_F(LeaseBookTest, DropsTheStreamWhenNoSessionIsLeft) {
  book_.Add("s1", kTtl, At(0));
  const LeaseBook::Plan plan = NextAction();
  book_.Acknowledge(plan.batches[0].sequence, {{Alive("s1")}}, now_);
  book_.Remove("s1");
  EXPECT_EQ(book_.Next(now_).stream, Order::kDrop);
  EXPECT_EQ(book_.Next(now_).stream, Order::kKeep);
}

}  // namespace
}  // namespace quorate
