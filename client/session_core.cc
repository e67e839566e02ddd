#include "client/session_core.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "quorate/checkout/v1/checkout.pb.h"

#include "base/status.h"
#include "base/utf8.h"
#include "client/error.h"
#include "client/process_identity.h"
#include "client/rpc_status.h"

namespace quorate {
namespace {

// How long ~Client may take for closing what is open.
constexpr absl::Duration kShutdownTime = absl::Seconds(2);

// CheckinRequest.seats takes at most so many.
constexpr size_t kMaxReturns = 1000;

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) +
         absl::Nanoseconds(duration.nanos());
}

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) +
         absl::Nanoseconds(time.nanos());
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration result;
  const int64_t seconds =
      absl::IDivDuration(duration, absl::Seconds(1), &duration);
  result.set_seconds(seconds);
  result.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return result;
}

std::string RequestId(const CallOptions& options) {
  return options.request_id.empty() ? DrawRequestId() : options.request_id;
}

// A message with another string is refused by the transport, without a reason.
absl::Status CheckText(absl::string_view field, absl::string_view text) {
  if (IsUtf8(text)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, " is not UTF-8"));
}

absl::Status FillItem(const SeatRequest& wanted,
                      checkout::v1::CheckoutItem* item) {
  for (const auto& [field, text] :
       {std::pair("feature", &wanted.feature),
        std::pair("version", &wanted.version),
        std::pair("share_key", &wanted.share_key)}) {
    QUORATE_RETURN_IF_ERROR(CheckText(field, *text));
  }
  item->set_feature(wanted.feature);
  item->set_count(wanted.count);
  item->set_version(wanted.version);
  item->set_share_key(wanted.share_key);
  if (wanted.released == absl::InfiniteFuture()) {
    return absl::InvalidArgumentError("released must be a time");
  }
  if (wanted.released != absl::InfinitePast()) {
    item->mutable_release_time()->set_seconds(
        absl::ToUnixSeconds(wanted.released));
  }
  for (const auto& [name, value] : wanted.attributes) {
    QUORATE_RETURN_IF_ERROR(CheckText("attribute", name));
    QUORATE_RETURN_IF_ERROR(CheckText("attribute", value));
    (*item->mutable_attributes())[name] = value;
  }
  return absl::OkStatus();
}

absl::Status SessionLost() {
  return Refusal(absl::StatusCode::kNotFound, ErrorReason::kSessionNotFound,
                 "the session was lost before: open another one");
}

bool SaysGone(const absl::Status& status) {
  return ReasonOf(status) == ErrorReason::kSessionNotFound ||
         ReasonOf(status) == ErrorReason::kSessionTerminated;
}

LossReason LossOf(const absl::Status& status) {
  return ReasonOf(status) == ErrorReason::kSessionTerminated
             ? LossReason::kTerminated
             : LossReason::kGone;
}

}  // namespace

SessionCore::SessionCore(std::shared_ptr<ClientCore> client, std::string name,
                         absl::Duration ttl, Callbacks callbacks)
    : client_(std::move(client)),
      name_(std::move(name)),
      ttl_(ttl),
      callbacks_(std::move(callbacks)) {}

void SessionCore::Start(absl::Duration sent) {
  valid_until_ns_ = absl::ToInt64Nanoseconds(sent + ttl_);
  // Weak: a listener must not keep the session from ending.
  const std::weak_ptr<SessionCore> weak = weak_from_this();
  client_->keep_alive().Add(
      name_, ttl_, sent,
      {.extended =
           [weak](absl::Duration valid_until) {
             const auto self = weak.lock();
             if (self == nullptr || self->state() != State::kOpen) return;
             self->valid_until_ns_ = absl::ToInt64Nanoseconds(valid_until);
           },
       .lost =
           [weak](LossReason reason) {
             if (const auto self = weak.lock()) self->Lose(reason);
           },
       .news =
           [weak](const checkout::v1::SessionEvent& event) {
             if (const auto self = weak.lock()) self->OnNews(event);
           }});
}

absl::Duration SessionCore::TimeLeft() const {
  const absl::Duration until = absl::Nanoseconds(valid_until_ns_.load());
  return std::max(until - client_->clock().SinceBoot(), absl::ZeroDuration());
}

bool SessionCore::Holds(uint64_t seat) const {
  if (TimeLeft() <= absl::ZeroDuration()) return false;
  if (!some_released_.load()) return true;
  MutexLock lock(&mu_);
  return released_.count(seat) == 0;
}

