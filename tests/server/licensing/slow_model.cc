#include "tests/server/licensing/slow_model.h"

#include <algorithm>
#include <limits>
#include <set>

namespace quorate::licensing {

using internal::v1::Command;

namespace {

uint64_t SessionOf(const Command& command) {
  if (command.has_checkout()) return command.checkout().session_id();
  if (command.has_checkin()) return command.checkin().session_id();
  if (command.has_resize_seat()) return command.resize_seat().session_id();
  if (command.has_cancel_checkout()) {
    return command.cancel_checkout().session_id();
  }
  return command.close_session().session_id();
}

int64_t EndOf(int64_t end_ms) {
  return end_ms == 0 ? std::numeric_limits<int64_t>::max() : end_ms;
}

}  // namespace

LedgerAnswer SlowModel::No(ErrorReason reason) {
  LedgerAnswer answer;
  answer.reason = reason;
  return answer;
}

LedgerAnswer SlowModel::Bad() {
  return No(type::v1::ERROR_REASON_BAD_REQUEST);
}

std::string SlowModel::BodyOf(Command command) {
  command.clear_request_id();
  command.clear_principal();
  command.clear_not_after_cluster_ms();
  if (command.has_open_session()) {
    command.mutable_open_session()->clear_peer_address();
  }
  return command.SerializeAsString();
}

LedgerAnswer SlowModel::Apply(const Command& command, const EntryTime& time) {
  MoveTime(time);
  LedgerAnswer answer = Execute(command);
  Serve();
  if (answer.queue_place == 0) return answer;
  const bool repeated = answer.repeated;
  answer = AnswerOf(answer.queue_place);
  answer.repeated = repeated;
  return answer;
}

LedgerAnswer SlowModel::Execute(const Command& command) {
  if (command.has_advance_clock()) return {};
  if (const ErrorReason why = WhyNotHere(command); why != 0) return No(why);
  if (command.has_renew_sessions()) return Renew(command.renew_sessions());
  if (command.body_case() == Command::BODY_NOT_SET) return Bad();
  if (command.request_id().empty()) return Bad();
  for (const Remembered& old : remembered_) {
    if (old.principal != command.principal()) continue;
    if (old.request_id != command.request_id()) continue;
    if (old.body != BodyOf(command)) {
      return No(type::v1::ERROR_REASON_REQUEST_ID_REUSED);
    }
    LedgerAnswer again = old.answer;
    again.repeated = true;
    return again;
  }
  for (const auto& [number, place] : places_) {
    if (place.principal != command.principal()) continue;
    if (place.request_id != command.request_id()) continue;
    if (place.body != BodyOf(command)) {
      return No(type::v1::ERROR_REASON_REQUEST_ID_REUSED);
    }
    LedgerAnswer again;
    again.queue_place = number;
    again.repeated = true;
    return again;
  }
  if (command.not_after_cluster_ms() < now_.cluster_ms ||
      command.not_after_cluster_ms() > now_.cluster_ms + kAnswerMemoryMs) {
    return No(type::v1::ERROR_REASON_REQUEST_EXPIRED);
  }
  if (remembered_.size() == limits_.answers) {
    return No(type::v1::ERROR_REASON_LIMIT_REACHED);
  }
  const LedgerAnswer answer = Act(command);
  if (answer.ok() && answer.queue_place == 0) {
    remembered_.push_back({command.principal(), command.request_id(),
                           BodyOf(command), now_.cluster_ms, answer});
  }
  return answer;
}

ErrorReason SlowModel::WhyNotHere(const Command& command) const {
  const bool uses = command.has_open_session() || command.has_checkout() ||
                    command.has_resize_seat() || command.has_renew_sessions() ||
                    command.has_install_license();
  if (!uses) return {};
  if (heir_.has_value()) return type::v1::ERROR_REASON_CLUSTER_RETIRED;
  if (!hold_.has_value()) return {};
  const bool seats = command.has_checkout() || command.has_resize_seat();
  if (!hold_->released || (seats && now_.cluster_ms < hold_->quiet_until_ms)) {
    return type::v1::ERROR_REASON_RESTORED_ON_HOLD;
  }
  if (seats && SessionOf(command) < hold_->first_session) {
    return type::v1::ERROR_REASON_SESSION_NOT_FOUND;
  }
  return {};
}

LedgerAnswer SlowModel::Release(const internal::v1::ReleaseRestored& body) {
  constexpr int64_t kLongest = 75 * 60 * 1000;
  if (heir_.has_value()) return No(type::v1::ERROR_REASON_CLUSTER_RETIRED);
  if (!hold_.has_value() || hold_->old_epoch != body.old_epoch()) {
    return No(type::v1::ERROR_REASON_EPOCH_MISMATCH);
  }
  if (body.longest_lease_ms() < 0 || body.longest_lease_ms() > kLongest) {
    return Bad();
  }
  if (body.stopped_for_ms() < 0) return Bad();
  if (body.stopped_for_ms() > 0 && !body.old_cluster_is_gone()) return Bad();
  if (hold_->released) return {};
  hold_->released = true;
  int64_t wait_ms = body.longest_lease_ms();
  if (body.old_cluster_is_gone()) {
    wait_ms = kLongest - std::min(kLongest, body.stopped_for_ms());
  }
  hold_->quiet_until_ms =
      std::max(hold_->quiet_until_ms, now_.cluster_ms + wait_ms);
  return {};
}

LedgerAnswer SlowModel::Retire(const internal::v1::RetireCluster& body) {
  if (body.restore_id().empty()) return Bad();
  if (body.cluster_epoch() != epoch_ || body.epoch() <= epoch_) {
    return No(type::v1::ERROR_REASON_EPOCH_MISMATCH);
  }
  if (!heir_.has_value()) heir_ = {body.epoch(), body.restore_id()};
  if (heir_->epoch != body.epoch() || heir_->restore_id != body.restore_id()) {
    return No(type::v1::ERROR_REASON_CLUSTER_RETIRED);
  }
  return {};
}

std::optional<SlowModel> SlowModel::Restored(uint32_t epoch) const {
  if (heir_.has_value()) return std::nullopt;
  if (hold_.has_value() && !hold_->released) return std::nullopt;
  SlowModel restored = *this;
  const uint64_t first = uint64_t{epoch} << 44;
  restored.epoch_ = epoch;
  restored.next_session_ = std::max(next_session_, first);
  restored.next_seat_ = std::max(next_seat_, first);
  restored.remembered_.clear();
  restored.places_.clear();
  restored.lines_.clear();
  restored.terminated_.clear();
  restored.hold_ = {
      .old_epoch = epoch_,
      .first_session = restored.next_session_,
      .released = false,
      .quiet_until_ms = hold_.has_value() ? hold_->quiet_until_ms : 0};
  return restored;
}

void SlowModel::MoveTime(const EntryTime& time) {
  now_.cluster_ms = std::max(now_.cluster_ms, time.cluster_ms);
  const int64_t before_ms = now_.calendar_ms;
  now_.calendar_ms = std::max(now_.calendar_ms, time.calendar_ms);
  for (const Term& term : terms_) {
    int64_t overdraft_end_ms = EndOf(term.feature.overdraft_end_ms());
    if (term.feature.overdraft() == 0 || overdraft_end_ms <= term.start_ms ||
        overdraft_end_ms >= term.end_ms) {
      overdraft_end_ms = term.end_ms;
    }
    for (const int64_t at_ms : {term.start_ms, term.end_ms, overdraft_end_ms}) {
      if (at_ms <= before_ms || at_ms > now_.calendar_ms) continue;
      if (term.start_ms >= term.end_ms) continue;
      for (auto& [feature, line] : lines_)
        line.unserved = true;
    }
  }
  for (uint64_t work = 0; work < limits_.expiries_per_entry;) {
    const auto first = std::min_element(
        sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) {
          return a.second.lease_end_ms < b.second.lease_end_ms;
        });
    if (first == sessions_.end() || Alive(first->first)) break;
    work += 1 + SeatsOf(first->first);
    EndSession(first->first);
  }
  for (uint64_t i = 0; i < limits_.expiries_per_entry; ++i) {
    const auto first = std::min_element(
        places_.begin(), places_.end(), [](const auto& a, const auto& b) {
          return a.second.due_ms < b.second.due_ms;
        });
    if (first == places_.end() || first->second.due_ms > now_.cluster_ms) break;
    if (first->second.waits) {
      EndWait(first->first, No(type::v1::ERROR_REASON_WAIT_TIMED_OUT));
    } else {
      places_.erase(first);
    }
  }
  for (uint64_t i = 0; i < limits_.expiries_per_entry; ++i) {
    const auto first =
        std::min_element(terminated_.begin(), terminated_.end(),
                         [](const auto& a, const auto& b) {
                           return a.second.forget_ms < b.second.forget_ms;
                         });
    if (first == terminated_.end()) break;
    if (first->second.forget_ms > now_.cluster_ms) break;
    if (sessions_.count(first->first) > 0) break;
    terminated_.erase(first);
  }
  for (uint64_t i = 0; i < 2 * limits_.expiries_per_entry; ++i) {
    if (remembered_.empty() ||
        now_.cluster_ms <= remembered_.front().at_ms + kAnswerMemoryMs) {
      break;
    }
    remembered_.erase(remembered_.begin());
  }
}

