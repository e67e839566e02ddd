#include "tests/server/licensing/random_commands.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace quorate::licensing {

using internal::v1::Command;

namespace {

constexpr int64_t kDayMs = int64_t{24} * 3'600'000;

}  // namespace

void CommandSource::MoveTime() {
  now.cluster_ms += static_cast<int64_t>(random_.Below(300));
  if (random_.OneIn(50)) {
    now.cluster_ms += static_cast<int64_t>(random_.Below(20'000));
  }
  if (random_.OneIn(2'000)) {
    now.cluster_ms += static_cast<int64_t>(random_.Below(300'000));
  }
  now.calendar_ms += static_cast<int64_t>(random_.Below(300));
  if (random_.OneIn(3'000)) now.calendar_ms += kDayMs;
  // Far enough for minutes to be used up.
  if (random_.OneIn(200)) {
    now.calendar_ms += static_cast<int64_t>(random_.Below(100'000));
  }
  // Far enough for borrows to end.
  if (random_.OneIn(5'000)) {
    now.calendar_ms += static_cast<int64_t>(random_.Below(2 * kBorrowMarginMs));
  }
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
  if (!granted_.empty() && random_.OneIn(8)) {
    // What was had before, and may linger.
    const size_t recent = std::min<size_t>(granted_.size(), 6);
    return granted_[granted_.size() - 1 - random_.Below(recent)];
  }
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
    feature->set_linger_ms(static_cast<int64_t>(random_.Below(60'000)));
  }
  if (random_.OneIn(6)) {
    feature->set_overdraft(static_cast<uint32_t>(random_.Between(1, 4)));
    if (random_.OneIn(2)) feature->set_overdraft_end_ms(SomeTime());
  }
  if (random_.OneIn(8)) feature->set_trial_days(1);
  if (random_.OneIn(5)) {
    feature->set_casual_minutes(static_cast<uint32_t>(random_.Between(1, 3)));
  }
  if (random_.OneIn(4)) return SetModel(feature);
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

void CommandSource::SetModel(internal::v1::FeatureTerms* feature) {
  if (!random_.OneIn(20)) feature->set_overdraft(0);
  if (random_.OneIn(2)) {
    feature->set_credits(true);
    // What is used is used for ever: later ones must have more.
    credits_ += static_cast<uint32_t>(random_.Below(3));
    feature->set_count(credits_ / 4 + feature->count());
    return;
  }
  feature->set_named_users(true);
  feature->set_count(static_cast<uint32_t>(random_.Between(1, 3)));
  feature->set_recycle_count(static_cast<uint32_t>(random_.Below(3)));
  if (feature->recycle_count() > 0 || random_.OneIn(20)) {
    feature->set_recycle_days(1);
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
    if (random_.OneIn(4)) {
      AddConditions(&each);
    } else if (random_.OneIn(6)) {
      SetModel(&each);
    }
    if (random_.OneIn(2)) AddBorrowing(&each);
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
    *description = opened_;  // The same client again, or nearly.
    if (random_.OneIn(6)) description->set_application(SomeApplication());
    if (random_.OneIn(6)) description->set_display(SomeDisplay());
    return command;
  }
  description->set_user(policy::RandomUser(&random_));
  description->set_host(policy::RandomHost(&random_));
  description->set_project(policy::RandomProject(&random_));
  description->set_version(policy::RandomVersion(&random_));
  description->set_application(SomeApplication());
  description->set_display(SomeDisplay());
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
  const std::string feature = random_.OneIn(3) ? "" : SomeFeature();
  *body->mutable_policy() =
      random_.OneIn(3) ? policy::RandomPolicy(&random_)
                       : SomeLending(policy::RandomUser(&random_), feature);
  if (random_.OneIn(10)) body->mutable_policy()->add_rules();
  return command;
}

// Of four people, one more than may have an account.
Command CommandSource::SomeAccount() {
  const std::string account(random_.OneIn(20) ? 0 : 1, 'a' + random_.Below(4));
  const uint64_t base =
      random_.OneIn(3)
          ? 0
          : account_changes - std::min(account_changes, random_.Below(4));
  Command command;
  if (random_.OneIn(4)) {
    command.mutable_delete_account()->set_account(account);
    command.mutable_delete_account()->set_base_version(base);
    command.mutable_delete_account()->set_keep_administrator(true);
    return command;
  }
  internal::v1::SetAccount* const body = command.mutable_set_account();
  body->set_account(account);
  body->set_base_version(base);
  body->set_keep_administrator(!random_.OneIn(3));
  for (const auto role : {internal::v1::ACCOUNT_ROLE_VIEWER,
                          internal::v1::ACCOUNT_ROLE_ADMINISTRATOR}) {
    if (random_.OneIn(2)) body->add_roles(role);
  }
  return command;
}

Command CommandSource::SomeBody() {
  if (holds_ && random_.OneIn(10)) {
    holds_ = false;
    return SomeRelease();
  }
  if (!plan_.empty() && !random_.OneIn(4)) {
    const std::function<Command()> next = std::move(plan_.front());
    plan_.pop_front();
    return next();
  }
  if (plan_.empty() && random_.OneIn(100)) MakePlan();
  const uint64_t dice = random_.Below(100);
  if (dice < 10) return SomeOpen();
  if (dice < 14) return CloseCommand(SomeSession());
  if (dice < 44) return SomeCheckout();
  if (dice < 46) return SomeCancel();
  if (dice < 48) return SomeTermination();
  if (dice < 50) return SomeResize();
  if (dice < 55) return SomeBooking();
  if (dice < 58) return SomeEndOfHolder();
  if (dice < 59) {
    return ReleaseUserCommand(SomeFeature(), policy::RandomUser(&random_));
  }
  if (dice < 77) return SomeCheckin();
  if (dice < 81) return SomeLicense();
  if (dice < 82) return SomeAccount();
  if (dice < 83) return AdvanceCommand();
  if (dice < 84) return Command();
  if (dice < 85) return random_.OneIn(20) ? SomeRetirement() : SomeRelease();
  if (dice < 87) return SomePolicy();
  if (dice < 92) return SomeBorrow();
  return SomeRenewals();
}

Command CommandSource::SomeRenewals() {
  std::vector<uint64_t> renewed;
  for (uint64_t i = random_.Below(6); i > 0; --i) {
    renewed.push_back(SomeSession());
  }
  Command command = RenewCommand(SomePrincipal(), renewed);
  for (auto& renewal : *command.mutable_renew_sessions()->mutable_renewals()) {
    // To the minutes that random policies speak of.
    const int64_t minutes = static_cast<int64_t>(random_.Below(6));
    if (random_.OneIn(2)) {
      renewal.set_idle_ms(minutes * 60'000 - random_.OneIn(4));
    }
  }
  return command;
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

// What it held is gone too.
void CommandSource::Forget(uint64_t session) {
  std::erase(sessions_, session);
  std::erase_if(seats_,
                [session](const auto& seat) { return seat.first == session; });
}

void CommandSource::ForgetSeat(uint64_t handle) {
  std::erase_if(seats_,
                [handle](const auto& seat) { return seat.second == handle; });
}

void CommandSource::Saw(const Command& command, const LedgerAnswer& answer) {
  if (answer.reason == type::v1::ERROR_REASON_SESSION_NOT_FOUND) {
    const uint64_t gone =
        command.checkout().session_id() + command.checkin().session_id() +
        command.resize_seat().session_id() + command.borrow().session_id();
    if (!random_.OneIn(4)) Forget(gone);
  }
  const bool over = answer.reason == type::v1::ERROR_REASON_SESSION_NOT_FOUND ||
                    answer.reason == type::v1::ERROR_REASON_REQUEST_EXPIRED;
  if (over && !random_.OneIn(8)) {
    std::erase_if(waited_, [&command](const Command& waited) {
      return waited.request_id() == command.request_id();
    });
  }
  holds_ |= answer.reason == type::v1::ERROR_REASON_RESTORED_ON_HOLD;
  // To wait until nobody believes in the old cluster's seats takes long.
  if (answer.reason == type::v1::ERROR_REASON_RESTORED_ON_HOLD &&
      random_.OneIn(8)) {
    now.cluster_ms += static_cast<int64_t>(random_.Below(120'000));
  }
  SawHolder(command, answer);
  const bool later = answer.repeated && answer.queue_place != 0;
  if (!answer.ok() || (answer.repeated && !later)) return;
  for (const uint64_t handle : command.checkin().seat_handles()) {
    if (!random_.OneIn(4)) ForgetSeat(handle);
  }
  if (command.has_open_session() ||
      (answer.session_id != 0 && random_.OneIn(20))) {
    sessions_.push_back(answer.session_id);
  }
  if (command.has_checkout() && !answer.seat_handles.empty()) {
    granted_.push_back(command);
  }
  if (answer.queue_position.number > 0) {
    waited_.push_back(command);
  }
  for (const uint64_t handle : answer.seat_handles) {
    // Of a booking, or of who confirmed it.
    const uint64_t owner = answer.session_id != 0
                               ? answer.session_id
                               : command.checkout().session_id();
    seats_.emplace_back(owner, handle);
  }
}

}  // namespace quorate::licensing