std::string SessionCore::termination_reason() const {
  MutexLock lock(&mu_);
  return termination_reason_;
}

void SessionCore::OnNews(const checkout::v1::SessionEvent& event) {
  if (event.has_queue_granted()) OnGranted(event.queue_granted().request_id());
  if (event.has_seat_released()) {
    OnSeatReleased(event.seat_released().seat().handle(),
                   event.seat_released().reason());
  }
  if (event.has_terminated()) {
    {
      MutexLock lock(&mu_);
      termination_reason_ = event.terminated().reason();
    }
    Lose(LossReason::kTerminated);
  }
}

void SessionCore::OnSeatReleased(uint64_t seat, const std::string& reason) {
  {
    MutexLock lock(&mu_);
    if (state_ != State::kOpen) return;
    released_.insert(seat);
  }
  some_released_ = true;
  client_->callbacks().Push([self = shared_from_this(), seat, reason] {
    self->RunCallback([seat, reason](const Callbacks& callbacks) {
      if (callbacks.seat_released) callbacks.seat_released(seat, reason);
    });
  });
}

absl::Status SessionCore::Resize(uint64_t seat, uint32_t count,
                                 const CallOptions& options) {
  QUORATE_RETURN_IF_ERROR(CheckOpen());
  checkout::v1::ResizeSeatRequest request;
  request.set_request_id(RequestId(options));
  request.set_session(name_);
  request.set_seat(seat);
  request.set_count(count);
  checkout::v1::ResizeSeatResponse response;
  absl::Status status = client_->caller().Run(
      client_->Limits(options),
      [&](const Connection& connection, grpc::ClientContext* context) {
        return connection.checkout->ResizeSeat(context, request, &response);
      });
  if (SaysGone(status)) Lose(LossOf(status));
  return status;
}

SessionCore::State SessionCore::state() const {
  MutexLock lock(&mu_);
  return state_;
}

bool SessionCore::Leave(State next) {
  MutexLock lock(&mu_);
  if (state_ != State::kOpen) return false;
  state_ = next;
  valid_until_ns_ = 0;
  news_came_.NotifyAll();
  return true;
}

absl::Status SessionCore::CheckOpen() const {
  switch (state()) {
    case State::kOpen:
      return absl::OkStatus();
    case State::kLost:
      return SessionLost();
    case State::kClosed:
      break;
  }
  return absl::FailedPreconditionError("the session is closed");
}

absl::Status SessionCore::Fill(absl::Span<const SeatRequest> requests,
                               const CallOptions& options,
                               checkout::v1::CheckoutRequest* request) const {
  request->set_request_id(RequestId(options));
  request->set_session(name_);
  QUORATE_RETURN_IF_ERROR(CheckText("request_id", request->request_id()));
  for (const SeatRequest& wanted : requests) {
    QUORATE_RETURN_IF_ERROR(FillItem(wanted, request->add_items()));
  }
  return absl::OkStatus();
}

absl::Status SessionCore::Ask(const checkout::v1::CheckoutRequest& request,
                              const CallOptions& options,
                              checkout::v1::CheckoutResponse* response) {
  absl::Status status = client_->caller().Run(
      client_->Limits(options),
      [&](const Connection& connection, grpc::ClientContext* context) {
        response->Clear();
        return connection.checkout->Checkout(context, request, response);
      });
  if (SaysGone(status)) Lose(LossOf(status));
  return status;
}

absl::StatusOr<std::vector<Seat>> SessionCore::Take(
    const checkout::v1::CheckoutResponse& response, size_t wanted) {
  std::vector<Seat> seats;
  for (const checkout::v1::Seat& seat : response.seats()) {
    seats.emplace_back(shared_from_this(),
                       Seat::Grant{.handle = seat.handle(),
                                   .feature = seat.feature(),
                                   .count = seat.count(),
                                   .grant_time = FromProto(seat.grant_time())});
  }
  if (seats.size() != wanted) {
    return absl::InternalError("the member answered with too few seats");
  }
  return seats;
}

absl::StatusOr<std::vector<Seat>> SessionCore::Checkout(
    absl::Span<const SeatRequest> requests, const CallOptions& options) {
  QUORATE_RETURN_IF_ERROR(CheckOpen());
  checkout::v1::CheckoutRequest request;
  QUORATE_RETURN_IF_ERROR(Fill(requests, options, &request));
  checkout::v1::CheckoutResponse response;
  QUORATE_RETURN_IF_ERROR(Ask(request, options, &response));
  return Take(response, requests.size());
}