void SlowModel::ErasePlacesOf(uint64_t id) {
  const auto places = places_;
  for (const auto& [number, place] : places) {
    if (place.checkout.session_id() != id) continue;
    places_.erase(number);
    if (place.waits) MarkLines(place);
  }
}

void SlowModel::EndSession(uint64_t id) {
  ErasePlacesOf(id);
  const auto seats = seats_;
  for (const auto& [handle, seat] : seats) {
    if (seat.session == id) GiveBack(handle);
  }
  sessions_.erase(id);
}

bool SlowModel::Alive(uint64_t session) const {
  const auto found = sessions_.find(session);
  return found != sessions_.end() &&
         found->second.lease_end_ms > now_.cluster_ms;
}

uint64_t SlowModel::SeatsOf(uint64_t session) const {
  uint64_t count = 0;
  for (const auto& [handle, seat] : seats_)
    count += seat.session == session;
  return count;
}

LedgerAnswer SlowModel::Renew(const internal::v1::RenewSessions& body) {
  LedgerAnswer answer;
  for (const internal::v1::Renewal& renewal : body.renewals()) {
    const uint64_t id = renewal.session_id();
    const bool known = Alive(id) &&
                       sessions_[id].principal == renewal.principal() &&
                       (!hold_.has_value() || id >= hold_->first_session) &&
                       terminated_.count(id) == 0;
    answer.renewed_ttl_ms.push_back(known ? sessions_[id].ttl_ms : 0);
    if (known) {
      sessions_[id].lease_end_ms =
          now_.cluster_ms + sessions_[id].ttl_ms * 5 / 4;
    }
  }
  return answer;
}

