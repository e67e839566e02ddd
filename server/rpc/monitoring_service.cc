#include "server/rpc/monitoring_service.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/licensing/sessions.h"
#include "server/rpc/borrow_view.h"
#include "server/rpc/client_description.h"
#include "server/rpc/clock_view.h"
#include "server/rpc/list_call.h"
#include "server/rpc/member_view.h"
#include "server/rpc/queue_place.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

using internal::v1::QueuePlaceRecord;
using internal::v1::SeatRecord;
using internal::v1::SessionRecord;
using licensing::Ledger;
using licensing::PoolView;
using replication::NodeStatus;

constexpr absl::string_view kPoolFields[] = {"feature"};
constexpr absl::string_view kSessionFields[] = {"user", "host"};
constexpr absl::string_view kSeatFields[] = {"feature", "session"};
constexpr absl::string_view kQueueFields[] = {"feature", "session"};

constexpr ListShape kPools = {
    .name = "pools", .order = "feature", .fields = kPoolFields};
constexpr ListShape kSessions = {.name = "sessions",
                                 .order = "name",
                                 .fields = kSessionFields,
                                 .numbered = true};
constexpr ListShape kSeats = {.name = "seats",
                              .order = "handle",
                              .fields = kSeatFields,
                              .numbered = true};
constexpr ListShape kQueue = {.name = "queue",
                              .order = "number",
                              .fields = kQueueFields,
                              .numbered = true};

monitoring::v1::MemberRole RoleOf(const NodeStatus& status, raft::MemberId id,
                                  bool reachable) {
  if (id == status.raft.leader) return monitoring::v1::MEMBER_ROLE_LEADER;
  const auto& learners = status.configuration.membership.learners;
  const monitoring::v1::MemberRole follows =
      std::binary_search(learners.begin(), learners.end(), id)
          ? monitoring::v1::MEMBER_ROLE_LEARNER
          : monitoring::v1::MEMBER_ROLE_FOLLOWER;
  if (id != status.raft.id) {
    return reachable && status.raft.leader != raft::kNobody
               ? follows
               : monitoring::v1::MEMBER_ROLE_UNSPECIFIED;
  }
  switch (status.raft.role) {
    case raft::Role::kFollower:
      return follows;
    case raft::Role::kPreCandidate:
    case raft::Role::kCandidate:
      return monitoring::v1::MEMBER_ROLE_CANDIDATE;
    case raft::Role::kLeader:
      return monitoring::v1::MEMBER_ROLE_LEADER;
  }
  return monitoring::v1::MEMBER_ROLE_UNSPECIFIED;
}

void DescribeMember(const NodeStatus& status, const raft::MemberAddress& from,
                    monitoring::v1::Member* member) {
  member->set_name(from.name);
  member->set_member_id(absl::StrCat(from.id.value()));
  member->set_client_endpoint(from.client_endpoint);
  member->set_peer_endpoint(from.peer_endpoint);
  const MemberContact contact = ContactOf(status, from.id);
  if (contact.age.has_value()) {
    SetDuration(*contact.age, member->mutable_contact_age());
  }
  member->set_reachable(contact.reachable);
  member->set_role(RoleOf(status, from.id, contact.reachable));
  member->set_match_index(MatchOf(status, from.id).value());
}

monitoring::v1::PoolModel ModelOf(const PoolView& pool) {
  if (!pool.licensed) return monitoring::v1::POOL_MODEL_UNSPECIFIED;
  switch (pool.kind.counting) {
    case licensing::Counting::kCounted:
      return monitoring::v1::POOL_MODEL_FLOATING;
    case licensing::Counting::kUncounted:
      return monitoring::v1::POOL_MODEL_UNCOUNTED;
    case licensing::Counting::kTokens:
      return monitoring::v1::POOL_MODEL_TOKENS;
    case licensing::Counting::kCredits:
      return monitoring::v1::POOL_MODEL_CREDITS;
    case licensing::Counting::kNamed:
      return monitoring::v1::POOL_MODEL_NAMED_USERS;
  }
  return monitoring::v1::POOL_MODEL_UNSPECIFIED;
}

