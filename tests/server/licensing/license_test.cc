// Pools hold what the licences in force grant at the calendar's moment, and a
// licence is only ever replaced by a newer serial of itself for this cluster.
// The tests install licences and move the calendar over their edges.

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;
using internal::v1::LicenseTerms;

LicenseTerms* TermsOf(Command* command) {
  return command->mutable_install_license()->mutable_terms();
}

class LicenseTest : public testing::Test {
 protected:
  LicenseTest() : start_ms_(driver_.now.calendar_ms) {}

  // From `start` to `end` after the start of the test; 0: without.
  Command Dated(const std::string& id, uint32_t count, int64_t start,
                int64_t end) {
    Command command = InstallCommand(id, 1, {{"cad", count}});
    TermsOf(&command)->set_not_before_ms(start == 0 ? 0 : start_ms_ + start);
    TermsOf(&command)->set_not_after_ms(end == 0 ? 0 : start_ms_ + end);
    return command;
  }

  void MoveTo(int64_t after_start) {
    driver_.now.calendar_ms = start_ms_ + after_start;
    driver_.Apply(AdvanceCommand());
  }

  LedgerAnswer CheckOutOne(const std::string& feature) {
    return driver_.DoAsAlice(
        CheckoutCommand(driver_.OpenSession(kMaxTtlMs), {{feature, 1}}));
  }

  LedgerDriver driver_;
  const int64_t start_ms_;
};

TEST_F(LicenseTest, LicencesAddUp) {
  driver_.DoAsAlice(Dated("A", 5, 0, 0));
  driver_.DoAsAlice(Dated("B", 7, 0, 0));
  EXPECT_EQ(driver_.total("cad"), 12u);
  EXPECT_EQ(driver_.ledger->FindLicense("A")->installed_by(), kAlice);
  EXPECT_EQ(driver_.ledger->FindLicense("C"), nullptr);
}

TEST_F(LicenseTest, CountsFromItsStartUpToItsEnd) {
  driver_.DoAsAlice(Dated("A", 5, 10, 20));
  EXPECT_EQ(driver_.total("cad"), 0u);
  const LedgerAnswer early = CheckOutOne("cad");
  EXPECT_EQ(early.reason, type::v1::ERROR_REASON_LICENSE_NOT_STARTED);
  EXPECT_EQ(Fact(early, "starts_ms"), absl::StrCat(start_ms_ + 10));
  EXPECT_EQ(driver_.ledger->NextDueCalendarMs(), start_ms_ + 10);
  MoveTo(9);
  EXPECT_EQ(driver_.total("cad"), 0u);
  MoveTo(10);
  EXPECT_EQ(driver_.total("cad"), 5u);
  EXPECT_EQ(driver_.ledger->FindPool("cad")->next_end_ms, start_ms_ + 20);
  MoveTo(19);
  EXPECT_TRUE(CheckOutOne("cad").ok());
  MoveTo(20);
  EXPECT_EQ(driver_.total("cad"), 0u);
  EXPECT_EQ(driver_.out("cad"), 1u) << "who has a seat keeps it";
  const LedgerAnswer late = CheckOutOne("cad");
  EXPECT_EQ(late.reason, type::v1::ERROR_REASON_LICENSE_EXPIRED);
  EXPECT_EQ(Fact(late, "ended_ms"), absl::StrCat(start_ms_ + 20));
  EXPECT_EQ(driver_.ledger->NextDueCalendarMs(), std::nullopt);
}

TEST_F(LicenseTest, AFeaturesDatesLieWithinItsLicences) {
  Command command = Dated("A", 5, 10, 100);
  internal::v1::FeatureTerms* const inner =
      TermsOf(&command)->mutable_features(0);
  inner->set_start_ms(start_ms_ + 5);
  inner->set_end_ms(start_ms_ + 50);
  internal::v1::FeatureTerms* const second = TermsOf(&command)->add_features();
  second->set_name("cad");
  second->set_count(2);
  second->set_start_ms(start_ms_ + 40);
  second->set_end_ms(start_ms_ + 500);
  ASSERT_TRUE(driver_.DoAsAlice(command).ok());
  MoveTo(5);
  EXPECT_EQ(driver_.total("cad"), 0u);
  MoveTo(10);
  EXPECT_EQ(driver_.total("cad"), 5u);
  MoveTo(40);
  EXPECT_EQ(driver_.total("cad"), 7u);
  MoveTo(50);
  EXPECT_EQ(driver_.total("cad"), 2u);
  MoveTo(100);
  EXPECT_EQ(driver_.total("cad"), 0u);
}

