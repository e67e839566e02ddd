// The ledger agrees with a slow, obvious model on every answer and every pool,
// its changes are its state, and a restored ledger goes on like the one that
// was never stopped; also one that was restored from a backup as a new epoch.
// Random commands at small limits, so that all are reached.

#include "base/random.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "server/licensing/policy_book.h"
#include "server/licensing/restoration.h"
#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"
#include "tests/server/licensing/slow_model.h"
#include "tests/server/policy/policies.h"
#include "tests/support/seed.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;

constexpr uint64_t kSeeds = 8;
constexpr int kCommandsOfSeed = 30'000;
constexpr int kCheckEvery = 64;
constexpr int kRestartEvery = 1'500;
constexpr int kBackupEvery = 2'500;

constexpr LedgerLimits kSmallLimits = {.sessions = 14,
                                       .seats_of_session = 9,
                                       .licenses = 4,
                                       .answers = 160,
                                       .expiries_per_entry = 5,
                                       .policy_versions = 3,
                                       .queue_places = 30,
                                       .queue_places_of_session = 6,
                                       .settlements_per_entry = 2,
                                       .terminations = 5};

// Draws commands that often hit what is there, and sometimes what is not.
class CommandSource {
 public:
  explicit CommandSource(uint64_t seed) : random_(seed) {}

  Command Next();

  // Lets it know what was answered, to aim at.
  void Saw(const Command& command, const LedgerAnswer& answer);