LedgerAnswer SlowModel::Act(const Command& command) {
  if (command.has_open_session()) return Open(command);
  if (command.has_install_license()) return Install(command.install_license());
  if (command.has_release_restored()) {
    return Release(command.release_restored());
  }
  if (command.has_retire_cluster()) return Retire(command.retire_cluster());
  if (command.has_terminate_session()) {
    return Terminate(command.terminate_session());
  }
  if (command.has_release_seat()) {
    const auto seat = seats_.find(command.release_seat().seat_handle());
    if (seat == seats_.end()) return No(type::v1::ERROR_REASON_SEAT_NOT_FOUND);
    LedgerAnswer answer;
    answer.session_id = seat->second.session;
    GiveBack(seat->first);
    return answer;
  }
  if (command.has_apply_policy()) return ApplyPolicy(command.apply_policy());
  if (command.has_roll_back_policy()) {
    return RollBackPolicy(command.roll_back_policy());
  }
  for (const internal::v1::CheckoutItem& item : command.checkout().items()) {
    if (item.count() == 0) return Bad();
  }
  const std::set<uint64_t> handles(command.checkin().seat_handles().begin(),
                                   command.checkin().seat_handles().end());
  const size_t named =
      static_cast<size_t>(command.checkin().seat_handles_size());
  if (handles.size() != named) return Bad();
  if (command.has_checkin() && handles.empty()) return Bad();
  if (command.has_checkout() && command.checkout().items().empty()) {
    return Bad();
  }
  if (command.checkout().wait_ms() < 0) return Bad();
  if (command.checkout().priority() > 9) return Bad();
  if (command.has_resize_seat() && command.resize_seat().count() == 0) {
    return Bad();
  }
  const uint64_t id = SessionOf(command);
  const auto end = terminated_.find(id);
  const bool gives_back = command.has_checkin() || command.has_close_session();
  const bool dead = !Alive(id);
  if (end != terminated_.end() &&
      end->second.principal == command.principal() && (dead || !gives_back)) {
    return No(type::v1::ERROR_REASON_SESSION_TERMINATED);
  }
  if (!Alive(id)) return No(type::v1::ERROR_REASON_SESSION_NOT_FOUND);
  if (sessions_[id].principal != command.principal()) {
    return No(type::v1::ERROR_REASON_SESSION_NOT_YOURS);
  }
  if (command.has_checkout()) return CheckOut(command);
  if (command.has_cancel_checkout()) return Cancel(command);
  if (command.has_resize_seat()) return Resize(command.resize_seat());
  if (command.has_checkin()) return CheckIn(command.checkin());
  EndSession(id);
  return {};
}

