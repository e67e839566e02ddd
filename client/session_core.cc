#include "client/session_core.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "quorate/checkout/v1/checkout.pb.h"

#include "base/status.h"
#include "client/error.h"
#include "client/messages.h"
#include "client/rpc_status.h"

namespace quorate {
namespace {

// Activities that are closer together are one.
constexpr absl::Duration kActivityGrain = absl::Seconds(1);

// CheckinRequest.seats takes at most so many.
constexpr size_t kMaxReturns = 1000;

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
           [weak](absl::Duration valid_until, uint64_t seats_taken) {
             const auto self = weak.lock();
             if (self == nullptr || self->state() != State::kOpen) return;
             self->valid_until_ns_ = absl::ToInt64Nanoseconds(valid_until);
             self->OnSeatsTaken(seats_taken);
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
  if (event.has_seat_idle()) {
    OnSeatIdle(event.seat_idle().seat().handle(),
               FromProto(event.seat_idle().left()));
  }
  if (event.has_seat_called_back()) {
    const checkout::v1::SeatCalledBack& call = event.seat_called_back();
    OnSeatCalledBack(call.seat().handle(), call.has_left()
                                               ? FromProto(call.left())
                                               : absl::InfiniteDuration());
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
    if (state_ != State::kOpen || !released_.insert(seat).second) return;
    held_.erase(seat);
    ++taken_;
  }
  some_released_ = true;
  client_->callbacks().Push([self = shared_from_this(), seat, reason] {
    self->RunCallback([seat, reason](const Callbacks& callbacks) {
      if (callbacks.seat_released) callbacks.seat_released(seat, reason);
    });
  });
}

void SessionCore::OnSeatIdle(uint64_t seat, absl::Duration left) {
  if (state() != State::kOpen) return;
  warned_ = true;
  client_->callbacks().Push([self = shared_from_this(), seat, left] {
    self->RunCallback([seat, left](const Callbacks& callbacks) {
      if (callbacks.seat_idle) callbacks.seat_idle(seat, left);
    });
  });
}

void SessionCore::OnSeatCalledBack(uint64_t seat, absl::Duration left) {
  if (state() != State::kOpen) return;
  client_->callbacks().Push([self = shared_from_this(), seat, left] {
    self->RunCallback([seat, left](const Callbacks& callbacks) {
      if (callbacks.seat_called_back) callbacks.seat_called_back(seat, left);
    });
  });
}

void SessionCore::ReportActivity() {
  const absl::Duration now = client_->clock().SinceBoot();
  const absl::Duration before = absl::Nanoseconds(active_at_ns_.load());
  const bool warned = warned_.exchange(false);
  // More often is not told apart.
  if (!warned && before != absl::ZeroDuration() &&
      now - before < kActivityGrain) {
    return;
  }
  active_at_ns_ = absl::ToInt64Nanoseconds(now);
  client_->keep_alive().ReportActivity(name_);
  if (warned) client_->keep_alive().RenewNow(name_);
}

absl::Status SessionCore::Heed(absl::Status status) {
  if (SaysGone(status)) Lose(LossOf(status));
  return status;
}

absl::Status SessionCore::Resize(uint64_t seat, uint32_t count,
                                 const CallOptions& options) {
  QUORATE_RETURN_IF_ERROR(CheckOpen());
  checkout::v1::ResizeSeatRequest request;
  request.set_request_id(RequestIdOf(options));
  request.set_session(name_);
  request.set_seat(seat);
  request.set_count(count);
  checkout::v1::ResizeSeatResponse response;
  return Heed(client_->caller().Run(
      client_->Limits(options),
      [&](const Connection& connection, grpc::ClientContext* context) {
        return connection.checkout->ResizeSeat(context, request, &response);
      }));
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
  request->set_request_id(RequestIdOf(options));
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
  return Heed(client_->caller().Run(
      client_->Limits(options),
      [&](const Connection& connection, grpc::ClientContext* context) {
        response->Clear();
        return connection.checkout->Checkout(context, request, response);
      }));
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
    Hold(seat.handle());
  }
  if (seats.size() != wanted) {
    return absl::InternalError("the member answered with too few seats");
  }
  // Who has just got a seat is not idle.
  if (active_at_ns_ != 0) ReportActivity();
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
  LetGo(seat);
  switch (state()) {
    case State::kOpen:
      break;
    case State::kLost:
      return SessionLost();
    case State::kClosed:
      return absl::OkStatus();
  }
  checkout::v1::CheckinRequest request;
  request.set_request_id(RequestIdOf(options));
  request.set_session(name_);
  request.add_seats(seat);
  checkout::v1::CheckinResponse response;
  return Heed(client_->caller().Run(
      client_->Limits(options),
      [&](const Connection& connection, grpc::ClientContext* context) {
        return connection.checkout->Checkin(context, request, &response);
      }));
}

void SessionCore::CheckinLater(uint64_t seat) {
  bool first = false;
  {
    MutexLock lock(&mu_);
    if (state_ != State::kOpen) return;
    held_.erase(seat);
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
    if (ReasonOf(status) != ErrorReason::kSeatNotFound &&
        ReasonOf(status) != ErrorReason::kGrantIsBorrowed) {
      continue;
    }
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

void SessionCore::Detach() {
  if (!Leave(State::kClosed)) return;
  client_->keep_alive().Remove(name_);
  client_->Forget(name_);
}

absl::Status SessionCore::SendClose(const CallOptions& options) {
  checkout::v1::CloseSessionRequest request;
  request.set_request_id(RequestIdOf(options));
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

}  // namespace quorate