  EntryTime now{.cluster_ms = 1'000, .calendar_ms = 1'000'000};
  uint32_t epoch = 1;  // Of the cluster.
  uint64_t policy_version = 0;

 private:
  void MoveTime();
  uint64_t SomeSession();

  std::string SomePrincipal() { return random_.OneIn(8) ? kBob : kAlice; }

  std::string SomeFeature() { return std::string(1, 'a' + random_.Below(4)); }

  std::string SomeVersion() { return policy::RandomVersion(&random_); }

  std::string SomeRegion() { return random_.OneIn(2) ? "eu" : "us"; }

  std::string SomeHost() { return policy::RandomHost(&random_); }

  int64_t SomeTime() {
    return now.calendar_ms + static_cast<int64_t>(random_.Below(60'000)) -
           10'000;
  }

  static void AddAttribute(const std::string& region,
                           internal::v1::Attribute* attribute) {
    attribute->set_name("region");
    attribute->set_value(region);
  }

  void AddConditions(internal::v1::FeatureTerms* feature);
  Command SomeBody();
  Command SomeCheckout();
  Command SomeCancel();
  Command SomeTermination();
  Command SomeResize();
  Command SomeCheckin();
  Command SomeLicense();
  Command SomeRelease();
  Command SomeRetirement();
  Command SomeOpen();
  Command SomePolicy();

  Random random_;
  std::vector<uint64_t> sessions_;
  std::vector<std::pair<uint64_t, uint64_t>> seats_;  // Session, handle.
  internal::v1::SessionDescription opened_;           // The last one.
  std::vector<Command> waited_;  // Checkouts that were told to wait.
  std::vector<Command> sent_;
};

void CommandSource::MoveTime() {
  now.cluster_ms += static_cast<int64_t>(random_.Below(300));
  if (random_.OneIn(50)) {
    now.cluster_ms += static_cast<int64_t>(random_.Below(20'000));
  }
  if (random_.OneIn(2'000)) {
    now.cluster_ms += static_cast<int64_t>(random_.Below(300'000));
  }
  now.calendar_ms += static_cast<int64_t>(random_.Below(300));
  // A stamp that goes back must not matter.
  if (random_.OneIn(100)) now.cluster_ms -= 500;
  if (random_.OneIn(100)) now.calendar_ms -= 500;
}

uint64_t CommandSource::SomeSession() {
  if (sessions_.empty() || random_.OneIn(30)) return random_.Below(50);
  const size_t recent = std::min<size_t>(sessions_.size(), 8);
  return sessions_[sessions_.size() - 1 - random_.Below(recent)];
}

Command CommandSource::SomeCheckout() {
  std::vector<std::pair<std::string, uint32_t>> items;
  const uint64_t size = random_.OneIn(4) ? random_.Below(5) : 1;
  for (uint64_t i = 0; i < size; ++i) {
    const uint64_t count =
        random_.OneIn(40) ? random_.Below(40) : random_.Between(1, 6);
    items.emplace_back(SomeFeature(), static_cast<uint32_t>(count));
  }
  Command command = CheckoutCommand(SomeSession(), items);
  for (auto& item : *command.mutable_checkout()->mutable_items()) {
    if (random_.OneIn(3)) item.set_version(SomeVersion());
    if (random_.OneIn(2)) item.set_released_ms(SomeTime());
    if (random_.OneIn(8)) AddAttribute(SomeRegion(), item.add_attributes());
    if (random_.OneIn(3)) item.set_share_key(SomeRegion());
  }
  if (random_.OneIn(4)) return command;
  internal::v1::Checkout* const body = command.mutable_checkout();
  body->set_wait_ms(static_cast<int64_t>(random_.Below(30'000)));
  body->set_priority(static_cast<uint32_t>(random_.Between(4, 6)));
  if (random_.OneIn(50)) body->set_wait_ms(-1);
  if (random_.OneIn(50)) body->set_priority(10);
  return command;
}

Command CommandSource::SomeTermination() {
  if (!seats_.empty() && random_.OneIn(3)) {
    return ReleaseSeatCommand(seats_.back().second);
  }
  const int64_t cool_down_ms =
      random_.OneIn(3) ? 0 : static_cast<int64_t>(random_.Below(120'000));
  return TerminateCommand(SomeSession(), random_.OneIn(30) ? -1 : cool_down_ms,
                          random_.OneIn(3));
}

Command CommandSource::SomeResize() {
  if (seats_.empty() || random_.OneIn(20)) {
    return ResizeCommand(SomeSession(), random_.Below(100), 1);
  }
  const size_t recent = std::min<size_t>(seats_.size(), 10);
  const auto& [session, handle] =
      seats_[seats_.size() - 1 - random_.Below(recent)];
  return ResizeCommand(random_.OneIn(10) ? SomeSession() : session, handle,
                       static_cast<uint32_t>(random_.Below(8)));
}

Command CommandSource::SomeCancel() {
  if (waited_.empty() || random_.OneIn(10)) {
    return CancelCommand(SomeSession(), "none");
  }
  const size_t recent = std::min<size_t>(waited_.size(), 10);
  const Command& waited = waited_[waited_.size() - 1 - random_.Below(recent)];
  return CancelCommand(
      random_.OneIn(10) ? SomeSession() : waited.checkout().session_id(),
      waited.request_id());
}

// Each pool has few conditions, so that most are of use to somebody.
void CommandSource::AddConditions(internal::v1::FeatureTerms* feature) {
  if (random_.OneIn(4)) feature->set_version_max(SomeVersion());
  if (random_.OneIn(6)) feature->set_maintenance_end_ms(SomeTime());
  if (random_.OneIn(6)) AddAttribute(SomeRegion(), feature->add_attributes());
  if (random_.OneIn(8)) feature->add_hosts(SomeHost());
  if (random_.OneIn(6)) {
    feature->set_overdraft(static_cast<uint32_t>(random_.Between(1, 4)));
    if (random_.OneIn(2)) feature->set_overdraft_end_ms(SomeTime());
  }
  if (random_.OneIn(12)) {
    feature->set_uncounted(true);
    feature->set_count(0);
    feature->set_overdraft(0);
  } else if (random_.OneIn(8)) {
    feature->set_count(0);
    feature->set_overdraft(0);
    // Often one that there is; where it is itself, the licence is refused.
    feature->set_token_feature(SomeFeature());
    feature->set_token_cost(static_cast<uint32_t>(random_.Between(1, 3)));
    return;
  }
  if (!random_.OneIn(3)) return;
  for (const auto by :
       {internal::v1::SHARED_BY_USER, internal::v1::SHARED_BY_HOST,
        internal::v1::SHARED_BY_SITE, internal::v1::SHARED_BY_KEY}) {
    if (random_.OneIn(3)) feature->add_shared_by(by);
  }
}

Command CommandSource::SomeCheckin() {
  if (seats_.empty() || random_.OneIn(20)) {
    return CheckinCommand(SomeSession(), {random_.Below(100)});
  }
  std::vector<uint64_t> handles;
  uint64_t session = 0;
  const uint64_t size = random_.Between(1, 3);
  for (uint64_t i = 0; i < size; ++i) {
    const size_t recent = std::min<size_t>(seats_.size(), 10);
    const auto& [owner, handle] =
        seats_[seats_.size() - 1 - random_.Below(recent)];
    if (i == 0) session = owner;
    if (owner == session || random_.OneIn(10)) handles.push_back(handle);
  }
  return CheckinCommand(session, handles);
}

Command CommandSource::SomeLicense() {
  std::vector<std::pair<std::string, uint32_t>> features;
  const uint64_t size = random_.Between(1, 3);
  for (uint64_t i = 0; i < size; ++i) {
    features.emplace_back(SomeFeature(),
                          static_cast<uint32_t>(random_.Between(1, 12)));
  }
  // The serial grows with the calendar, so that newer ones keep coming.
  const uint64_t serial =
      static_cast<uint64_t>(now.calendar_ms / 20'000) + random_.Below(3);
  Command command =
      InstallCommand(absl::StrCat("L", random_.Below(6)), serial, features);
  internal::v1::InstallLicense* const body = command.mutable_install_license();
  body->mutable_payload_sha256()->back() =
      static_cast<char>('a' + random_.Below(2));
  internal::v1::LicenseTerms* const terms = body->mutable_terms();
  if (random_.OneIn(2)) terms->set_not_before_ms(SomeTime());
  if (random_.OneIn(2)) {
    terms->set_not_after_ms(std::max(SomeTime(), terms->not_before_ms() + 1));
  }
  for (auto& each : *terms->mutable_features()) {
    if (random_.OneIn(4)) AddConditions(&each);
  }
  internal::v1::FeatureTerms* const feature = terms->mutable_features(0);
  if (random_.OneIn(4)) feature->set_start_ms(SomeTime());
  if (random_.OneIn(4)) {
    feature->set_end_ms(std::max(SomeTime(), feature->start_ms() + 1));
  }
  if (random_.OneIn(25)) {
    terms->set_cluster_epoch(static_cast<uint32_t>(random_.Below(epoch + 2)));
  }
  return command;
}

// Most often what lets a restored cluster serve soon.
Command CommandSource::SomeRelease() {
  const uint32_t old_epoch =
      random_.OneIn(8) ? static_cast<uint32_t>(random_.Below(epoch + 1))
                       : epoch - 1;
  const auto some_ms = static_cast<int64_t>(random_.Below(60'000));
  Command command = random_.OneIn(3)
                        ? GoneCommand(old_epoch, kLongestLeaseMs - some_ms)
                        : ReleaseCommand(old_epoch, some_ms);
  internal::v1::ReleaseRestored* const body =
      command.mutable_release_restored();
  if (random_.OneIn(20)) body->set_stopped_for_ms(some_ms - 30'000);
  if (random_.OneIn(20)) body->set_stopped_for_ms(kLongestLeaseMs + some_ms);
  if (random_.OneIn(20)) body->set_longest_lease_ms(some_ms - 30'000);
  if (random_.OneIn(20)) body->set_longest_lease_ms(kLongestLeaseMs + some_ms);
  return command;
}

// Rarely one that is for this cluster: it ends all that is interesting.
Command CommandSource::SomeRetirement() {
  const uint32_t wrong = random_.OneIn(2) ? 0 : 1;
  return RetireCommand(epoch + wrong,
                       epoch + static_cast<uint32_t>(random_.Below(4)),
                       random_.OneIn(10) ? "" : "heir");
}

Command CommandSource::SomeOpen() {
  Command command = OpenCommand(
      random_.OneIn(30)
          ? 1
          : static_cast<int64_t>(random_.Between(kMinTtlMs, 60'000)));
  internal::v1::SessionDescription* const description =
      command.mutable_open_session()->mutable_description();
  if (!opened_.user().empty() && random_.OneIn(2)) {
    *description = opened_;  // The same client again.
    return command;
  }
  description->set_user(policy::RandomUser(&random_));
  description->set_host(policy::RandomHost(&random_));
  description->set_project(policy::RandomProject(&random_));
  description->set_version(policy::RandomVersion(&random_));
  if (random_.OneIn(3)) {
    const char byte = static_cast<char>(random_.Below(256));
    command.mutable_open_session()->set_peer_address(
        std::string({10, 0, 0, byte}));
  }
  opened_ = *description;
  return command;
}

// Often of few rules or none, so that seats go on being granted.
Command CommandSource::SomePolicy() {
  const uint64_t base = random_.OneIn(10) ? random_.Below(9) : policy_version;
  Command command;
  if (random_.OneIn(4)) {
    internal::v1::RollBackPolicy* const body =
        command.mutable_roll_back_policy();
    body->set_base_version(base);
    body->set_version(policy_version -
                      std::min(policy_version, random_.Below(6)));
    if (random_.OneIn(3)) body->set_version(0);
    return command;
  }
  internal::v1::ApplyPolicy* const body = command.mutable_apply_policy();
  body->set_base_version(base);
  if (random_.OneIn(3)) return command;
  *body->mutable_policy() = policy::RandomPolicy(&random_);
  if (random_.OneIn(10)) body->mutable_policy()->add_rules();
  return command;
}

Command CommandSource::SomeBody() {
  const uint64_t dice = random_.Below(100);
  if (dice < 10) return SomeOpen();
  if (dice < 14) return CloseCommand(SomeSession());
  if (dice < 47) return SomeCheckout();
  if (dice < 49) return SomeCancel();
  if (dice < 51) return SomeTermination();
  if (dice < 53) return SomeResize();
  if (dice < 75) return SomeCheckin();
  if (dice < 79) return SomeLicense();
  if (dice < 82) return AdvanceCommand();
  if (dice < 83) return Command();
  if (dice < 84) return random_.OneIn(20) ? SomeRetirement() : SomeRelease();
  if (dice < 86) return SomePolicy();
  std::vector<uint64_t> renewed;
  for (uint64_t i = random_.Below(6); i > 0; --i) {
    renewed.push_back(SomeSession());
  }
  return RenewCommand(SomePrincipal(), renewed);
}

Command CommandSource::Next() {
  MoveTime();
  if (!sent_.empty() && random_.OneIn(6)) {
    // An attempt again: soon after, late, or with another limit.
    const size_t recent = std::min<size_t>(sent_.size(), 400);
    Command again = sent_[sent_.size() - 1 - random_.Below(recent)];
    if (random_.OneIn(2)) {
      again.set_not_after_cluster_ms(now.cluster_ms + kAttemptMs);
    }
    return again;
  }
  if (!waited_.empty() && random_.OneIn(6)) {
    // What has become of it?
    const size_t recent = std::min<size_t>(waited_.size(), 10);
    return waited_[waited_.size() - 1 - random_.Below(recent)];
  }
  Command command = SomeBody();
  if (!random_.OneIn(200)) {
    command.set_request_id(
        absl::StrCat("r", random_.OneIn(100) ? 7 : random_.Next()));
  }
  command.set_principal(SomePrincipal());
  command.set_not_after_cluster_ms(
      now.cluster_ms - 400 +
      static_cast<int64_t>(
          random_.Below(random_.OneIn(20) ? 200'000 : kAttemptMs)));
  sent_.push_back(command);
  return command;
}

void CommandSource::Saw(const Command& command, const LedgerAnswer& answer) {
  const bool later = answer.repeated && answer.queue_place != 0;
  if (!answer.ok() || (answer.repeated && !later)) return;
  if (answer.session_id != 0) sessions_.push_back(answer.session_id);
  if (answer.queue_position.number > 0) {
    waited_.push_back(command);
  }
  for (const uint64_t handle : answer.seat_handles) {
    seats_.emplace_back(command.checkout().session_id(), handle);
  }
}

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

std::map<std::string, std::pair<uint64_t, uint64_t>> PoolsOf(
    const Ledger& ledger) {
  std::map<std::string, std::pair<uint64_t, uint64_t>> pools;
  for (const PoolView& view : ledger.Pools("", 100)) {
    pools[view.name] = {view.total, view.out};
  }
  return pools;
}

// One seed: the model, a ledger that is never stopped, and one that is
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
  SlowModel model_{kSmallLimits};
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

// The same by the records of a backup, one by one.
absl::StatusOr<Records> RestoredRecords(const Records& records,
                                        uint32_t epoch) {
  Records restored = records;
  for (const auto& [key, value] : records) {
    const auto change =
        RestoreRecordFor({.epoch = epoch, .restore_id = "b"}, key, value);
    if (!change.ok()) return change.status();
    if (!change->has_value()) continue;
    EXPECT_EQ((*change)->key, key);
    restored.erase(key);
    if ((*change)->value.has_value()) restored[key] = *(*change)->value;
  }
  return restored;
}

void RandomRun::RestoreBackup() {
  const uint32_t epoch =
      source_.epoch + 1 + static_cast<uint32_t>(source_.now.cluster_ms % 2);
  const auto records = RestoredRecords(records_, epoch);
  const auto model = model_.Restored(epoch);
  ASSERT_EQ(records.ok(), model.has_value()) << records.status();
  if (!records.ok()) {
    EXPECT_TRUE(absl::IsFailedPrecondition(records.status()));
    source_.epoch = 1;
    model_ = SlowModel(kSmallLimits);
    records_.clear();
    steady_ = std::make_unique<Ledger>(kClusterId, 1, kSmallLimits);
    restarted_ = std::make_unique<Ledger>(kClusterId, 1, kSmallLimits);
    return;
  }
  ++backups_;
  source_.epoch = epoch;
  model_ = *model;
  records_ = *records;
  steady_ = RestoreLedger(records_, kSmallLimits, seed_, epoch);
  restarted_ = RestoreLedger(records_, kSmallLimits, seed_ + 1, epoch);
  EXPECT_EQ(PoolsOf(*steady_), model_.Pools());
}

bool RandomRun::Step(int number) {
  const Command command = source_.Next();
  const EntryTime now = source_.now;
  SCOPED_TRACE(
      absl::StrCat("command ", number, " ", command.ShortDebugString()));
  std::vector<RecordChange> changes;
  std::vector<RecordChange> other_changes;
  const LedgerAnswer answer = steady_->Apply(command, now, &changes);
  ExpectSameAnswer(answer, model_.Apply(command, now));
  ExpectSameAnswer(restarted_->Apply(command, now, &other_changes), answer);
  EXPECT_EQ(changes, other_changes);
  EXPECT_EQ(PoolsOf(*steady_), model_.Pools());
  source_.policy_version = steady_->policies().version();
  EXPECT_EQ(source_.policy_version, model_.policy_version());
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
  if (number % kBackupEvery == 0) RestoreBackup();
  return !testing::Test::HasFailure();
}

TEST(RandomTest, AgreesWithTheSlowModelAndWithItsOwnRecords) {
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
                           type::v1::ERROR_REASON_HOST_NOT_COVERED}) {
    EXPECT_GT(reasons[reason], 20) << reason;
  }
  EXPECT_GT(repeated, 1'000);
  EXPECT_GT(queued, 1'000);
  EXPECT_GT(granted_later, 500);
  EXPECT_GT(backups, 20);
}

}  // namespace
}  // namespace quorate::licensing
