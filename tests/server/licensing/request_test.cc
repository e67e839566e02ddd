// One request id has at most one effect and keeps its first answer, however
// often, late or changed it is repeated. The tests repeat commands at the edges
// of the two times that rule this: the attempt's limit and the memory.

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/licensing/command_digest.h"
#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;

class RequestTest : public testing::Test {
 protected:
  RequestTest() {
    driver_.DoAsAlice(InstallCommand("L", 1, {{"cad", 4}}));
    session_ = driver_.OpenSession(kMaxTtlMs);
  }

  Command Checkout(uint32_t count) {
    return driver_.Prepared(CheckoutCommand(session_, {{"cad", count}}),
                            kAlice);
  }

  LedgerDriver driver_;
  uint64_t session_ = 0;
};

TEST_F(RequestTest, ARepeatGetsTheFirstAnswerAndHasNoEffect) {
  const Command command = Checkout(3);
  const LedgerAnswer first = driver_.Apply(command);
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(first.repeated);
  driver_.PassCalendar(1'000);
  const LedgerAnswer again = driver_.Apply(command);
  EXPECT_TRUE(again.ok());
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.seat_handles, first.seat_handles);
  EXPECT_EQ(again.granted_calendar_ms, first.granted_calendar_ms);
  EXPECT_EQ(driver_.out("cad"), 3u);
}