TEST_F(LicenseTest, AJumpOverStartAndEndGrantsNothing) {
  driver_.DoAsAlice(Dated("A", 5, 10, 20));
  MoveTo(1'000);
  EXPECT_EQ(driver_.total("cad"), 0u);
}

// What the replication's calendar holds back: entries go on, dates do not.
TEST_F(LicenseTest, AHeldLeapEndsNothingAndAnAcceptedOneWhatIsOver) {
  constexpr int64_t kDayMs = 24 * 3600 * 1000;
  driver_.DoAsAlice(Dated("A", 5, 0, 10 * kDayMs));
  driver_.DoAsAlice(Dated("B", 7, 0, 90 * kDayMs));
  driver_.DoAsAlice(Dated("C", 9, 40 * kDayMs, 90 * kDayMs));
  EXPECT_TRUE(CheckOutOne("cad").ok());
  driver_.PassClusterTime(60'000);
  MoveTo(60'000);
  EXPECT_EQ(driver_.total("cad"), 12u);
  MoveTo(30 * kDayMs);
  EXPECT_EQ(driver_.total("cad"), 7u);
  EXPECT_EQ(driver_.out("cad"), 1u) << "who has a seat keeps it";
  // Clocks that are put back after it revive nothing.
  MoveTo(60'000);
  EXPECT_EQ(driver_.total("cad"), 7u);
  EXPECT_EQ(driver_.ledger->time().calendar_ms, start_ms_ + 30 * kDayMs);
}

TEST_F(LicenseTest, AnEndedAndALaterLicenceNameTheLaterOne) {
  driver_.DoAsAlice(Dated("A", 5, 0, 10));
  driver_.DoAsAlice(Dated("B", 5, 50, 0));
  MoveTo(20);
  EXPECT_EQ(CheckOutOne("cad").reason,
            type::v1::ERROR_REASON_LICENSE_NOT_STARTED);
}

TEST_F(LicenseTest, TheSameDocumentAgainChangesNothing) {
  driver_.DoAsAlice(Dated("A", 5, 0, 10));
  const Records before = driver_.records;
  EXPECT_TRUE(driver_.DoAsAlice(Dated("A", 5, 0, 10)).ok());
  EXPECT_EQ(driver_.last_changes.size(), 2u) << "the answer, the counters";
  MoveTo(10);
  EXPECT_TRUE(driver_.DoAsAlice(Dated("A", 5, 0, 10)).ok())
      << "also when it has ended";
}

TEST_F(LicenseTest, RefusesOlderSerialsAndForks) {
  driver_.DoAsAlice(InstallCommand("A", 5, {{"cad", 5}}));
  const LedgerAnswer older =
      driver_.DoAsAlice(InstallCommand("A", 4, {{"cad", 50}}));
  EXPECT_EQ(older.reason, type::v1::ERROR_REASON_SERIAL_ROLLBACK);
  EXPECT_EQ(Fact(older, "installed_serial"), "5");
  Command fork = InstallCommand("A", 5, {{"cad", 50}});
  fork.mutable_install_license()->mutable_payload_sha256()->back() = 'x';
  EXPECT_EQ(driver_.DoAsAlice(fork).reason, type::v1::ERROR_REASON_SERIAL_FORK);
  EXPECT_EQ(driver_.total("cad"), 5u);
}

TEST_F(LicenseTest, RefusesForeignAndEndedLicences) {
  Command foreign = InstallCommand("A", 1, {{"cad", 5}});
  TermsOf(&foreign)->set_cluster_id(std::string(32, 'f'));
  EXPECT_EQ(driver_.DoAsAlice(foreign).reason,
            type::v1::ERROR_REASON_LICENSE_FOREIGN);
  Command other_epoch = InstallCommand("A", 1, {{"cad", 5}});
  TermsOf(&other_epoch)->set_cluster_epoch(2);
  EXPECT_EQ(driver_.DoAsAlice(other_epoch).reason,
            type::v1::ERROR_REASON_LICENSE_FOREIGN);
  Command ended = InstallCommand("A", 1, {{"cad", 5}});
  TermsOf(&ended)->set_not_after_ms(driver_.now.calendar_ms);
  EXPECT_EQ(driver_.DoAsAlice(ended).reason,
            type::v1::ERROR_REASON_LICENSE_EXPIRED);
  EXPECT_EQ(driver_.ledger->FindPool("cad"), std::nullopt);
}

TEST_F(LicenseTest, ADecreaseDrainsAndNeverGrows) {
  driver_.DoAsAlice(InstallCommand("A", 1, {{"cad", 5}}));
  const uint64_t session = driver_.OpenSession();
  driver_.DoAsAlice(CheckoutCommand(session, {{"cad", 4}, {"cad", 1}}));
  ASSERT_TRUE(driver_.DoAsAlice(InstallCommand("A", 2, {{"cad", 2}})).ok());
  EXPECT_EQ(driver_.out("cad"), 5u);
  EXPECT_EQ(driver_.ledger->FindPool("cad")->free(), 0u);
  EXPECT_EQ(CheckOutOne("cad").reason, type::v1::ERROR_REASON_POOL_EXHAUSTED);
  driver_.DoAsAlice(CheckinCommand(session, {1}));
  EXPECT_EQ(driver_.out("cad"), 1u);
  EXPECT_TRUE(CheckOutOne("cad").ok());
  EXPECT_EQ(CheckOutOne("cad").reason, type::v1::ERROR_REASON_POOL_EXHAUSTED);
}

TEST_F(LicenseTest, ADroppedFeatureIsUnknownAndGoesWithItsLastSeat) {
  driver_.DoAsAlice(InstallCommand("A", 1, {{"cad", 5}, {"mesh", 5}}));
  const uint64_t session = driver_.OpenSession();
  driver_.DoAsAlice(CheckoutCommand(session, {{"mesh", 1}}));
  driver_.DoAsAlice(InstallCommand("A", 2, {{"cad", 5}}));
  EXPECT_EQ(CheckOutOne("mesh").reason, type::v1::ERROR_REASON_FEATURE_UNKNOWN);
  EXPECT_EQ(driver_.out("mesh"), 1u);
  driver_.DoAsAlice(CheckinCommand(session, {1}));
  EXPECT_EQ(driver_.ledger->FindPool("mesh"), std::nullopt);
}

TEST_F(LicenseTest, RefusesWrongFieldsByTheirPath) {
  const auto field_of =
      [this](const std::function<void(internal::v1::InstallLicense*)>& spoil) {
        Command command = InstallCommand("A", 1, {{"cad", 5}});
        spoil(command.mutable_install_license());
        const LedgerAnswer answer = driver_.DoAsAlice(command);
        EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_BAD_REQUEST);
        return Fact(answer, "field");
      };
  using Body = internal::v1::InstallLicense;
  EXPECT_EQ(field_of([](Body* body) { body->clear_license_file(); }),
            "license_file");
  EXPECT_EQ(
      field_of([](Body* body) {
        body->set_license_file(std::string(kMaxLicenseFileBytes + 1, 'a'));
      }),
      "license_file");
  EXPECT_EQ(field_of([](Body* body) { body->set_payload_sha256("short"); }),
            "payload_sha256");
  EXPECT_EQ(field_of([](Body* body) {
              body->mutable_terms()->set_license_id("a/b");
            }),
            "terms.license_id");
  EXPECT_EQ(field_of([](Body* body) { body->mutable_terms()->set_serial(0); }),
            "terms.serial");
  EXPECT_EQ(field_of([](Body* body) {
              body->mutable_terms()->set_vendor_id("a\nb");
            }),
            "terms.vendor_id");
  EXPECT_EQ(field_of([](Body* body) {
              body->mutable_terms()->set_customer_id("a\nb");
            }),
            "terms.customer_id");
  EXPECT_EQ(
      field_of([](Body* body) { body->mutable_terms()->set_not_after_ms(-1); }),
      "terms.not_after_ms");
  EXPECT_EQ(
      field_of([](Body* body) { body->mutable_terms()->clear_features(); }),
      "terms.features");
  EXPECT_EQ(field_of([](Body* body) {
              body->mutable_terms()->mutable_features(0)->set_name("");
            }),
            "terms.features[0].name");
  EXPECT_EQ(field_of([](Body* body) {
              body->mutable_terms()->mutable_features(0)->set_count(0);
            }),
            "terms.features[0].count");
  EXPECT_EQ(field_of([](Body* body) {
              body->mutable_terms()->mutable_features(0)->set_start_ms(5);
              body->mutable_terms()->mutable_features(0)->set_end_ms(5);
            }),
            "terms.features[0].end_ms");
}

TEST(LicenseLimitTest, RefusesMoreLicencesThanTheLimitButReplaces) {
  LedgerDriver driver({.licenses = 1});
  driver.DoAsAlice(InstallCommand("A", 1, {{"cad", 5}}));
  const LedgerAnswer answer =
      driver.DoAsAlice(InstallCommand("B", 1, {{"cad", 5}}));
  EXPECT_EQ(answer.reason, type::v1::ERROR_REASON_LIMIT_REACHED);
  EXPECT_EQ(Fact(answer, "limit"), "licenses");
  EXPECT_TRUE(driver.DoAsAlice(InstallCommand("A", 2, {{"cad", 6}})).ok());
}

}  // namespace
}  // namespace quorate::licensing
