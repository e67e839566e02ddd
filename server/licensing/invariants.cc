#include "server/licensing/invariants.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "server/licensing/ledger_accounts.h"

namespace quorate::licensing {
namespace {

template <typename... Parts>
absl::Status Broken(const Parts&... parts) {
  return absl::InternalError(absl::StrCat(parts...));
}

// What the seats of a pool add up to.
struct Recount {
  uint64_t seats = 0;
  uint64_t alone = 0;
  uint64_t borrowed = 0;
  std::map<std::string, std::multiset<uint64_t>> groups;

  void Add(uint64_t count, const std::string& group, bool is_borrowed) {
    ++seats;
    if (is_borrowed) borrowed += count;
    if (group.empty()) {
      alone += count;
    } else {
      groups[group].insert(count);
    }
  }

  uint64_t out() const {
    uint64_t sum = alone;
    for (const auto& [group, counts] : groups)
      sum += *counts.rbegin();
    return sum;
  }
};

using Recounts = std::map<const Pool*, Recount>;

Recounts RecountSeats(const SeatTable& seats, const SessionTable& sessions) {
  Recounts recounts;
  for (const auto& [handle, seat] : seats.by_handle()) {
    const internal::v1::SeatRecord& record = seat->record;
    const Session* const session = sessions.Find(record.session_id());
    const bool borrowed = session != nullptr && IsBorrow(session->record);
    recounts[seat->pool].Add(record.count(), record.share_group(), borrowed);
    if (seat->token_pool == nullptr) continue;
    recounts[seat->token_pool].Add(record.token_units(),
                                   record.token_share_group(), borrowed);
  }
  return recounts;
}

// Invariant: used <= count, but where a newer issue of the licence has less.
absl::Status CheckCredits(const Tables& tables, const Pool& pool) {
  uint64_t used = 0;
  uint64_t left = 0;
  for (const CapacityTerm& term : pool.terms) {
    const bool credits = pool.kind.counting == Counting::kCredits;
    const uint64_t booked =
        credits ? tables.models.credits.Used(term.license_id, pool.kind.feature)
                : 0;
    if (term.used != booked) {
      return Broken("of pool ", pool.name, " licence ", term.license_id,
                    " has used ", term.used, ", the book says ", booked);
    }
    if (!credits || !term.InForce(tables.counters.calendar_ms)) continue;
    used += booked;
    left += term.count > booked ? term.count - booked : 0;
  }
  if (used != pool.credits_used || left != pool.credits_left) {
    return Broken("pool ", pool.name, " has ", pool.credits_left,
                  " credits left, its licences ", left);
  }
  return absl::OkStatus();
}

// Invariant: the minutes of whom have seats of casual pools out run, and those
// of nobody else.
absl::Status CheckCasual(const Tables& tables) {
  const CasualBook& casual = tables.models.casual;
  if (casual.by_due().size() != casual.by_key().size()) {
    return Broken("the index of minutes has another size than their users");
  }
  size_t counted = 0;
  for (const auto& [key, use] : casual.by_key()) {
    if (!casual.by_due().contains({use.due_ms(), key}) ||
        use.record.used_ms() > use.limit_ms()) {
      return Broken("the minutes of a user of pool ", key.first,
                    " are not in the index, or too many");
    }
    counted += use.handles.size();
  }
  size_t out = 0;
  for (const auto& [handle, seat] : tables.seats.by_handle()) {
    const Session* const session =
        tables.sessions.Find(seat->record.session_id());
    for (const Pool* const pool : {seat->pool, seat->token_pool}) {
      if (pool == nullptr) continue;
      const auto use = casual.by_key().find(
          {pool->name, session->record.description().user()});
      const bool runs =
          use != casual.by_key().end() && use->second.handles.contains(handle);
      if (pool->kind.casual_minutes > 0 && !runs) {
        return Broken("the minutes of seat ", handle, " do not run");
      }
      out += runs ? 1 : 0;
    }
  }
  if (out != counted) return Broken("minutes run of seats that are not out");
  return absl::OkStatus();
}

// Invariant: who has a seat of named users has a name.
absl::Status CheckNames(const Tables& tables) {
  for (const auto& [handle, seat] : tables.seats.by_handle()) {
    if (seat->pool->kind.counting != Counting::kNamed) continue;
    const Session* const session =
        tables.sessions.Find(seat->record.session_id());
    if (!tables.models.names.Has(seat->pool->name,
                                 session->record.description().user())) {
      return Broken("seat ", handle, " is of a user who has no name");
    }
  }
  for (const auto& [pool, names] : tables.models.names.by_pool()) {
    if (names.assigned_ms.size() != names.in_order.size()) {
      return Broken("the names of pool ", pool, " are out of order");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckTotal(const Pool& pool, int64_t now) {
  bool in_force = false;
  uint64_t total = 0;
  uint64_t overdraft = 0;
  int64_t next_change_ms = kNever;
  for (const CapacityTerm& term : pool.terms) {
    if (term.InForce(now)) {
      in_force = true;
      total += term.count;
      if (now < term.overdraft_end_ms) overdraft += term.overdraft;
    }
    if (term.start_ms >= term.end_ms) continue;
    for (const int64_t moment : {term.start_ms, term.end_ms}) {
      if (moment > now) next_change_ms = std::min(next_change_ms, moment);
    }
    if (term.overdraft > 0 && term.InForce(now) &&
        term.overdraft_end_ms > now) {
      next_change_ms = std::min(next_change_ms, term.overdraft_end_ms);
    }
  }
  if (in_force != pool.in_force || total != pool.total ||
      overdraft != pool.overdraft || next_change_ms != pool.next_change_ms) {
    return Broken("pool ", pool.name, " has total ", pool.total, " and ",
                  pool.overdraft, " more, its licences grant ", total, " and ",
                  overdraft);
  }
  return absl::OkStatus();
}

absl::Status CheckPool(const Tables& tables, const Pool& pool,
                       const Recount& recount) {
  if (recount.seats != pool.seats || recount.out() != pool.out ||
      recount.borrowed != pool.borrowed ||
      recount.groups.size() != pool.groups.size()) {
    return Broken("pool ", pool.name, " counts ", pool.out,
                  " out, its seats hold ", recount.out());
  }
  QUORATE_RETURN_IF_ERROR(CheckTotal(pool, tables.counters.calendar_ms));
  QUORATE_RETURN_IF_ERROR(CheckCredits(tables, pool));
  // Invariant: out <= ceiling, or out did not grow in the last entry.
  if (pool.out > pool.ceiling() &&
      pool.out > tables.pools.OutBeforeEntry(pool)) {
    return Broken("pool ", pool.name, " grew to ", pool.out,
                  " out, and may have ", pool.ceiling());
  }
  if (pool.seats == 0 && pool.terms.empty()) {
    return Broken("pool ", pool.name, " is of nothing");
  }
  const auto named = tables.pools.OfFeature(pool.kind.feature);
  if (std::find(named.begin(), named.end(), &pool) == named.end()) {
    return Broken("pool ", pool.name, " is not found by its feature");
  }
  return absl::OkStatus();
}

absl::Status CheckPools(const Tables& tables) {
  if (tables.pools.calendar_ms() != tables.counters.calendar_ms) {
    return Broken("the pools are at another time than the ledger");
  }
  Recounts recounts = RecountSeats(tables.seats, tables.sessions);
  size_t terms = 0;
  bool tokens = false;
  for (const auto& [name, pool] : tables.pools.by_name()) {
    tokens |= pool->kind.counting == Counting::kTokens;
    if (name != pool->name || pool->kind.feature != FeatureOfPool(name)) {
      return Broken("a pool has two names");
    }
    QUORATE_RETURN_IF_ERROR(CheckPool(tables, *pool, recounts[pool.get()]));
    terms += pool->terms.size();
  }
  if (tokens != tables.pools.any_takes_tokens()) {
    return Broken("the pools that take tokens are miscounted");
  }
  size_t granted = 0;
  for (const auto& [id, license] : tables.licenses) {
    granted += static_cast<size_t>(license.terms().features_size());
    if (license.terms().cluster_id() != tables.cluster_id) {
      return Broken("licence ", id, " is of another cluster");
    }
  }
  if (granted != terms) {
    return Broken("the licences have ", granted, " features, the pools ",
                  terms);
  }
  return absl::OkStatus();
}

absl::Status CheckSession(const Tables& tables, const Session& session) {
  const uint64_t id = session.record.session_id();
  if (id == 0 || id >= tables.counters.next_session_id) {
    return Broken("session ", id, " was never opened");
  }
  const SessionTable& sessions = tables.sessions;
  const int64_t lease_end_ms = session.record.lease_end_cluster_ms();
  const int64_t borrow_end_ms = BorrowEndMs(session.record.borrowed_until_ms());
  const bool indexed =
      IsBorrow(session.record)
          ? sessions.by_borrow_end().contains({borrow_end_ms, id}) &&
                sessions.borrows().contains(id) && !session.seats.empty()
      : IsLinger(session.record)
          ? sessions.by_linger_end().contains({lease_end_ms, id}) &&
                session.seats.size() == 1
          : sessions.by_lease_end().contains({lease_end_ms, id});
  if (IsBooking(session.record) &&
      session.seats.size() !=
          static_cast<size_t>(session.record.booking().items_size())) {
    return Broken("booking ", id, " has lost a seat");
  }
  if (!indexed)
    return Broken("the end of session ", id, " is not in the index");
  if (!std::is_sorted(session.seats.begin(), session.seats.end())) {
    return Broken("the seats of session ", id, " are out of order");
  }
  for (const uint64_t handle : session.seats) {
    const Seat* const seat = tables.seats.Find(handle);
    if (seat == nullptr || seat->record.session_id() != id) {
      return Broken("session ", id, " lists seat ", handle,
                    ", which is not its own");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSessions(const Tables& tables) {
  // Invariant: each session stands in one of the indexes of ends.
  const SessionTable& indexes = tables.sessions;
  if (indexes.by_lease_end().size() + indexes.by_linger_end().size() +
              indexes.by_borrow_end().size() !=
          indexes.size() ||
      indexes.by_borrow_end().size() != indexes.borrows().size()) {
    return Broken("the indexes of ends have another size than the sessions");
  }
  size_t seats = 0;
  for (const auto& [id, session] : tables.sessions.by_id()) {
    if (id != session->record.session_id()) {
      return Broken("session ", id, " has two numbers");
    }
    QUORATE_RETURN_IF_ERROR(CheckSession(tables, *session));
    seats += session->seats.size();
  }
  if (seats != tables.seats.size()) {
    return Broken("the sessions list ", seats, " seats of ",
                  tables.seats.size());
  }
  size_t lingers = 0;
  for (const auto& [handle, seat] : tables.seats.by_handle()) {
    if (handle != seat->record.handle() || handle == 0 ||
        handle >= tables.counters.next_seat_handle) {
      return Broken("seat ", handle, " was never granted");
    }
    const int64_t warned_ms = seat->record.idle_warned_cluster_ms();
    if (warned_ms < 0 || warned_ms > tables.counters.cluster_ms) {
      return Broken("the holder of seat ", handle, " was warned in the future");
    }
    const internal::v1::SessionRecord& holder =
        tables.sessions.Find(seat->record.session_id())->record;
    const auto* const lingering =
        tables.seats.LingeringFor(holder, seat->record.feature());
    if (IsLinger(holder)) ++lingers;
    if (IsLinger(holder) &&
        (lingering == nullptr || !lingering->contains(handle))) {
      return Broken("seat ", handle, " lingers and is not found by its user");
    }
    const auto* const named = tables.seats.OfFeature(seat->record.feature());
    if (named == nullptr || !named->handles.contains(handle)) {
      return Broken("seat ", handle, " is not found by its feature");
    }
  }
  if (lingers != tables.seats.lingering()) {
    return Broken(lingers, " seats linger, and ", tables.seats.lingering(),
                  " are found by their users");
  }
  return absl::OkStatus();
}

// What the rules count, against the seats counted anew.
absl::Status CheckPolicies(const Tables& tables) {
  const PolicyBook& policies = tables.policies;
  policy::RuleUse recount;
  policy::RuleUse borrowed(policy::RuleUse::Of::kBorrows);
  for (const auto& [handle, seat] : tables.seats.by_handle()) {
    const Session* const session =
        tables.sessions.Find(seat->record.session_id());
    if (session == nullptr) return Broken("seat ", handle, " has no session");
    const policy::Subject folded =
        policies.compiled().Folded(SubjectOf(session->record.description()));
    recount.Take(policies.compiled(), folded, seat->record.feature(),
                 seat->record.count());
    if (!IsBorrow(session->record)) continue;
    borrowed.Take(policies.compiled(), folded, seat->record.feature(),
                  seat->record.count());
  }
  if (recount.Counts() != policies.use().Counts() ||
      borrowed.Counts() != policies.borrow_use().Counts()) {
    return Broken("the policy's rules count other units than are out");
  }
  if (policies.versions().empty()) return absl::OkStatus();
  const internal::v1::PolicyVersionRecord& in_force =
      policies.versions().rbegin()->second;
  if (in_force.policy().SerializeAsString() !=
      policies.compiled().policy().SerializeAsString()) {
    return Broken("version ", in_force.version(),
                  " of the policy is not the one in force");
  }
  return absl::OkStatus();
}

absl::Status CheckAnswers(const Tables& tables) {
  const RequestLog& requests = tables.requests;
  if (requests.next_sequence() != tables.counters.next_answer_sequence) {
    return Broken("the sequence of answers is ", requests.next_sequence(),
                  ", the ledger's is ", tables.counters.next_answer_sequence);
  }
  int64_t previous_ms = 0;
  for (const RememberedAnswer& answer : requests.answers()) {
    // Invariant: by_request_ finds each of answers_.
    if (requests.Find(answer.principal(), answer.request_id()) != &answer) {
      return Broken("an answer to request ", answer.request_id(),
                    " is not found");
    }
    if (answer.answered_cluster_ms < previous_ms) {
      return Broken("the answers are out of order");
    }
    previous_ms = answer.answered_cluster_ms;
  }
  if (previous_ms > tables.counters.cluster_ms) {
    return Broken("an answer is from the future");
  }
  return absl::OkStatus();
}

absl::Status CheckLine(const Tables& tables, const QueueLine& line,
                       size_t* joined) {
  const std::string& feature = line.record().feature();
  uint32_t rank = 2 * kMaxPriority + 1;
  uint64_t out = 0;
  uint64_t claimed = 0;
  size_t visited = 0;
  std::string broken;
  line.Visit([&](const QueuePlace& place) {
    const uint64_t project_out = tables.queue.UnitsOf(feature, place.project);
    if (!place.waiting() || RankOf(place.record) > rank ||
        (RankOf(place.record) == rank && project_out < out)) {
      broken = absl::StrCat(place.record.number());
      return false;
    }
    rank = RankOf(place.record);
    out = project_out;
    ++visited;
    if (place.record.calls_back()) claimed += place.record.items(0).count();
    return true;
  });
  if (!broken.empty() || visited != line.size() || visited == 0) {
    return Broken("the line of ", feature, " is out of order at ", broken);
  }
  if (line.claimed() != claimed) {
    return Broken("the line of ", feature, " claims ", line.claimed(),
                  " units of ", claimed);
  }
  if (line.record().unserved() != tables.queue.unserved().contains(feature)) {
    return Broken("the line of ", feature, " is not in the index");
  }
  *joined += visited;
  return absl::OkStatus();
}

// Only applications and what lingers give way, and each that is called is in
// the index.
absl::Status CheckCalls(const Tables& tables) {
  size_t called = 0;
  for (const auto& [handle, seat] : tables.seats.by_handle()) {
    const int64_t due_ms = seat->record.call_due_cluster_ms();
    if (due_ms == 0) continue;
    ++called;
    const auto calls = tables.seats.calls().find(seat->record.feature());
    if (calls == tables.seats.calls().end() ||
        !calls->second.contains({due_ms, handle})) {
      return Broken("the call of seat ", handle, " is not in the index");
    }
    if (!IsApplication(seat->session->record) &&
        !IsLinger(seat->session->record)) {
      return Broken("seat ", handle, " is called back and cannot be");
    }
  }
  for (const auto& [feature, calls] : tables.seats.calls()) {
    if (calls.empty() || calls.size() > called) {
      return Broken("the index has other calls of ", feature);
    }
    called -= calls.size();
  }
  return called == 0 ? absl::OkStatus() : Broken("the index lost calls");
}

absl::Status CheckQueue(const Tables& tables) {
  const Queue& queue = tables.queue;
  if (queue.by_due().size() != queue.size()) {
    return Broken("the index of what is due has another size than the queue");
  }
  size_t wanted = 0;
  for (const auto& [number, place] : queue.by_number()) {
    const internal::v1::QueuePlaceRecord& record = place->record;
    if (number != record.number() || number == 0 ||
        number >= tables.counters.next_queue_place ||
        tables.sessions.Find(record.session_id()) == nullptr ||
        !queue.by_due().contains({record.due_cluster_ms(), number})) {
      return Broken("queue place ", number, " does not fit");
    }
    if (!place->waiting()) continue;
    std::set<std::string> features;
    for (const auto& item : record.items())
      features.insert(item.feature());
    wanted += features.size();
  }
  size_t joined = 0;
  for (const auto& [feature, line] : queue.lines()) {
    QUORATE_RETURN_IF_ERROR(CheckLine(tables, line, &joined));
  }
  if (joined != wanted) {
    return Broken("the lines hold ", joined, " places of ", wanted);
  }
  for (const auto& [handle, seat] : tables.seats.by_handle()) {
    const Session& session = *tables.sessions.Find(seat->record.session_id());
    if (queue.UnitsOf(seat->record.feature(),
                      session.record.description().project()) <
        seat->record.count()) {
      return Broken("the units of the project of seat ", handle, " are lost");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckTables(const Tables& tables) {
  QUORATE_RETURN_IF_ERROR(CheckPools(tables));
  QUORATE_RETURN_IF_ERROR(CheckSessions(tables));
  QUORATE_RETURN_IF_ERROR(CheckPolicies(tables));
  QUORATE_RETURN_IF_ERROR(CheckAnswers(tables));
  QUORATE_RETURN_IF_ERROR(CheckNames(tables));
  QUORATE_RETURN_IF_ERROR(CheckCasual(tables));
  QUORATE_RETURN_IF_ERROR(CheckCalls(tables));
  QUORATE_RETURN_IF_ERROR(CheckAccounts(tables));
  return CheckQueue(tables);
}

}  // namespace quorate::licensing
