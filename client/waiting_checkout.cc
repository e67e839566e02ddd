// Checkouts that wait in the cluster's queue.

#include <algorithm>
#include <utility>

#include "quorate/checkout/v1/checkout.pb.h"

#include "base/status.h"
#include "client/error.h"
#include "client/messages.h"
#include "client/session_core.h"

namespace quorate {
namespace {

// The grant comes as news over the keep-alive stream. News may be lost with a
// stream, so the cluster is asked as well, less and less often.
constexpr absl::Duration kFirstPause = absl::Seconds(1);
constexpr absl::Duration kLongestPause = absl::Seconds(15);

// The place stays while nobody can be asked.
bool PlaceStays(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         ReasonOf(status) == ErrorReason::kDiskFull;
}

QueuePlace PlaceOf(const checkout::v1::QueuePlace& place) {
  return {.number = place.number(),
          .position = place.position(),
          .expected_wait = FromProto(place.expected_wait())};
}

}  // namespace

absl::StatusOr<std::vector<Seat>> SessionCore::CheckoutOrWait(
    absl::Span<const SeatRequest> requests, const WaitOptions& wait,
    const CallOptions& options) {
  QUORATE_RETURN_IF_ERROR(CheckOpen());
  checkout::v1::CheckoutRequest request;
  QUORATE_RETURN_IF_ERROR(Fill(requests, options, &request));
  *request.mutable_wait() = ToProto(wait.wait);
  request.set_priority(wait.priority);
  const std::string id = request.request_id();
  {
    MutexLock lock(&mu_);
    waiting_[id] = {};
  }
  auto seats = AskUntilSettled(request, requests.size(), wait, options);
  MutexLock lock(&mu_);
  waiting_.erase(id);
  return seats;
}

absl::StatusOr<std::vector<Seat>> SessionCore::AskUntilSettled(
    const checkout::v1::CheckoutRequest& request, size_t wanted,
    const WaitOptions& wait, const CallOptions& options) {
  bool queued = false;
  absl::Duration pause = kFirstPause;
  while (true) {
    checkout::v1::CheckoutResponse response;
    const absl::Status status = Ask(request, options, &response);
    if (status.ok() && !response.has_queue_place()) {
      return Take(response, wanted);
    }
    if (!status.ok() && (!queued || !PlaceStays(status))) {
      // It may have a place all the same.
      if (PlaceStays(status) || absl::IsCancelled(status)) {
        GiveUpLater(request.request_id());
      }
      return status;
    }
    if (status.ok()) {
      if (wait.on_place) wait.on_place(PlaceOf(response.queue_place()));
      // From now on a stream is there to bring the news.
      if (!queued) client_->keep_alive().RenewNow(name_);
      queued = true;
    }
    if (!WaitForNews(request.request_id(), pause)) {
      GiveUpLater(request.request_id());
      return absl::CancelledError("the wait was cancelled");
    }
    QUORATE_RETURN_IF_ERROR(CheckOpen());
    pause = std::min(2 * pause, kLongestPause);
  }
}

bool SessionCore::WaitForNews(const std::string& request_id,
                              absl::Duration span) {
  const absl::Duration end = client_->clock().SinceBoot() + span;
  MutexLock lock(&mu_);
  Waiting& waiting = waiting_[request_id];
  while (!waiting.cancelled && !waiting.news && state_ == State::kOpen) {
    const absl::Duration left = end - client_->clock().SinceBoot();
    if (left <= absl::ZeroDuration()) break;
    news_came_.WaitFor(&mu_, left);
  }
  waiting.news = false;
  return !waiting.cancelled;
}

void SessionCore::OnGranted(const std::string& request_id) {
  MutexLock lock(&mu_);
  const auto waiting = waiting_.find(request_id);
  if (waiting == waiting_.end()) return;
  waiting->second.news = true;
  news_came_.NotifyAll();
}

void SessionCore::CancelWaits() {
  MutexLock lock(&mu_);
  for (auto& [request_id, waiting] : waiting_) {
    waiting.cancelled = true;
  }
  news_came_.NotifyAll();
}

void SessionCore::GiveUpLater(const std::string& request_id) {
  checkout::v1::CancelCheckoutRequest request;
  request.set_request_id(DrawRequestId());
  request.set_session(name_);
  request.set_checkout_request_id(request_id);
  client_->returns().Push([self = shared_from_this(), request] {
    checkout::v1::CancelCheckoutResponse response;
    // Where it fails, the place goes with the session.
    self->client_->caller()
        .Run(self->client_->Limits({}),
             [&](const Connection& connection, grpc::ClientContext* context) {
               return connection.checkout->CancelCheckout(context, request,
                                                          &response);
             })
        .IgnoreError();
  });
}

}  // namespace quorate