void DescribeKind(const licensing::PoolKind& from, monitoring::v1::Pool* pool) {
  pool->set_uncounted(from.counting == licensing::Counting::kUncounted);
  pool->set_token_feature(from.token_feature);
  pool->set_token_cost(from.token_cost);
  pool->set_recycle_count(from.recycle_count);
  pool->set_recycle_days(from.recycle_days);
  pool->set_trial_days(from.trial_days);
  pool->set_casual_minutes(from.casual_minutes);
  pool->set_version_max(from.version_max);
  if (from.maintenance_end_ms != 0) {
    SetTimestamp(from.maintenance_end_ms, pool->mutable_maintenance_end_time());
  }
  for (const auto& [name, value] : from.attributes) {
    (*pool->mutable_attributes())[name] = value;
  }
  for (const std::string& host : from.hosts)
    pool->add_hosts(host);
  // The numbers are the same.
  for (const internal::v1::SharedBy by : from.shared_by) {
    pool->add_shared_by(static_cast<monitoring::v1::SharedBy>(by));
  }
}

void DescribePool(const PoolView& from, monitoring::v1::Pool* pool) {
  pool->set_name(from.name);
  pool->set_feature(from.kind.feature);
  pool->set_total(from.total);
  pool->set_out(from.out);
  pool->set_free(from.free());
  pool->set_overdraft(from.overdraft);
  pool->set_model(ModelOf(from));
  pool->set_used(from.used);
  pool->set_borrowed(from.borrowed);
  DescribeKind(from.kind, pool);
  if (from.next_end_ms != 0) {
    SetTimestamp(from.next_end_ms, pool->mutable_end_time());
  }
}

void DescribeSession(const SessionRecord& from, int64_t now_cluster_ms,
                     monitoring::v1::Session* session) {
  session->set_name(SessionName(from.session_id()));
  DescribeClient(from.description(), session->mutable_client());
  session->set_principal(from.principal());
  SetTimestamp(from.opened_calendar_ms(), session->mutable_open_time());
  session->set_kind(KindOfSession(from));
  if (licensing::IsBorrow(from)) {
    SetTimestamp(from.borrowed_until_ms(), session->mutable_until_time());
    return;
  }
  session->set_job(from.booking().job());
  SetDuration(absl::Milliseconds(from.ttl_ms()), session->mutable_ttl());
  SetDuration(absl::Milliseconds(std::max<int64_t>(
                  from.lease_end_cluster_ms() - now_cluster_ms, 0)),
              session->mutable_lease_left());
  if (from.idle_since_cluster_ms() != 0) {
    SetDuration(
        absl::Milliseconds(now_cluster_ms - from.idle_since_cluster_ms()),
        session->mutable_idle());
  }
}

void DescribeLinger(const SessionRecord& session, int64_t now_cluster_ms,
                    monitoring::v1::HeldSeat* held) {
  if (!licensing::IsLinger(session)) return;
  SetDuration(absl::Milliseconds(std::max<int64_t>(
                  session.lease_end_cluster_ms() - now_cluster_ms, 0)),
              held->mutable_linger_left());
  SetDuration(absl::Milliseconds(session.ttl_ms()), held->mutable_linger());
}

void DescribeCall(const SeatRecord& seat, int64_t now_cluster_ms,
                  monitoring::v1::HeldSeat* held) {
  if (seat.call_due_cluster_ms() == 0) return;
  SetDuration(absl::Milliseconds(std::max<int64_t>(
                  seat.call_due_cluster_ms() - now_cluster_ms, 0)),
              held->mutable_call_left());
  held->set_call_rule(seat.call_rule());
}

void DescribeHeld(const Ledger& ledger, const SeatRecord& from,
                  monitoring::v1::HeldSeat* held) {
  DescribeSeat(from, held->mutable_seat());
  held->set_session(SessionName(from.session_id()));
  held->set_pool(from.pool().empty() ? from.feature() : from.pool());
  DescribeCall(from, ledger.time().cluster_ms, held);
  if (const SessionRecord* session = ledger.FindSession(from.session_id())) {
    DescribeClient(session->description(), held->mutable_client());
    DescribeLinger(*session, ledger.time().cluster_ms, held);
    held->set_kind(KindOfSession(*session));
    if (!licensing::IsBorrow(*session)) return;
    SetTimestamp(session->opened_calendar_ms(), held->mutable_borrow_time());
    SetTimestamp(session->borrowed_until_ms(), held->mutable_until_time());
  }
}

