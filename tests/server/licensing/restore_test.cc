// A ledger comes back from its records in any order, and records that do not
// parse, contradict each other or are of another cluster are DATA_LOSS. The
// tests spoil one record of a good set at a time.

#include <functional>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "server/licensing/record_codec.h"
#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"

namespace quorate::licensing {
namespace {

class RestoreTest : public testing::Test {
 protected:
  RestoreTest() {
    driver_.DoAsAlice(InstallCommand("A", 1, {{"cad", 5}, {"mesh", 2}}));
    session_ = driver_.OpenSession();
    driver_.DoAsAlice(CheckoutCommand(session_, {{"cad", 4}, {"mesh", 1}}));
  }

  // What FinishRestore, or a record before it, says of these records.
  static absl::Status Restore(const Records& records) {
    Ledger ledger(kClusterId, 1);
    for (const auto& [key, value] : records) {
      const absl::Status status = ledger.RestoreRecord(key, value);
      if (!status.ok()) return status;
    }
    return ledger.FinishRestore();
  }

  // Changes the record under `key`, moves it where its own key changes, and
  // expects that the ledger finds it out.
  template <typename Record>
  void ExpectLossWhere(
      const std::string& key, const std::function<void(Record*)>& spoil,
      absl::StatusCode expected = absl::StatusCode::kDataLoss) {
    Records records = driver_.records;
    const auto found = records.find(key);
    ASSERT_NE(found, records.end());
    Record record;
    ASSERT_TRUE(record.ParseFromString(found->second));
    records.erase(found);
    spoil(&record);
    const RecordChange change = PutRecord(record);
    records[change.key] = *change.value;
    EXPECT_EQ(Restore(records).code(), expected) << record.ShortDebugString();
  }

  LedgerDriver driver_;
  uint64_t session_ = 0;
};

TEST_F(RestoreTest, ComesBackInAnyOrder) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const std::unique_ptr<Ledger> ledger =
        RestoreLedger(driver_.records, {}, seed);
    EXPECT_EQ(ledger->Dump(), driver_.ledger->Dump());
    EXPECT_TRUE(ledger->CheckInvariants().ok());
    EXPECT_EQ(ledger->FindPool("cad")->out, 4u);
    EXPECT_EQ(ledger->time().calendar_ms, driver_.now.calendar_ms);
  }
}

TEST_F(RestoreTest, NothingIsAnEmptyLedger) {
  EXPECT_TRUE(Restore({}).ok());
}

TEST_F(RestoreTest, ADrainingPoolComesBackAndStillDoesNotGrow) {
  driver_.DoAsAlice(InstallCommand("A", 2, {{"cad", 1}}));
  driver_.ledger = RestoreLedger(driver_.records, {}, 1);
  EXPECT_TRUE(driver_.ledger->CheckInvariants().ok());
  EXPECT_EQ(driver_.out("cad"), 4u);
  EXPECT_EQ(driver_.out("mesh"), 1u) << "no licence names it any more";
  EXPECT_EQ(driver_.DoAsAlice(CheckoutCommand(session_, {{"cad", 1}})).reason,
            type::v1::ERROR_REASON_POOL_EXHAUSTED);
}

TEST_F(RestoreTest, TheCalendarIsWhereItWas) {
  internal::v1::Command dated = InstallCommand("B", 1, {{"cad", 7}});
  dated.mutable_install_license()->mutable_terms()->set_not_after_ms(
      driver_.now.calendar_ms + 10);
  driver_.DoAsAlice(dated);
  driver_.PassCalendar(10);
  driver_.Apply(AdvanceCommand());
  EXPECT_EQ(RestoreLedger(driver_.records, {}, 1)->FindPool("cad")->total, 5u);
}

TEST_F(RestoreTest, RefusesUnknownAndUnreadableRecords) {
  Records records = driver_.records;
  records["Z"] = "";
  EXPECT_EQ(Restore(records).code(), absl::StatusCode::kDataLoss);
  Ledger ledger(kClusterId, 1);
  EXPECT_EQ(ledger.RestoreRecord("", "").code(), absl::StatusCode::kDataLoss);
  for (const auto& [key, value] : driver_.records) {
    Records torn = driver_.records;
    torn[key] = value.substr(0, value.size() - 1);
    EXPECT_EQ(Restore(torn).code(), absl::StatusCode::kDataLoss);
    Records moved = driver_.records;
    moved.erase(key);
    moved[absl::StrCat(key, "x")] = value;
    EXPECT_EQ(Restore(moved).code(), absl::StatusCode::kDataLoss);
  }
}

