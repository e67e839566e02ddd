// The ledger's changes are its state, and a restored ledger goes on like the
// one that was never stopped; also one that was restored from a backup as a new
// epoch. Random commands at small limits, so that all are reached; that the
// answers are right is compare_with_ledger.py's.

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "server/licensing/policy_book.h"
#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"
#include "tests/server/licensing/random_commands.h"
#include "tests/support/seed.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;

constexpr uint64_t kSeeds = 8;
constexpr int kCommandsOfSeed = 30'000;
constexpr int kCheckEvery = 64;
constexpr int kRestartEvery = 1'500;
constexpr int kBackupEvery = 2'500;
// There is little to see of a cluster that gave way.
constexpr int kRetiredFor = 50;

void ExpectSameAnswer(const LedgerAnswer& got, const LedgerAnswer& want) {
  EXPECT_EQ(got.reason, want.reason)
      << type::v1::ErrorReason_Name(got.reason) << " "
      << type::v1::ErrorReason_Name(want.reason);
  EXPECT_EQ(got.repeated, want.repeated);
  EXPECT_EQ(got.session_id, want.session_id);
  EXPECT_EQ(got.ttl_ms, want.ttl_ms);
  EXPECT_EQ(got.seat_handles, want.seat_handles);
  EXPECT_EQ(got.granted_calendar_ms, want.granted_calendar_ms);
  EXPECT_EQ(got.renewed_ttl_ms, want.renewed_ttl_ms);
  EXPECT_EQ(got.queue_place, want.queue_place);
  EXPECT_EQ(got.queue_position.number, want.queue_position.number);
}

// One seed: a ledger that is never stopped, and one that is
// restored from its records again and again.
class RandomRun {
 public:
  explicit RandomRun(uint64_t seed) : seed_(seed), source_(seed) {}

  // A backup of it becomes the cluster; where it must not, a new one does.
  void RestoreBackup();

  // False where something differed.
  bool Step(int number);

  // How often each reason was seen; 0 counts successes.
  const std::map<int, int>& reasons() const { return reasons_; }

  int repeated() const { return repeated_; }

  int queued() const { return queued_; }

  int granted_later() const { return granted_later_; }

  int backups() const { return backups_; }

 private:
  const uint64_t seed_;
  CommandSource source_;
  std::unique_ptr<Ledger> steady_ =
      std::make_unique<Ledger>(kClusterId, 1, kSmallLimits);
  std::unique_ptr<Ledger> restarted_ =
      std::make_unique<Ledger>(kClusterId, 1, kSmallLimits);
  Records records_;
  std::map<int, int> reasons_;
  int repeated_ = 0;
  int queued_ = 0;
  int granted_later_ = 0;  // Answers with seats of a checkout that waited.
  int backups_ = 0;
};

void RandomRun::RestoreBackup() {
  const uint32_t epoch =
      source_.epoch + 1 + static_cast<uint32_t>(source_.now.cluster_ms % 2);
  const auto records = RestoredRecords(records_, epoch);
  if (!records.ok()) {
    EXPECT_TRUE(absl::IsFailedPrecondition(records.status()));
    source_.epoch = 1;
    records_.clear();
    steady_ = std::make_unique<Ledger>(kClusterId, 1, kSmallLimits);
    restarted_ = std::make_unique<Ledger>(kClusterId, 1, kSmallLimits);
    return;
  }
  ++backups_;
  source_.epoch = epoch;
  records_ = *records;
  steady_ = RestoreLedger(records_, kSmallLimits, seed_, epoch);
  restarted_ = RestoreLedger(records_, kSmallLimits, seed_ + 1, epoch);
}

bool RandomRun::Step(int number) {
  const Command command = source_.Next();
  const EntryTime now = source_.now;
  SCOPED_TRACE(
      absl::StrCat("command ", number, " ", command.ShortDebugString()));
  std::vector<RecordChange> changes;
  std::vector<RecordChange> other_changes;
  const LedgerAnswer answer = steady_->Apply(command, now, &changes);
  ExpectSameAnswer(restarted_->Apply(command, now, &other_changes), answer);
  EXPECT_EQ(changes, other_changes);
  source_.policy_version = steady_->policies().version();
  source_.account_changes = steady_->account_changes();
  ApplyChanges(changes, &records_);
  source_.Saw(command, answer);
  ++reasons_[answer.reason];
  repeated_ += answer.repeated;
  queued_ += answer.queue_position.number > 0;
  granted_later_ += answer.queue_place > 0 && !answer.seat_handles.empty();
  if (number % kCheckEvery == 0) {
    const absl::Status status = steady_->CheckInvariants();
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(DumpedRecords(*steady_), records_);
  }
  if (number % kRestartEvery == 0) {
    restarted_ = RestoreLedger(records_, kSmallLimits, seed_, source_.epoch);
    const absl::Status status = restarted_->CheckInvariants();
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(restarted_->Dump(), steady_->Dump());
    EXPECT_EQ(restarted_->NextDueClusterMs(), steady_->NextDueClusterMs());
    EXPECT_EQ(restarted_->NextDueCalendarMs(), steady_->NextDueCalendarMs());
  }
  const bool retired = steady_->retirement() != nullptr;
  if (number % (retired ? kRetiredFor : kBackupEvery) == 0) RestoreBackup();
  return !testing::Test::HasFailure();
}