void WritePools(const Ledger& ledger, const ListPage& page,
                const monitoring::v1::ListPoolsRequest& request,
                monitoring::v1::ListPoolsResponse* response) {
  // One more tells whether there is a next page.
  const size_t limit = static_cast<size_t>(page.size) + 1;
  const std::vector<PoolView> pools =
      page.filter.field.empty()
          ? ledger.Pools(page.after_name, limit)
          : ledger.PoolsOfFeature(page.filter.value, page.after_name, limit);
  const size_t count = std::min(pools.size(), static_cast<size_t>(page.size));
  for (size_t i = 0; i < count; ++i) {
    DescribePool(pools[i], response->add_pools());
  }
  if (count < pools.size()) {
    response->set_next_page_token(
        TokenAfter(kPools, request.filter(), pools[count - 1].name));
  }
}

bool SessionPasses(const SessionRecord& session, const ListFilter& filter) {
  // A seat that lingers is nobody's.
  if (licensing::IsLinger(session)) return false;
  if (filter.field == "user")
    return session.description().user() == filter.value;
  if (filter.field == "host")
    return session.description().host() == filter.value;
  return true;
}

void WriteSessions(const Ledger& ledger, const ListPage& page,
                   const monitoring::v1::ListSessionsRequest& request,
                   monitoring::v1::ListSessionsResponse* response) {
  int visits = 0;
  uint64_t last = 0;
  bool more = false;
  ledger.VisitSessions(page.after_number, [&](const SessionRecord& record) {
    more = response->sessions_size() >= page.size || visits >= kMaxVisitsOfPage;
    if (more) return false;
    ++visits;
    last = record.session_id();
    if (!SessionPasses(record, page.filter)) return true;
    monitoring::v1::Session* session = response->add_sessions();
    DescribeSession(record, ledger.time().cluster_ms, session);
    uint32_t seats = 0;
    ledger.VisitSeatsOfSession(record.session_id(), 0,
                               [&seats](const SeatRecord&) {
                                 ++seats;
                                 return true;
                               });
    session->set_seat_count(seats);
    visits += static_cast<int>(seats);
    return true;
  });
  if (more) {
    response->set_next_page_token(
        TokenAfter(kSessions, request.filter(), last));
  }
}

void WriteSeats(const Ledger& ledger, const ListPage& page,
                const monitoring::v1::ListSeatsRequest& request,
                monitoring::v1::ListSeatsResponse* response) {
  uint64_t last = 0;
  bool more = false;
  const auto visit = [&](const SeatRecord& record) {
    more = response->seats_size() >= page.size;
    if (more) return false;
    last = record.handle();
    DescribeHeld(ledger, record, response->add_seats());
    return true;
  };
  if (page.filter.field == "feature") {
    ledger.VisitSeatsOfFeature(page.filter.value, page.after_number, visit);
  } else if (page.filter.field == "session") {
    ledger.VisitSeatsOfSession(ParseSessionName(page.filter.value).value_or(0),
                               page.after_number, visit);
  } else {
    ledger.VisitSeats(page.after_number, visit);
  }
  if (more) {
    response->set_next_page_token(TokenAfter(kSeats, request.filter(), last));
  }
}

bool PlacePasses(const QueuePlaceRecord& place, const ListFilter& filter) {
  if (filter.field == "session") {
    return ParseSessionName(filter.value) == place.session_id();
  }
  return filter.field.empty() ||
         std::any_of(place.items().begin(), place.items().end(),
                     [&filter](const internal::v1::CheckoutItem& item) {
                       return item.feature() == filter.value;
                     });
}

