// Sessions: begun, renewed, closed, ended in their time.

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "server/licensing/field_rules.h"
#include "server/licensing/ledger_state.h"
#include "server/licensing/record_codec.h"
#include "server/licensing/refusals.h"

namespace quorate::licensing {

using internal::v1::Command;

void Ledger::State::EndSession(Session* session, Changes* changes) {
  const uint64_t id = session->record.session_id();
  tables_.queue.EraseAllOf(id);
  for (const uint64_t handle : session->seats) {
    OnReturn(*tables_.seats.Find(handle));
    changes->push_back(EraseRecord(SeatKey(handle)));
  }
  tables_.seats.EraseAllOf(session);
  changes->push_back(EraseRecord(SessionKey(id)));
  tables_.sessions.Erase(id);
}

void Ledger::State::EndDueSessions(Changes* changes) {
  size_t work = 0;
  while (work < limits_.expiries_per_entry) {
    Session* const session = tables_.sessions.FirstDue(time());
    if (session == nullptr) return;
    work += 1 + session->seats.size();
    EndSession(session, changes);
  }
}

Session* Ledger::State::FindOwnSession(uint64_t session_id,
                                       absl::string_view principal,
                                       LedgerAnswer* refusal) {
  Session* const session =
      FindOwnSessionToReturn(session_id, principal, refusal);
  if (session == nullptr) return nullptr;
  const auto* const termination = tables_.terminations.Find(session_id);
  if (termination == nullptr) return session;
  *refusal = RefuseTerminated(*termination);
  return nullptr;
}

Session* Ledger::State::FindOwnSessionToReturn(uint64_t session_id,
                                               absl::string_view principal,
                                               LedgerAnswer* refusal) {
  Session* const session = tables_.sessions.FindAlive(session_id, time());
  if (session == nullptr) {
    const auto* const termination = tables_.terminations.Find(session_id);
    *refusal = termination != nullptr && termination->principal() == principal
                   ? RefuseTerminated(*termination)
                   : Refuse(type::v1::ERROR_REASON_SESSION_NOT_FOUND,
                            {{"session", absl::StrCat(session_id)}});
    return nullptr;
  }
  if (session->record.principal() != principal) {
    *refusal = Refuse(type::v1::ERROR_REASON_SESSION_NOT_YOURS,
                      {{"session", absl::StrCat(session_id)}});
    return nullptr;
  }
  if (IsBorrow(session->record)) {
    *refusal = RefuseBorrowed(*session);
    return nullptr;
  }
  // Nobody's.
  if (IsLinger(session->record)) {
    *refusal = Refuse(type::v1::ERROR_REASON_SESSION_NOT_FOUND,
                      {{"session", absl::StrCat(session_id)}});
    return nullptr;
  }
  if (IsBooking(session->record)) {
    *refusal = Refuse(type::v1::ERROR_REASON_GRANT_IS_BOOKED,
                      {{"session", absl::StrCat(session_id)}});
    return nullptr;
  }
  return session;
}

LedgerAnswer Ledger::State::OpenSession(const Command& command,
                                        Changes* changes) {
  const internal::v1::OpenSession& body = command.open_session();
  const internal::v1::SessionDescription& description = body.description();
  if (!IsPlainDescription(description)) {
    return RefuseField("description", kDescriptionRule);
  }
  // An address of another kind, of a newer version, is one that we do not know.
  if (body.peer_address().size() > kMaxNameBytes) {
    return RefuseField("peer_address", "must be 4 or 16 bytes");
  }
  if (body.ttl_ms() < kMinTtlMs || body.ttl_ms() > kMaxTtlMs) {
    return RefuseField("ttl_ms",
                       absl::StrCat("must be ", kMinTtlMs, " to ", kMaxTtlMs));
  }
  if (tables_.sessions.size() >= limits_.sessions) {
    return RefuseOverLimit("sessions", limits_.sessions);
  }
  Counters& counters = tables_.counters;
  internal::v1::SessionRecord record;
  record.set_session_id(counters.next_session_id++);
  record.set_principal(command.principal());
  *record.mutable_description() = description;
  record.mutable_description()->set_peer_address(body.peer_address());
  record.set_ttl_ms(body.ttl_ms());
  record.set_opened_calendar_ms(counters.calendar_ms);
  record.set_lease_end_cluster_ms(
      LeaseEndMs(counters.cluster_ms, body.ttl_ms()));
  changes->push_back(PutRecord(record));

  LedgerAnswer answer;
  answer.session_id = record.session_id();
  answer.ttl_ms = record.ttl_ms();
  tables_.sessions.Add(std::move(record));
  return answer;
}

LedgerAnswer Ledger::State::CloseSession(const Command& command,
                                         Changes* changes) {
  LedgerAnswer refusal;
  Session* const session = FindOwnSessionToReturn(
      command.close_session().session_id(), command.principal(), &refusal);
  if (session == nullptr) return refusal;
  const std::vector<uint64_t> handles = session->seats;
  for (const uint64_t handle : handles)
    Linger(handle, changes);
  EndSession(session, changes);
  return {};
}

LedgerAnswer Ledger::State::RenewSessions(
    const internal::v1::RenewSessions& body, Changes* changes) {
  if (body.renewals_size() > kMaxRenewals) {
    return RefuseField("renewals",
                       absl::StrCat("must be at most ", kMaxRenewals));
  }
  const int64_t now = tables_.counters.cluster_ms;
  LedgerAnswer answer;
  answer.renewed_ttl_ms.reserve(static_cast<size_t>(body.renewals_size()));
  size_t idle_work = 0;
  for (const internal::v1::Renewal& renewal : body.renewals()) {
    Session* const session =
        tables_.sessions.FindAlive(renewal.session_id(), time());
    if (session == nullptr || !IsApplication(session->record) ||
        session->record.principal() != renewal.principal() ||
        IsOfOldEpoch(renewal.session_id()) ||
        tables_.terminations.Find(renewal.session_id()) != nullptr) {
      answer.renewed_ttl_ms.push_back(0);
      continue;
    }
    const int64_t ttl_ms = session->record.ttl_ms();
    answer.renewed_ttl_ms.push_back(ttl_ms);
    const int64_t lease_end_ms = LeaseEndMs(now, ttl_ms);
    // The same session may be named twice; its record changes once.
    if (lease_end_ms == session->record.lease_end_cluster_ms()) continue;
    tables_.sessions.SetLeaseEnd(session, lease_end_ms);
    HeedActivity(renewal, session, &idle_work, changes);
    taken_from_.erase(renewal.session_id());
    changes->push_back(PutRecord(session->record));
  }
  return answer;
}

}  // namespace quorate::licensing
