// What the history hears of an entry.

#include <algorithm>

#include "absl/strings/numbers.h"

#include "server/licensing/ledger_state.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;
using internal::v1::SessionDescription;

HistorySubject HistorySubjectOf(const SessionDescription& description) {
  return {.user = description.user(),
          .host = description.host(),
          .project = description.project(),
          .application = description.application()};
}

absl::string_view FactOf(const LedgerAnswer& answer, absl::string_view name) {
  for (const auto& [key, value] : answer.metadata) {
    if (key == name) return value;
  }
  return {};
}

// The session that a command of this kind asks seats for; 0: another kind.
uint64_t AsksFor(const Command& command) {
  switch (command.body_case()) {
    case Command::kCheckout:
      return command.checkout().session_id();
    case Command::kResizeSeat:
      return command.resize_seat().session_id();
    case Command::kBorrow:
      return command.borrow().session_id();
    default:
      return 0;
  }
}

}  // namespace

void Ledger::State::NoteUse(const internal::v1::SeatRecord& seat,
                            const Session& session) {
  SeatUse& use = history_.uses.emplace_back();
  use.feature = seat.feature();
  use.handle = seat.handle();
  use.count = seat.count();
  use.begun_ms = seat.used_since_calendar_ms() != 0
                     ? seat.used_since_calendar_ms()
                     : seat.granted_calendar_ms();
  // Granted before the calendar was known: nobody knows for how long.
  if (use.begun_ms == 0) use.begun_ms = tables_.counters.calendar_ms;
  use.waited_ms = seat.waited_ms();
  use.subject = HistorySubjectOf(session.record.description());
}

void Ledger::State::NoteRefusal(const Command& command,
                                const LedgerAnswer& answer) {
  // Refusals that are about a feature name it; others are mistakes.
  const absl::string_view feature = FactOf(answer, "feature");
  if (feature.empty()) return;
  const SessionDescription* asker = &command.book().description();
  if (!command.has_book()) {
    const Session* const session = tables_.sessions.Find(AsksFor(command));
    if (session == nullptr ||
        session->record.principal() != command.principal()) {
      return;
    }
    asker = &session->record.description();
  }
  Denial& denial = history_.denials.emplace_back();
  denial.feature = std::string(feature);
  denial.reason = answer.reason;
  denial.rule = std::string(FactOf(answer, "rule"));
  if (!absl::SimpleAtoi(FactOf(answer, "asked"), &denial.count)) {
    denial.count = 1;
  }
  denial.subject = HistorySubjectOf(*asker);
}

void Ledger::State::NoteVainWait(const QueuePlace& place, ErrorReason reason) {
  if (reason == type::v1::ERROR_REASON_WAIT_CANCELLED) return;
  const Session* const session =
      tables_.sessions.Find(place.record.session_id());
  if (session == nullptr) return;
  // Of several features the first stands for all.
  const internal::v1::CheckoutItem& item = place.record.items(0);
  history_.denials.push_back(
      {.feature = item.feature(),
       .reason = reason,
       .count = item.count(),
       .subject = HistorySubjectOf(session->record.description())});
}

void Ledger::State::NoteLoads() {
  for (const Pool* const pool : tables_.pools.touched()) {
    if (pool->out == pool->out_before_entry) continue;
    const std::string& feature = pool->kind.feature;
    if (std::any_of(history_.loads.begin(), history_.loads.end(),
                    [&feature](const LoadChange& change) {
                      return change.feature == feature;
                    })) {
      continue;
    }
    LoadChange& change = history_.loads.emplace_back();
    change.feature = feature;
    for (const Pool* const each : *pool->of_feature) {
      change.before += tables_.pools.OutBeforeEntry(*each);
      change.out += each->out;
      if (each->in_force) change.total += each->total;
    }
  }
}

const HistoryEvents& Ledger::history() const {
  return state_->history();
}

}  // namespace quorate::licensing