void DescribeQueued(const Ledger& ledger, const QueuePlaceRecord& from,
                    const licensing::QueuePosition& position,
                    monitoring::v1::QueuedCheckout* queued) {
  DescribePlace(from.number(), position, queued->mutable_place());
  queued->set_session(SessionName(from.session_id()));
  if (const SessionRecord* session = ledger.FindSession(from.session_id())) {
    DescribeClient(session->description(), queued->mutable_client());
  }
  for (const internal::v1::CheckoutItem& item : from.items()) {
    checkout::v1::CheckoutItem* const asked = queued->add_items();
    asked->set_feature(item.feature());
    asked->set_count(item.count());
  }
  queued->set_priority(from.priority());
  SetTimestamp(from.queued_calendar_ms(), queued->mutable_queue_time());
  SetDuration(absl::Milliseconds(std::max<int64_t>(
                  from.due_cluster_ms() - ledger.time().cluster_ms, 0)),
              queued->mutable_wait_left());
}

void WriteQueue(const Ledger& ledger, const ListPage& page,
                const monitoring::v1::ListQueueRequest& request,
                monitoring::v1::ListQueueResponse* response) {
  uint64_t visits = 0;
  uint64_t last = 0;
  bool more = false;
  ledger.VisitQueue(page.after_number, [&](const QueuePlaceRecord& record) {
    more =
        response->checkouts_size() >= page.size || visits >= kMaxVisitsOfPage;
    if (more) return false;
    ++visits;
    last = record.number();
    if (!PlacePasses(record, page.filter)) return true;
    // Those before it are counted one by one.
    const licensing::QueuePosition position =
        ledger.FindPosition(record.number());
    visits += position.number;
    DescribeQueued(ledger, record, position, response->add_checkouts());
    return true;
  });
  if (more) {
    response->set_next_page_token(TokenAfter(kQueue, request.filter(), last));
  }
}

}  // namespace

grpc::ServerUnaryReactor* MonitoringService::GetClusterStatus(
    grpc::CallbackServerContext* context,
    const monitoring::v1::GetClusterStatusRequest* request,
    monitoring::v1::GetClusterStatusResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->Begin(context, reactor, *request);
  if (!call.has_value()) return reactor;
  const NodeStatus status = calls_->deps().node->Status();
  FillLocalHeader(*calls_, status, response->mutable_header());
  for (const raft::MemberAddress& each : status.configuration.addresses) {
    DescribeMember(status, each, response->add_members());
    if (each.id == status.raft.leader) response->set_leader(each.name);
  }
  std::sort(
      response->mutable_members()->pointer_begin(),
      response->mutable_members()->pointer_end(),
      [](const monitoring::v1::Member* a, const monitoring::v1::Member* b) {
        return a->name() < b->name();
      });
  DescribeClocks(status, response);
  response->set_serving(status.serving);
  // The node publishes them one by one; what is applied was committed before.
  const raft::Index commit = std::max(status.raft.commit, status.applied);
  response->set_last_index(std::max(status.raft.last_index, commit).value());
  response->set_commit_index(commit.value());
  response->set_applied_index(status.applied.value());
  calls_->Succeed(*call);
  return reactor;
}

grpc::ServerUnaryReactor* MonitoringService::ListPools(
    grpc::CallbackServerContext* context,
    const monitoring::v1::ListPoolsRequest* request,
    monitoring::v1::ListPoolsResponse* response) {
  return AnswerList(calls_, kPools, context, request, response, WritePools);
}

grpc::ServerUnaryReactor* MonitoringService::ListSessions(
    grpc::CallbackServerContext* context,
    const monitoring::v1::ListSessionsRequest* request,
    monitoring::v1::ListSessionsResponse* response) {
  return AnswerList(calls_, kSessions, context, request, response,
                    WriteSessions);
}

grpc::ServerUnaryReactor* MonitoringService::ListSeats(
    grpc::CallbackServerContext* context,
    const monitoring::v1::ListSeatsRequest* request,
    monitoring::v1::ListSeatsResponse* response) {
  return AnswerList(calls_, kSeats, context, request, response, WriteSeats);
}

grpc::ServerUnaryReactor* MonitoringService::ListQueue(
    grpc::CallbackServerContext* context,
    const monitoring::v1::ListQueueRequest* request,
    monitoring::v1::ListQueueResponse* response) {
  return AnswerList(calls_, kQueue, context, request, response, WriteQueue);
}

}  // namespace quorate::server
