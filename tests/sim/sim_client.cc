#include "tests/sim/sim_client.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/licensing/policy_book.h"
#include "tests/sim/sim_licenses.h"

namespace quorate::sim {

using licensing::LedgerAnswer;
using replication::ProposeOutcome;
using type::v1::ErrorReason;

namespace {

constexpr SimTime kTtl = 10 * kSecond;

constexpr internal::v1::PolicyRuleKind kSimRules[] = {
    internal::v1::POLICY_RULE_KIND_DENY,
    internal::v1::POLICY_RULE_KIND_RESERVE,
    internal::v1::POLICY_RULE_KIND_LIMIT,
    internal::v1::POLICY_RULE_KIND_IDLE,
    internal::v1::POLICY_RULE_KIND_LINGER,
    internal::v1::POLICY_RULE_KIND_BORROW,
    internal::v1::POLICY_RULE_KIND_NO_BORROW};

}  // namespace

SimClient::SimClient(const Deps& deps, int number)
    : deps_(deps),
      principal_(absl::StrCat("client/", number)),
      description_(SimDescription(number)),
      features_(SimFeatures(*deps.options)),
      random_(deps.options->seed ^ (static_cast<uint64_t>(number + 1) << 40)) {}

SimMember* SimClient::Anyone() {
  std::vector<SimMember*> there;
  for (const auto& member : *deps_.members) {
    if (!member->gone()) there.push_back(member.get());
  }
  return there[random_.Below(there.size())];
}

const std::string& SimClient::SomeFeature() {
  return features_[random_.Below(features_.size())];
}

void SimClient::Start() {
  Think();
}

std::string SimClient::NewRequestId() {
  return absl::StrCat(principal_, "/", next_request_++);
}

void SimClient::Ask(internal::v1::Command command, Answered answered) {
  RequestThrough(nullptr, std::move(command), std::move(answered));
}

void SimClient::RequestThrough(SimMember* member, internal::v1::Command command,
                               Answered answered) {
  auto request = std::make_shared<Request>();
  request->command = std::move(command);
  request->command.set_principal(principal_);
  request->only = member;
  request->answered = std::move(answered);
  Attempt(request);
}

void SimClient::Attempt(const RequestRef& request) {
  if (request->done || deps_.checker->failed()) return;
  SimMember* member = request->only != nullptr ? request->only : Anyone();
  deps_.scheduler->After(deps_.network->DrawDelay(), [this, request, member] {
    AttemptAt(request, member);
  });
  // The next attempt comes, whatever becomes of this one: its answer may be
  // lost, or the member may have crashed with it.
  const SimTime patience =
      static_cast<SimTime>(random_.Between(300, 2'500)) * kMillisecond;
  deps_.scheduler->After(patience, [this, request] { Attempt(request); });
}

void SimClient::AttemptAt(const RequestRef& request, SimMember* member) {
  if (request->done || !member->working()) return;
  internal::v1::Command command = request->command;
  if (!command.request_id().empty()) {
    command.set_not_after_cluster_ms(member->loop().ClusterMs() +
                                     licensing::kAttemptMs);
  }
  member->Propose(command.SerializeAsString(), absl::Seconds(4),
                  [this, request, member](const SimResult& result) {
                    // One that crashed has no ledger.
                    const auto gone = result.outcome == ProposeOutcome::kApplied
                                          ? SeatsGoneAt(*member, result.answer)
                                          : std::set<uint64_t>();
                    // The answer may be lost on its way.
                    if (random_.Chance(deps_.options->loss_per_mille, 1000))
                      return;
                    deps_.scheduler->After(deps_.network->DrawDelay(),
                                           [this, request, result, gone] {
                                             Finish(request, result, gone);
                                           });
                  });
}

std::set<uint64_t> SimClient::SeatsGoneAt(const SimMember& member,
                                          const LedgerAnswer& answer) const {
  std::set<uint64_t> gone;
  for (const auto& [handle, item] : seats_) {
    const auto* const seat = member.ledger().FindSeat(handle);
    if (seat != nullptr && seat->call_due_cluster_ms() != 0) {
      gone.insert(handle);
    }
  }
  // An answer may be an old one.
  for (const uint64_t handle : answer.seat_handles) {
    const auto* const seat = member.ledger().FindSeat(handle);
    if (seat == nullptr || seat->call_due_cluster_ms() != 0) {
      gone.insert(handle);
    }
  }
  return gone;
}

void SimClient::Finish(const RequestRef& request, const SimResult& result,
                       const std::set<uint64_t>& gone) {
  if (request->done || result.outcome != ProposeOutcome::kApplied) return;
  if (result.answer.reason == ErrorReason::ERROR_REASON_REQUEST_EXPIRED) return;
  request->done = true;
  if (result.answer.ok()) ++successes_;
  for (const uint64_t handle : gone) {
    if (seats_.count(handle) == 0) continue;
    DropSeat(handle);
    ++called_back_;
  }
  gone_ = gone;
  request->answered(result.answer);
}

void SimClient::Think() {
  deps_.scheduler->After(TimeBelow(&random_, deps_.options->think_time_max),
                         [this] { Step(); });
}

void SimClient::Step() {
  if (stopped_) return;
  if (session_ == 0) return OpenSession();
  const uint64_t choice = random_.Below(100);
  if (choice < 50) return Checkout();
  if (choice < 85 && !seats_.empty()) return Checkin();
  if (choice < 88) return CloseSession();
  if (choice < 91 && !seats_.empty()) return Resize();
  if (choice < 92) return Terminate();
  if (choice < 93) return ChangePolicy();
  if (choice < 94) return GoAway();
  if (choice < 96 && !seats_.empty()) return Borrow();
  if (choice < 97 && !borrowed_.empty()) return ReturnBorrow();
  if (choice < 98) return Book();
  VerifySeats();
}

void SimClient::OpenSession() {
  internal::v1::Command command;
  command.set_request_id(NewRequestId());
  internal::v1::OpenSession* open = command.mutable_open_session();
  *open->mutable_description() = description_;
  open->set_ttl_ms(kTtl / kMillisecond);
  const SimTime sent = deps_.scheduler->now();
  Ask(std::move(command), [this, sent](const LedgerAnswer& answer) {
    // A session whose time passed while its answer travelled is of no use.
    if (answer.ok() && deps_.scheduler->now() < sent + kTtl) {
      session_ = answer.session_id;
      ++opened_;
      BelieveUntil(sent + kTtl);
      ScheduleRenewal();
    }
    Think();
  });
}

void SimClient::BelieveUntil(SimTime until) {
  believed_until_ = std::max(believed_until_, until);
  const SimTime delay = until - deps_.scheduler->now();
  deps_.scheduler->After(delay, [this, opened = opened_] {
    if (opened != opened_ || session_ == 0) return;
    if (deps_.scheduler->now() >= believed_until_) DropSession();
  });
}

void SimClient::DropSession() {
  session_ = 0;
  believed_until_ = 0;
  while (!seats_.empty())
    DropSeat(seats_.begin()->first);
}

void SimClient::DropSeat(uint64_t handle) {
  deps_.checker->beliefs().OnGivenBack(handle);
  seats_.erase(handle);
}

void SimClient::ScheduleRenewal() {
  deps_.scheduler->After(kTtl / 3, [this, opened = opened_] {
    if (opened != opened_ || session_ == 0 || stopped_) return;
    Renew(session_);
    ScheduleRenewal();
  });
}

void SimClient::Renew(uint64_t session) {
  internal::v1::Command command;
  internal::v1::Renewal* renewal =
      command.mutable_renew_sessions()->add_renewals();
  renewal->set_session_id(session);
  renewal->set_principal(principal_);
  const SimTime sent = deps_.scheduler->now();
  Ask(std::move(command),
      [this, sent, session, opened = opened_](const LedgerAnswer& answer) {
        if (opened != opened_ || session_ != session || !answer.ok()) return;
        if (answer.renewed_ttl_ms.at(0) == 0) {
          if (terminated_ == opened_) return;
          deps_.checker->Fail(
              "a renewed session is kept",
              absl::StrCat(principal_, " lost session ", session, " ",
                           believed_until_ - deps_.scheduler->now(),
                           " us before its time"));
          return DropSession();
        }
        BelieveUntil(sent + kTtl);
      });
}

void SimClient::Checkout() {
  internal::v1::Command command;
  command.set_request_id(NewRequestId());
  internal::v1::Checkout* checkout = command.mutable_checkout();
  checkout->set_session_id(session_);
  const uint64_t items = random_.Between(1, 2);
  for (uint64_t i = 0; i < items; ++i) {
    internal::v1::CheckoutItem* item = checkout->add_items();
    item->set_feature(SomeFeature());
    item->set_count(static_cast<uint32_t>(random_.Between(1, 2)));
    if (deps_.options->conditions_per_mille > 0) DrawConditions(&random_, item);
  }
  if (random_.OneIn(2)) {
    checkout->set_wait_ms(static_cast<int64_t>(
        random_.Between(1, random_.OneIn(6) ? 60'000 : 12'000)));
    checkout->set_priority(static_cast<uint32_t>(random_.Between(4, 6)));
  }
  AskFor(command);
}

void SimClient::AskFor(const internal::v1::Command& command) {
  Ask(command, [this, command, opened = opened_](const LedgerAnswer& answer) {
    const bool mine = opened == opened_ && session_ != 0;
    if (answer.ok() && mine && answer.queue_position.number > 0) {
      if (stopped_ || random_.OneIn(12)) return TakeBack(command);
      deps_.scheduler->After(TimeBelow(&random_, 2 * kSecond),
                             [this, command, opened] {
                               if (opened != opened_) return Think();
                               AskFor(command);
                             });
      return;
    }
    CheckRefusal(answer);
    if (answer.ok() && mine) {
      granted_later_ += answer.queue_place != 0;
      for (int i = 0; i < command.checkout().items_size(); ++i) {
        const internal::v1::CheckoutItem& item = command.checkout().items(i);
        const uint64_t handle = answer.seat_handles.at(static_cast<size_t>(i));
        if (gone_.count(handle) > 0) continue;
        seats_[handle] = item;
        deps_.checker->OnBelief(
            deps_.checker->beliefs().OnTaken(handle, description_, item));
      }
    }
    Think();
  });
}

// What the calendar ended it had to end.
void SimClient::CheckRefusal(const LedgerAnswer& answer) {
  const CalendarBook& calendar = deps_.checker->calendar();
  if (answer.reason == ErrorReason::ERROR_REASON_LICENSE_EXPIRED) {
    deps_.checker->OnBelief(calendar.OnTrialOver(answer.time.calendar_ms));
  }
  if (answer.reason == ErrorReason::ERROR_REASON_CASUAL_MINUTES_USED) {
    deps_.checker->OnBelief(
        calendar.OnMinutesOver(description_.user(), answer.time.calendar_ms));
  }
}

void SimClient::TakeBack(const internal::v1::Command& checkout) {
  internal::v1::Command command;
  command.set_request_id(NewRequestId());
  internal::v1::CancelCheckout* cancel = command.mutable_cancel_checkout();
  cancel->set_session_id(checkout.checkout().session_id());
  cancel->set_checkout_request_id(checkout.request_id());
  Ask(std::move(command), [this, opened = opened_](const LedgerAnswer& answer) {
    if (!answer.ok() && opened == opened_ && session_ != 0) {
      deps_.checker->Fail("a place in the queue is remembered",
                          absl::StrCat(principal_, " was refused with ",
                                       static_cast<int>(answer.reason)));
    }
    Think();
  });
}

void SimClient::Checkin() {
  internal::v1::Command command;
  command.set_request_id(NewRequestId());
  command.mutable_checkin()->set_session_id(session_);
  auto seat = seats_.begin();
  std::advance(seat, random_.Below(seats_.size()));
  command.mutable_checkin()->add_seat_handles(seat->first);
  const uint64_t handle = seat->first;
  // The engineer stops using it before he says so.
  DropSeat(handle);
  Ask(std::move(command),
      [this, handle, opened = opened_](const LedgerAnswer& answer) {
        if (!answer.ok() && opened == opened_ && session_ != 0 &&
            !deps_.checker->calendar().WasTakenBack(handle)) {
          deps_.checker->Fail("an acknowledged seat can be returned",
                              absl::StrCat(principal_, " was refused with ",
                                           static_cast<int>(answer.reason)));
        }
        Think();
      });
}

void SimClient::Resize() {
  auto seat = seats_.begin();
  std::advance(seat, random_.Below(seats_.size()));
  const uint64_t handle = seat->first;
  const uint32_t before = seat->second.count();
  const auto after = static_cast<uint32_t>(random_.Between(1, 3));
  internal::v1::Command command;
  command.set_request_id(NewRequestId());
  internal::v1::ResizeSeat* resize = command.mutable_resize_seat();
  resize->set_session_id(session_);
  resize->set_seat_handle(handle);
  resize->set_count(after);
  const auto believe = [this, handle](uint32_t count) {
    seats_.at(handle).set_count(count);
    deps_.checker->OnBelief(deps_.checker->beliefs().OnResized(handle, count));
  };
  // The engineer uses less before he says so, and more when he may.
  if (after < before) believe(after);
  Ask(std::move(command), [this, believe, handle, before, after,
                           opened = opened_](const LedgerAnswer& answer) {
    const bool mine =
        opened == opened_ && session_ != 0 && seats_.count(handle) > 0;
    if (mine && answer.ok() && after > before) believe(after);
    if (mine && !answer.ok() && after < before && terminated_ != opened_ &&
        !deps_.checker->calendar().WasTakenBack(handle)) {
      deps_.checker->Fail("a seat may always shrink",
                          absl::StrCat(principal_, " was refused with ",
                                       static_cast<int>(answer.reason)));
    }
    Think();
  });
}

void SimClient::GoAway() {
  // Nobody sits there any more, before it says so.
  while (!seats_.empty())
    DropSeat(seats_.begin()->first);
  SayIdle(3);
}

void SimClient::SayIdle(int times) {
  if (times == 0 || session_ == 0 || stopped_) return Think();
  internal::v1::Command command;
  internal::v1::Renewal* renewal =
      command.mutable_renew_sessions()->add_renewals();
  renewal->set_session_id(session_);
  renewal->set_principal(principal_);
  renewal->set_idle_ms(static_cast<int64_t>(random_.Between(40'000, 120'000)));
  Ask(std::move(command), [this, times, opened = opened_](const LedgerAnswer&) {
    if (opened != opened_) return Think();
    deps_.scheduler->After(TimeBelow(&random_, 20 * kSecond),
                           [this, times] { SayIdle(times - 1); });
  });
}

void SimClient::Terminate() {
  internal::v1::Command command;
  command.set_request_id(NewRequestId());
  command.mutable_terminate_session()->set_session_id(session_);
  command.mutable_terminate_session()->set_reason("simulated");
  terminated_ = opened_;
  Ask(std::move(command), [this, opened = opened_](const LedgerAnswer&) {
    // Its seats stay his until he gives them back or stops believing.
    if (opened == opened_ && session_ != 0 && random_.OneIn(2)) {
      return CloseSession();
    }
    Think();
  });
}

void SimClient::CloseSession() {
  internal::v1::Command command;
  command.set_request_id(NewRequestId());
  command.mutable_close_session()->set_session_id(session_);
  DropSession();
  Ask(std::move(command), [this](const LedgerAnswer&) { Think(); });
}

// Over the version that some member knows, which may be old: then it is
// refused.
void SimClient::ChangePolicy() {
  SimMember* const member = Anyone();
  if (!member->working()) return Think();
  const uint64_t base = member->ledger().policies().version();
  internal::v1::Command command;
  command.set_request_id(NewRequestId());
  internal::v1::ApplyPolicy* const body = command.mutable_apply_policy();
  body->set_base_version(base);
  const uint64_t rules = random_.Below(3);
  for (uint64_t i = 0; i < rules; ++i) {
    internal::v1::PolicyRule* const rule = body->mutable_policy()->add_rules();
    // No two policies are the same, so that each makes a version.
    rule->set_name(absl::StrCat(command.request_id(), ".", i));
    rule->set_kind(kSimRules[random_.Below(std::size(kSimRules))]);
    rule->set_feature(SomeFeature());
    if (rule->kind() == internal::v1::POLICY_RULE_KIND_IDLE) {
      rule->set_span_ms(60'000);
      rule->set_warning_ms(random_.OneIn(2) ? 10'000 : 0);
    } else if (rule->kind() == internal::v1::POLICY_RULE_KIND_LINGER) {
      rule->set_span_ms(static_cast<int64_t>(random_.Between(1, 20)) * 1'000);
    } else if (rule->kind() != internal::v1::POLICY_RULE_KIND_DENY &&
               rule->kind() != internal::v1::POLICY_RULE_KIND_NO_BORROW) {
      rule->set_units(random_.Between(1, 3));
    }
    if (rule->kind() == internal::v1::POLICY_RULE_KIND_RESERVE &&
        random_.OneIn(2)) {
      rule->set_lend(true);
      // Longer than anybody believes without news.
      rule->set_span_ms(static_cast<int64_t>(random_.Between(2, 4)) * 10'000);
    }
    internal::v1::PolicyPart* const part = rule->add_parts();
    part->set_field(internal::v1::POLICY_FIELD_USER);
    part->set_negated(random_.OneIn(3));
    part->add_values(description_.user());
  }
  Ask(std::move(command), [this, base, rules](const LedgerAnswer& answer) {
    if (answer.ok() && rules > 0) {
      policy_version_ = std::max(policy_version_, base + 1);
    }
    Think();
  });
}

void SimClient::VerifySeats() {
  SimMember* member = Anyone();
  Think();
  if (!member->working()) return;
  std::vector<uint64_t> handles;
  for (const auto& [handle, seat] : seats_)
    handles.push_back(handle);
  // As of now: what is acknowledged later need not be in what is read.
  member->Read(absl::Seconds(2), [this, member, handles, borrowed = borrowed_,
                                  version = policy_version_,
                                  opened = opened_](bool granted) {
    if (!granted) return;
    if (member->ledger().policies().version() < version) {
      deps_.checker->Fail(
          "no acknowledged policy is lost",
          absl::StrCat(principal_, " misses version ", policy_version_,
                       " at member ", member->id().value()));
    }
    VerifyBorrows(member->ledger(), borrowed);
    if (opened != opened_ || session_ == 0) return;
    for (const uint64_t handle : handles) {
      if (seats_.count(handle) == 0) continue;  // Returned meanwhile.
      if (deps_.checker->calendar().WasTakenBack(handle)) {
        DropSeat(handle);
        continue;
      }
      if (member->ledger().FindSeat(handle) == nullptr) {
        deps_.checker->Fail("no acknowledged seat is lost",
                            absl::StrCat(principal_, " misses seat ", handle,
                                         " at member ", member->id().value()));
      }
    }
  });
}

}  // namespace quorate::sim