LedgerAnswer SlowModel::Open(const Command& command) {
  LedgerAnswer answer;
  answer.ttl_ms = command.open_session().ttl_ms();
  if (answer.ttl_ms < 10'000 || answer.ttl_ms > 3'600'000) return Bad();
  if (sessions_.size() == limits_.sessions) {
    return No(type::v1::ERROR_REASON_LIMIT_REACHED);
  }
  answer.session_id = next_session_++;
  const auto& says = command.open_session().description();
  std::string address;
  for (const char byte : command.open_session().peer_address()) {
    address += (address.empty() ? "" : ".") +
               std::to_string(static_cast<unsigned char>(byte));
  }
  sessions_[answer.session_id] = {
      says,
      command.principal(),
      answer.ttl_ms,
      now_.cluster_ms + answer.ttl_ms * 5 / 4,
      {says.user(), says.host(), says.display(), says.application(),
       says.version(), says.project(), address}};
  return answer;
}

LedgerAnswer SlowModel::ApplyPolicy(const internal::v1::ApplyPolicy& body) {
  if (body.base_version() != last_policy_) {
    return No(type::v1::ERROR_REASON_POLICY_CHANGED);
  }
  const internal::v1::Policy in_force =
      policies_.empty() ? internal::v1::Policy() : policies_[last_policy_];
  if (body.policy().SerializeAsString() == in_force.SerializeAsString()) {
    return {};
  }
  for (const internal::v1::PolicyRule& rule : body.policy().rules()) {
    if (rule.name().empty()) return Bad();
  }
  return PutInForce(body.policy());
}

LedgerAnswer SlowModel::RollBackPolicy(
    const internal::v1::RollBackPolicy& body) {
  if (body.base_version() != last_policy_) {
    return No(type::v1::ERROR_REASON_POLICY_CHANGED);
  }
  if (body.version() != 0 && policies_.count(body.version()) == 0) {
    return No(type::v1::ERROR_REASON_POLICY_VERSION_NOT_FOUND);
  }
  return PutInForce(body.version() == 0 ? internal::v1::Policy()
                                        : policies_[body.version()]);
}

LedgerAnswer SlowModel::PutInForce(const internal::v1::Policy& policy) {
  const internal::v1::Policy copy = policy;
  if (policies_.size() == limits_.policy_versions) {
    policies_.erase(policies_.begin());
  }
  policies_[++last_policy_] = copy;
  for (auto& [feature, line] : lines_)
    line.unserved = true;
  return {};
}

ErrorReason SlowModel::WhyNotByPolicy(
    uint64_t session, const std::map<std::string, uint64_t>& asked) const {
  if (policies_.empty()) return {};
  std::vector<policy::SlowSeat> seats;
  for (const auto& [handle, seat] : seats_) {
    seats.push_back({sessions_.at(seat.session).who,
                     std::string(FeatureOfPool(seat.pool)), seat.count});
  }
  policy::Verdict worst = policy::Verdict::kGranted;
  for (const auto& [feature, count] : asked) {
    uint64_t total = 0;
    for (const Term& term : InOrder(feature))
      total = std::min(total + Ceiling(term.pool), uint64_t{1} << 62);
    if (InOrder(feature).empty()) continue;
    worst =
        std::min(worst, policy::SlowDecide(policies_.at(last_policy_), seats,
                                           {sessions_.at(session).who, feature,
                                            count, now_.calendar_ms, total}));
  }
  if (worst == policy::Verdict::kGranted) return {};
  if (worst == policy::Verdict::kReserved) {
    return type::v1::ERROR_REASON_SEATS_RESERVED;
  }
  return worst == policy::Verdict::kOverLimit
             ? type::v1::ERROR_REASON_POLICY_LIMIT
             : type::v1::ERROR_REASON_POLICY_DENIED;
}

LedgerAnswer SlowModel::CheckIn(const internal::v1::Checkin& body) {
  for (const uint64_t handle : body.seat_handles()) {
    if (seats_.count(handle) == 0 ||
        seats_[handle].session != body.session_id()) {
      return No(type::v1::ERROR_REASON_SEAT_NOT_FOUND);
    }
  }
  for (const uint64_t handle : body.seat_handles())
    GiveBack(handle);
  return {};
}

void SlowModel::GiveBack(uint64_t handle) {
  MarkReturn(seats_[handle]);
  seats_.erase(handle);
}

void SlowModel::MarkReturn(const Seat& seat) {
  for (auto& [feature, line] : lines_) {
    line.unserved |= feature == FeatureOfPool(seat.pool);
    for (const Term& term : terms_) {
      line.unserved |= term.feature.name() == feature &&
                       !term.feature.token_feature().empty();
    }
  }
}

LedgerAnswer SlowModel::Install(const internal::v1::InstallLicense& body) {
  const internal::v1::LicenseTerms& terms = body.terms();
  for (const internal::v1::FeatureTerms& feature : terms.features()) {
    if (feature.token_feature() == feature.name()) return Bad();
  }
  if (terms.cluster_epoch() == 0 || terms.cluster_epoch() > epoch_) {
    return No(type::v1::ERROR_REASON_LICENSE_FOREIGN);
  }
  const bool known = licenses_.count(terms.license_id()) > 0;
  if (known) {
    const auto& installed = licenses_[terms.license_id()];
    if (terms.serial() < installed.terms().serial()) {
      return No(type::v1::ERROR_REASON_SERIAL_ROLLBACK);
    }
    if (terms.serial() == installed.terms().serial()) {
      return installed.payload_sha256() == body.payload_sha256()
                 ? LedgerAnswer()
                 : No(type::v1::ERROR_REASON_SERIAL_FORK);
    }
  }
  if (terms.not_after_ms() != 0 && terms.not_after_ms() <= now_.calendar_ms) {
    return No(type::v1::ERROR_REASON_LICENSE_EXPIRED);
  }
  if (!known && licenses_.size() == limits_.licenses) {
    return No(type::v1::ERROR_REASON_LIMIT_REACHED);
  }
  licenses_[terms.license_id()] = body;
  std::erase_if(terms_, [&terms](const Term& term) {
    return term.license_id == terms.license_id();
  });
  for (const internal::v1::FeatureTerms& feature : terms.features()) {
    terms_.push_back(
        {terms.license_id(), feature, PoolName(KindOf(feature)),
         std::max(terms.not_before_ms(), feature.start_ms()),
         std::min(EndOf(terms.not_after_ms()), EndOf(feature.end_ms()))});
  }
  for (auto& [feature, line] : lines_)
    line.unserved = true;
  return {};
}

}  // namespace quorate::licensing