TEST(RandomTest, AgreesWithItsOwnRecords) {
  std::map<int, int> reasons;
  int repeated = 0;
  int queued = 0;
  int granted_later = 0;
  int backups = 0;
  for (const uint64_t seed : TestSeeds(1, kSeeds)) {
    SCOPED_TRACE(ReplayLine(seed, "licensing_random_test", "*"));
    RandomRun run(seed);
    for (int number = 1; number <= kCommandsOfSeed; ++number) {
      if (!run.Step(number)) return;
    }
    for (const auto& [reason, times] : run.reasons())
      reasons[reason] += times;
    repeated += run.repeated();
    queued += run.queued();
    granted_later += run.granted_later();
    backups += run.backups();
  }
  for (const auto& [reason, times] : reasons) {
    std::cout << times << " "
              << type::v1::ErrorReason_Name(static_cast<ErrorReason>(reason))
              << "\n";
  }
  std::cout << repeated << " repeats, " << queued << " times told to wait, "
            << granted_later << " times granted after that, " << backups
            << " backups restored\n";
  // Random commands that never reach a rule test nothing of it.
  for (const int reason : {type::v1::ERROR_REASON_UNSPECIFIED,
                           type::v1::ERROR_REASON_BAD_REQUEST,
                           type::v1::ERROR_REASON_REQUEST_ID_REUSED,
                           type::v1::ERROR_REASON_REQUEST_EXPIRED,
                           type::v1::ERROR_REASON_SESSION_NOT_FOUND,
                           type::v1::ERROR_REASON_SESSION_NOT_YOURS,
                           type::v1::ERROR_REASON_SEAT_NOT_FOUND,
                           type::v1::ERROR_REASON_FEATURE_UNKNOWN,
                           type::v1::ERROR_REASON_POOL_EXHAUSTED,
                           type::v1::ERROR_REASON_COUNT_OVER_TOTAL,
                           type::v1::ERROR_REASON_LICENSE_EXPIRED,
                           type::v1::ERROR_REASON_LICENSE_NOT_STARTED,
                           type::v1::ERROR_REASON_LICENSE_FOREIGN,
                           type::v1::ERROR_REASON_SERIAL_ROLLBACK,
                           type::v1::ERROR_REASON_SERIAL_FORK,
                           type::v1::ERROR_REASON_LIMIT_REACHED,
                           type::v1::ERROR_REASON_RESTORED_ON_HOLD,
                           type::v1::ERROR_REASON_CLUSTER_RETIRED,
                           type::v1::ERROR_REASON_EPOCH_MISMATCH,
                           type::v1::ERROR_REASON_POLICY_DENIED,
                           type::v1::ERROR_REASON_POLICY_LIMIT,
                           type::v1::ERROR_REASON_SEATS_RESERVED,
                           type::v1::ERROR_REASON_POLICY_CHANGED,
                           type::v1::ERROR_REASON_POLICY_VERSION_NOT_FOUND,
                           type::v1::ERROR_REASON_SESSION_TERMINATED,
                           type::v1::ERROR_REASON_COOLING_DOWN,
                           type::v1::ERROR_REASON_WAIT_TIMED_OUT,
                           type::v1::ERROR_REASON_WAIT_CANCELLED,
                           type::v1::ERROR_REASON_QUEUE_PLACE_NOT_FOUND,
                           type::v1::ERROR_REASON_VERSION_NOT_COVERED,
                           type::v1::ERROR_REASON_RELEASE_NOT_COVERED,
                           type::v1::ERROR_REASON_ATTRIBUTE_NOT_OFFERED,
                           type::v1::ERROR_REASON_HOST_NOT_COVERED,
                           type::v1::ERROR_REASON_CREDITS_EXHAUSTED,
                           type::v1::ERROR_REASON_NAMES_EXHAUSTED,
                           type::v1::ERROR_REASON_NAME_NOT_FOUND}) {
    EXPECT_GT(reasons[reason], 20) << reason;
  }
  EXPECT_GT(repeated, 1'000);
  EXPECT_GT(queued, 1'000);
  EXPECT_GT(granted_later, 500);
  EXPECT_GT(backups, 20);
}

}  // namespace
}  // namespace quorate::licensing