absl::Status SessionCore::Checkin(uint64_t seat, const CallOptions& options) {
  switch (state()) {
    case State::kOpen:
      break;
    case State::kLost:
      return SessionLost();
    case State::kClosed:
      return absl::OkStatus();
  }
  checkout::v1::CheckinRequest request;
  request.set_request_id(RequestId(options));
  request.set_session(name_);
  request.add_seats(seat);
  checkout::v1::CheckinResponse response;
  absl::Status status = client_->caller().Run(
      client_->Limits(options),
      [&](const Connection& connection, grpc::ClientContext* context) {
        return connection.checkout->Checkin(context, request, &response);
      });
  if (SaysGone(status)) Lose(LossOf(status));
  return status;
}

void SessionCore::CheckinLater(uint64_t seat) {
  bool first = false;
  {
    MutexLock lock(&mu_);
    if (state_ != State::kOpen) return;
    first = returns_.empty();
    returns_.push_back(seat);
  }
  if (!first) return;  // The task that is waiting takes this one along.
  client_->returns().Push(
      [self = shared_from_this()] { self->FlushReturns(); });
}

void SessionCore::FlushReturns() {
  std::vector<uint64_t> seats;
  {
    MutexLock lock(&mu_);
    seats.swap(returns_);
    if (state_ != State::kOpen) return;
  }
  for (size_t begin = 0; begin < seats.size(); begin += kMaxReturns) {
    checkout::v1::CheckinRequest request;
    request.set_request_id(DrawRequestId());
    request.set_session(name_);
    const size_t end = std::min(begin + kMaxReturns, seats.size());
    for (size_t i = begin; i < end; ++i) {
      request.add_seats(seats[i]);
    }
    checkout::v1::CheckinResponse response;
    absl::Status status = client_->caller().Run(
        client_->Limits({}),
        [&](const Connection& connection, grpc::ClientContext* context) {
          return connection.checkout->Checkin(context, request, &response);
        });
    if (SaysGone(status)) return Lose(LossOf(status));
    if (ReasonOf(status) != ErrorReason::kSeatNotFound) continue;
    // All or none: one that is lost must not keep the others out.
    if (end - begin == 1) continue;
    for (size_t i = begin; i < end; ++i) {
      Checkin(seats[i], {}).IgnoreError();
    }
  }
}

absl::Status SessionCore::Close(const CallOptions& options) {
  if (!Leave(State::kClosed)) return absl::OkStatus();
  client_->keep_alive().Remove(name_);
  client_->Forget(name_);
  return SendClose(options);
}

absl::Status SessionCore::SendClose(const CallOptions& options) {
  checkout::v1::CloseSessionRequest request;
  request.set_request_id(RequestId(options));
  request.set_session(name_);
  checkout::v1::CloseSessionResponse response;
  absl::Status status = client_->caller().Run(
      client_->Limits(options),
      [&](const Connection& connection, grpc::ClientContext* context) {
        return connection.checkout->CloseSession(context, request, &response);
      });
  return SaysGone(status) ? absl::OkStatus() : status;
}

void SessionCore::CloseLater() {
  if (state() != State::kOpen) return;
  client_->returns().Push(
      [self = shared_from_this()] { self->Close({}).IgnoreError(); });
}

void SessionCore::Lose(LossReason reason) {
  if (!Leave(State::kLost)) return;
  client_->keep_alive().Remove(name_);
  client_->Forget(name_);
  if (reason == LossReason::kTimedOut) {
    // The cluster may have stood still and hold the seats yet: others wait.
    CloseAfterLoss();
  }
  // The callback may call the library, and takes its time: on its own thread.
  client_->callbacks().Push([self = shared_from_this(), reason] {
    self->RunCallback([reason](const Callbacks& callbacks) {
      if (callbacks.lost) callbacks.lost(reason);
    });
    // The application has saved and stopped: now others may have the seats.
    if (reason == LossReason::kTerminated) self->CloseAfterLoss();
  });
}

void SessionCore::CloseAfterLoss() {
  client_->returns().Push(
      [self = shared_from_this()] { self->SendClose({}).IgnoreError(); });
}