TEST_F(RestoreTest, RefusesMissingRecordsThatOthersNeed) {
  for (const std::string& key :
       {LedgerKey(), SessionKey(session_), AnswerKey(2), AnswerKey(3)}) {
    Records records = driver_.records;
    ASSERT_EQ(records.erase(key), 1u);
    EXPECT_EQ(Restore(records).code(), absl::StatusCode::kDataLoss);
  }
}

TEST_F(RestoreTest, RefusesAnotherCluster) {
  using internal::v1::LedgerRecord;
  using internal::v1::LicenseRecord;
  // Nothing is damaged: the configuration may be the one that is wrong.
  const auto foreign = absl::StatusCode::kFailedPrecondition;
  ExpectLossWhere<LedgerRecord>(
      LedgerKey(), [](LedgerRecord* record) { record->set_cluster_id("x"); },
      foreign);
  ExpectLossWhere<LedgerRecord>(
      LedgerKey(), [](LedgerRecord* record) { record->set_cluster_epoch(2); },
      foreign);
  ExpectLossWhere<LicenseRecord>(LicenseKey("A"), [](LicenseRecord* record) {
    record->mutable_terms()->set_cluster_epoch(2);
  });
}

TEST_F(RestoreTest, RefusesCountersThatContradict) {
  using internal::v1::LedgerRecord;
  const std::vector<std::function<void(LedgerRecord*)>> spoils = {
      [](LedgerRecord* record) { record->set_next_session_id(1); },
      [](LedgerRecord* record) { record->set_next_seat_handle(2); },
      [](LedgerRecord* record) { record->set_next_answer_sequence(3); },
      [](LedgerRecord* record) { record->set_next_answer_sequence(9); },
      [](LedgerRecord* record) { record->set_next_answer_sequence(0); },
      [](LedgerRecord* record) { record->set_cluster_ms(-1); },
      [](LedgerRecord* record) { record->set_cluster_ms(0); },
  };
  for (const auto& spoil : spoils) {
    ExpectLossWhere<LedgerRecord>(LedgerKey(), spoil);
  }
}

TEST_F(RestoreTest, RefusesSessionsSeatsAndAnswersThatContradict) {
  using internal::v1::AnswerRecord;
  using internal::v1::SeatRecord;
  using internal::v1::SessionRecord;
  ExpectLossWhere<SessionRecord>(
      SessionKey(session_),
      [](SessionRecord* record) { record->set_session_id(0); });
  ExpectLossWhere<SessionRecord>(
      SessionKey(session_),
      [](SessionRecord* record) { record->set_ttl_ms(0); });
  ExpectLossWhere<SessionRecord>(
      SessionKey(session_), [](SessionRecord* record) {
        record->set_lease_end_cluster_ms(record->lease_end_cluster_ms() + 1);
      });
  ExpectLossWhere<SeatRecord>(
      SeatKey(1), [](SeatRecord* record) { record->set_handle(99); });
  ExpectLossWhere<SeatRecord>(
      SeatKey(1), [](SeatRecord* record) { record->set_session_id(99); });
  ExpectLossWhere<SeatRecord>(SeatKey(1),
                              [](SeatRecord* record) { record->set_count(0); });
  ExpectLossWhere<AnswerRecord>(AnswerKey(2), [](AnswerRecord* record) {
    record->set_command_digest("short");
  });
  ExpectLossWhere<AnswerRecord>(AnswerKey(2), [](AnswerRecord* record) {
    record->set_answered_cluster_ms(0);
  });
  ExpectLossWhere<AnswerRecord>(
      AnswerKey(2), [](AnswerRecord* record) { record->set_request_id("r1"); });
}

TEST_F(RestoreTest, TheSameRecordTwiceIsALoss) {
  for (const auto& [key, value] : driver_.records) {
    if (key == LedgerKey()) continue;
    Ledger ledger(kClusterId, 1);
    for (const auto& [other_key, other_value] : driver_.records) {
      ASSERT_TRUE(ledger.RestoreRecord(other_key, other_value).ok());
    }
    ASSERT_TRUE(ledger.RestoreRecord(key, value).ok());
    EXPECT_EQ(ledger.FinishRestore().code(), absl::StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace quorate::licensing