TEST_F(RequestTest, ARepeatedOpenSessionGetsTheSameSession) {
  const Command command = driver_.Prepared(OpenCommand(60'000), kAlice);
  const LedgerAnswer first = driver_.Apply(command);
  const LedgerAnswer again = driver_.Apply(command);
  EXPECT_EQ(again.session_id, first.session_id);
  EXPECT_EQ(again.ttl_ms, 60'000);
  EXPECT_EQ(driver_.ledger->session_count(), 2u);
}

TEST_F(RequestTest, ALaterAttemptIsTheSameRequest) {
  Command command = Checkout(3);
  driver_.Apply(command);
  driver_.PassClusterTime(kAnswerMemoryMs - kAttemptMs);
  command.set_not_after_cluster_ms(driver_.now.cluster_ms + kAttemptMs);
  EXPECT_TRUE(driver_.Apply(command).repeated);
}

TEST_F(RequestTest, AnotherRequestUnderTheSameIdIsRefused) {
  const Command first = Checkout(1);
  driver_.Apply(first);
  Command other = first;
  other.mutable_checkout()->mutable_items(0)->set_count(2);
  const LedgerAnswer answer = driver_.Apply(other);
  EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_REQUEST_ID_REUSED);
  EXPECT_EQ(Fact(answer, "request_id"), first.request_id());
  EXPECT_EQ(driver_.out("cad"), 1u);
  EXPECT_TRUE(driver_.Apply(first).repeated) << "the first is still known";
}

TEST_F(RequestTest, IdsOfTwoClientsAreApart) {
  Command alices = Checkout(1);
  driver_.Apply(alices);
  Command bobs = driver_.Prepared(OpenCommand(60'000), kBob);
  bobs.set_request_id(alices.request_id());
  EXPECT_FALSE(driver_.Apply(bobs).repeated);
  EXPECT_TRUE(driver_.Apply(alices).repeated);
}

TEST_F(RequestTest, ARefusalIsNotRememberedSoTheSameIdMaySucceed) {
  const Command holder = Checkout(4);
  const LedgerAnswer held = driver_.Apply(holder);
  const Command waiting = Checkout(1);
  EXPECT_EQ(driver_.Apply(waiting).reason,
            type::v1::ERROR_REASON_POOL_EXHAUSTED);
  driver_.DoAsAlice(CheckinCommand(session_, held.seat_handles));
  const LedgerAnswer granted = driver_.Apply(waiting);
  EXPECT_TRUE(granted.ok());
  EXPECT_FALSE(granted.repeated);
  EXPECT_TRUE(driver_.Apply(waiting).repeated);
}

TEST_F(RequestTest, AnAttemptActsUpToItsLimitAndNotAfter) {
  const Command in_time = Checkout(1);
  const Command too_late = Checkout(1);
  driver_.PassClusterTime(kAttemptMs);
  EXPECT_TRUE(driver_.Apply(in_time).ok());
  driver_.PassClusterTime(1);
  EXPECT_EQ(driver_.Apply(too_late).reason,
            type::v1::ERROR_REASON_REQUEST_EXPIRED);
  EXPECT_EQ(driver_.out("cad"), 1u);
  EXPECT_TRUE(driver_.Apply(in_time).repeated)
      << "what was answered is answered, also after the limit";
}

TEST_F(RequestTest, AnAttemptThatOutlivesTheMemoryIsRefused) {
  Command command = Checkout(1);
  command.set_not_after_cluster_ms(driver_.now.cluster_ms + kAnswerMemoryMs +
                                   1);
  EXPECT_EQ(driver_.Apply(command).reason,
            type::v1::ERROR_REASON_REQUEST_EXPIRED);
  command.set_not_after_cluster_ms(driver_.now.cluster_ms + kAnswerMemoryMs);
  EXPECT_TRUE(driver_.Apply(command).ok());
}

TEST_F(RequestTest, NoCopyActsTwiceAroundTheEndOfTheMemory) {
  Command command = Checkout(1);
  command.set_not_after_cluster_ms(driver_.now.cluster_ms + kAnswerMemoryMs);
  ASSERT_TRUE(driver_.Apply(command).ok());
  driver_.PassClusterTime(kAnswerMemoryMs);
  EXPECT_TRUE(driver_.Apply(command).repeated) << "the last moment";
  driver_.PassClusterTime(1);
  EXPECT_EQ(driver_.Apply(command).reason,
            type::v1::ERROR_REASON_REQUEST_EXPIRED)
      << "forgotten, and too late to act";
  EXPECT_EQ(driver_.out("cad"), 1u);
}

TEST_F(RequestTest, ForgetsInTheMomentThatIsNamed) {
  driver_.DoAsAlice(CloseCommand(session_));
  EXPECT_EQ(driver_.ledger->answer_count(), 3u);
  EXPECT_EQ(driver_.ledger->NextDueClusterMs(),
            driver_.now.cluster_ms + kAnswerMemoryMs + 1);
  driver_.now.cluster_ms = *driver_.ledger->NextDueClusterMs();
  driver_.Apply(AdvanceCommand());
  EXPECT_EQ(driver_.ledger->answer_count(), 0u);
  EXPECT_EQ(driver_.ledger->NextDueClusterMs(), std::nullopt);
}

TEST_F(RequestTest, RefusesWhenNoMoreCanBeRemembered) {
  LedgerDriver driver({.answers = 2, .expiries_per_entry = 1});
  driver.OpenSession(kMaxTtlMs);
  const Command last = driver.Prepared(OpenCommand(kMaxTtlMs), kAlice);
  EXPECT_TRUE(driver.Apply(last).ok());
  const LedgerAnswer answer = driver.DoAsAlice(CloseCommand(1));
  EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_LIMIT_REACHED);
  EXPECT_EQ(Fact(answer, "limit"), "answers");
  EXPECT_TRUE(driver.Apply(last).repeated) << "repeats need no room";
  driver.PassClusterTime(kAnswerMemoryMs + 1);
  EXPECT_TRUE(driver.DoAsAlice(CloseCommand(1)).ok());
}

TEST_F(RequestTest, RefusesMissingAndMalformedIdentities) {
  Command command = Checkout(1);
  for (const std::string& id :
       {std::string(), std::string(kMaxNameBytes + 1, 'a'), std::string("a\tb"),
        std::string("\xc3\xa4")}) {
    command.set_request_id(id);
    EXPECT_EQ(Fact(driver_.Apply(command), "field"), "request_id");
  }
  command.set_request_id("fine");
  for (const std::string& principal :
       {std::string(), std::string(kMaxTextBytes + 1, 'a')}) {
    command.set_principal(principal);
    EXPECT_EQ(Fact(driver_.Apply(command), "field"), "principal");
  }
}

TEST_F(RequestTest, ACommandOfANewerVersionChangesNothingButTheTime) {
  driver_.PassClusterTime(7);
  const LedgerAnswer answer = driver_.Apply(Command());
  EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_BAD_REQUEST);
  EXPECT_EQ(driver_.last_changes.size(), 1u);
  EXPECT_EQ(answer.time.cluster_ms, driver_.now.cluster_ms);
}

// The digests stand in records for ever: a change of the encoding would make
// every repeat across an upgrade look like another request.
TEST(CommandDigestTest, StaysAsItIs) {
  const auto hex = [](const Command& command) {
    std::string text;
    for (const uint8_t byte : DigestCommand(command)) {
      constexpr char kDigits[] = "0123456789abcdef";
      text.push_back(kDigits[byte >> 4]);
      text.push_back(kDigits[byte & 15]);
    }
    return text;
  };
  EXPECT_EQ(hex(OpenCommand(120'000)), "588f65aa389f45af16b3002cfeef82e1");
  EXPECT_EQ(hex(CloseCommand(7)), "523669d1862a8144610a6db73038f09e");
  EXPECT_EQ(hex(CheckoutCommand(7, {{"cad", 2}})),
            "d7f06a3a7c9f8c7976525bff39327c47");
  EXPECT_EQ(hex(CheckinCommand(7, {1, 2})), "f02c0f1c89e8aa28d80eaf7d2bf67795");
  EXPECT_EQ(hex(InstallCommand("L", 3, {{"cad", 20}})),
            "8c852522285277826736594e6a891984");
}

TEST(CommandDigestTest, TellsFieldsApartThatRunTogether) {
  Command left = OpenCommand(kDefaultTtlMs);
  Command right = left;
  left.mutable_open_session()->mutable_description()->set_user("ab");
  right.mutable_open_session()->mutable_description()->set_user("a");
  right.mutable_open_session()->mutable_description()->set_host("b");
  EXPECT_NE(DigestCommand(left), DigestCommand(right));
  EXPECT_NE(DigestCommand(CloseCommand(1)),
            DigestCommand(CheckinCommand(1, {})));
}

}  // namespace
}  // namespace quorate::licensing