void SessionCore::RunCallback(
    const std::function<void(const Callbacks&)>& call) {
  Callbacks callbacks;
  {
    MutexLock lock(&mu_);
    if (silent_) return;
    callbacks = callbacks_;
    callback_thread_ = std::this_thread::get_id();
  }
  call(callbacks);
  callbacks = {};
  MutexLock lock(&mu_);
  callback_thread_ = std::thread::id();
  callback_done_.NotifyAll();
}

void SessionCore::Silence() {
  MutexLock lock(&mu_);
  silent_ = true;
  callbacks_ = {};
  while (callback_thread_ != std::thread::id() &&
         callback_thread_ != std::this_thread::get_id()) {
    callback_done_.Wait(&mu_);
  }
}

void SessionCore::Abandon() {
  Leave(State::kClosed);
}

ClientCore::ClientCore(ClientOptions options, const Clock* clock)
    : options_(std::move(options)),
      clock_(clock),
      endpoints_(options_, clock),
      caller_(&endpoints_, clock),
      keep_alive_(&endpoints_, clock, options_.keep_alive_answer),
      returns_(clock),
      callbacks_(clock) {}

CallLimits ClientCore::Limits(const CallOptions& options) const {
  const absl::Duration deadline = options.deadline > absl::ZeroDuration()
                                      ? options.deadline
                                      : options_.deadline;
  return {.deadline = std::min(deadline, ClientOptions::kMaxDeadline),
          .first_attempt = options_.first_attempt};
}

absl::StatusOr<std::shared_ptr<SessionCore>> ClientCore::Open(
    SessionOptions options, const CallOptions& call) {
  checkout::v1::OpenSessionRequest request;
  request.set_request_id(RequestId(call));
  checkout::v1::ClientDescription* client = request.mutable_client();
  client->set_user(options.user.empty() ? LoginName() : options.user);
  client->set_host(options.host.empty() ? HostName() : options.host);
  client->set_display(options.display);
  client->set_application(options.application);
  client->set_version(options.version);
  client->set_project(options.project);
  client->set_process_id(options.process_id != 0 ? options.process_id
                                                 : ProcessId());
  *request.mutable_ttl() = ToProto(options.ttl);
  for (const auto& [field, text] :
       {std::pair("request_id", &request.request_id()),
        std::pair("user", &client->user()), std::pair("host", &client->host()),
        std::pair("display", &client->display()),
        std::pair("application", &client->application()),
        std::pair("version", &client->version()),
        std::pair("project", &client->project())}) {
    QUORATE_RETURN_IF_ERROR(CheckText(field, *text));
  }
  checkout::v1::OpenSessionResponse response;
  // Before the first attempt: the lease may have begun with any of them.
  const absl::Duration sent = clock_->SinceBoot();
  QUORATE_RETURN_IF_ERROR(caller_.Run(
      Limits(call),
      [&](const Connection& connection, grpc::ClientContext* context) {
        response.Clear();
        return connection.checkout->OpenSession(context, request, &response);
      }));
  const absl::Duration ttl = FromProto(response.ttl());
  if (response.session().empty() || ttl <= absl::ZeroDuration()) {
    return absl::InternalError("the member answered without a session");
  }
  auto session = std::make_shared<SessionCore>(
      shared_from_this(), response.session(), ttl,
      SessionCore::Callbacks{
          .lost = std::move(options.on_lost),
          .seat_released = std::move(options.on_seat_released)});
  {
    MutexLock lock(&mu_);
    open_[session->name()] = session;
  }
  session->Start(sent);
  return session;
}

void ClientCore::Forget(const std::string& session) {
  MutexLock lock(&mu_);
  open_.erase(session);
}

std::vector<std::shared_ptr<SessionCore>> ClientCore::OpenSessions() {
  std::vector<std::shared_ptr<SessionCore>> open;
  MutexLock lock(&mu_);
  for (const auto& [name, weak] : open_) {
    if (auto session = weak.lock()) open.push_back(std::move(session));
  }
  return open;
}

void ClientCore::CancelCalls() {
  caller_.Cancel();
  for (const auto& session : OpenSessions()) {
    session->CancelWaits();
  }
}

void ClientCore::Shutdown() {
  CancelCalls();
  const std::vector<std::shared_ptr<SessionCore>> open = OpenSessions();
  for (const auto& session : open) {
    session->CloseLater();
  }
  returns_.Drain(kShutdownTime);
  caller_.Stop();
  returns_.Stop();
  keep_alive_.Stop();
  callbacks_.Stop();
  for (const auto& session : open) {
    session->Abandon();
  }
}

}  // namespace quorate
