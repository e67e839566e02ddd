#include "tests/bench/quorate_load.h"

#include <atomic>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "quorate/checkout/v1/checkout.grpc.pb.h"
#include "quorate/monitoring/v1/monitoring.grpc.pb.h"

#include "base/random.h"
#include "base/status.h"
#include "tests/bench/unary_call.h"

namespace quorate::bench {
namespace {

using checkout::v1::CheckoutService;
using monitoring::v1::MonitoringService;

constexpr int64_t kTtlSeconds = 3600;
constexpr absl::Duration kStatusDeadline = absl::Seconds(2);

// A Checkout, then the Checkin of its seat, and so on.
class CheckoutSlot final : public Slot {
 public:
  CheckoutSlot(const std::shared_ptr<grpc::Channel>& channel,
               const std::string& session)
      : stub_(CheckoutService::NewStub(channel)) {
    checkout_request_.set_session(session);
    checkout_request_.add_items()->set_feature(kBenchFeature);
    checkin_request_.set_session(session);
  }

  void Begin(grpc::CompletionQueue* queue, void* tag) override {
    if (handle_.has_value()) {
      checkin_request_.set_request_id(UniqueRequestId());
      checkin_.Begin(
          [&](grpc::ClientContext* context) {
            return stub_->AsyncCheckin(context, checkin_request_, queue);
          },
          tag);
      return;
    }
    checkout_request_.set_request_id(UniqueRequestId());
    checkout_.Begin(
        [&](grpc::ClientContext* context) {
          return stub_->AsyncCheckout(context, checkout_request_, queue);
        },
        tag);
  }

  SlotStep End(bool /*ok*/) override {
    if (handle_.has_value()) {
      failure_ = checkin_.status();
      handle_.reset();
    } else {
      failure_ = checkout_.status();
      if (failure_.ok()) {
        handle_ = checkout_.response().seats(0).handle();
        checkin_request_.clear_seats();
        checkin_request_.add_seats(*handle_);
      }
    }
    return failure_.ok() ? SlotStep::kDone : SlotStep::kFailed;
  }

  bool AtRest() const override { return !handle_.has_value(); }

 private:
  const std::unique_ptr<CheckoutService::Stub> stub_;
  checkout::v1::CheckoutRequest checkout_request_;
  checkout::v1::CheckinRequest checkin_request_;
  UnaryCall<checkout::v1::CheckoutResponse> checkout_;
  UnaryCall<checkout::v1::CheckinResponse> checkin_;
  std::optional<uint64_t> handle_;
};

class ReadSlot final : public Slot {
 public:
  explicit ReadSlot(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(MonitoringService::NewStub(channel)) {
    request_.set_filter(absl::StrCat("feature=\"", kBenchFeature, "\""));
  }

  void Begin(grpc::CompletionQueue* queue, void* tag) override {
    call_.Begin(
        [&](grpc::ClientContext* context) {
          return stub_->AsyncListPools(context, request_, queue);
        },
        tag);
  }

  SlotStep End(bool /*ok*/) override {
    failure_ = call_.status();
    return failure_.ok() ? SlotStep::kDone : SlotStep::kFailed;
  }

 private:
  const std::unique_ptr<MonitoringService::Stub> stub_;
  monitoring::v1::ListPoolsRequest request_;
  UnaryCall<monitoring::v1::ListPoolsResponse> call_;
};

// Begins its stream with the first operation.
class RenewalSlot final : public Slot {
 public:
  RenewalSlot(const std::shared_ptr<grpc::Channel>& channel,
              const std::vector<std::string>& sessions)
      : stub_(CheckoutService::NewStub(channel)) {
    request_.mutable_sessions()->Assign(sessions.begin(), sessions.end());
  }

  void Begin(grpc::CompletionQueue* queue, void* tag) override {
    switch (next_) {
      case Next::kStart:
        stream_ = stub_->AsyncKeepAlive(&context_, queue, tag);
        return;
      case Next::kWrite:
        request_.set_sequence(request_.sequence() + 1);
        stream_->Write(request_, tag);
        return;
      case Next::kRead:
        stream_->Read(&response_, tag);
        return;
    }
  }

  SlotStep End(bool ok) override {
    if (!ok) {
      failure_ = absl::UnavailableError("the stream of renewals broke");
      return SlotStep::kFailed;
    }
    if (next_ != Next::kRead) {
      next_ = next_ == Next::kStart ? Next::kWrite : Next::kRead;
      return SlotStep::kAgain;
    }
    next_ = Next::kWrite;
    if (response_.renewals_size() == request_.sessions_size()) {
      return SlotStep::kDone;
    }
    failure_ = absl::UnavailableError("a renewal was refused");
    return SlotStep::kFailed;
  }

  bool Close(void* tag) override {
    context_.TryCancel();
    stream_->Finish(&status_, tag);
    return true;
  }

 private:
  enum class Next { kStart, kWrite, kRead };

  const std::unique_ptr<CheckoutService::Stub> stub_;
  checkout::v1::KeepAliveRequest request_;
  checkout::v1::KeepAliveResponse response_;
  grpc::ClientContext context_;
  grpc::Status status_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<
      checkout::v1::KeepAliveRequest, checkout::v1::KeepAliveResponse>>
      stream_;
  Next next_ = Next::kStart;
};

}  // namespace

std::string UniqueRequestId() {
  // As long as a UUID.
  static const uint64_t run = SystemRandomId();
  static std::atomic<uint64_t> calls = 0;
  return absl::StrFormat("%016x-%019d", run,
                         calls.fetch_add(1, std::memory_order_relaxed));
}

std::string ServingLeader(const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = MonitoringService::NewStub(channel);
  grpc::ClientContext context;
  SetDeadline(&context, kStatusDeadline);
  context.set_wait_for_ready(true);
  monitoring::v1::GetClusterStatusResponse response;
  const grpc::Status status = stub->GetClusterStatus(&context, {}, &response);
  return status.ok() && response.serving() ? response.leader() : "";
}

absl::StatusOr<std::string> OpenSession(
    const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = CheckoutService::NewStub(channel);
  checkout::v1::OpenSessionRequest request;
  request.set_request_id(UniqueRequestId());
  request.mutable_client()->set_user("bench");
  request.mutable_client()->set_host("localhost");
  request.mutable_ttl()->set_seconds(kTtlSeconds);
  grpc::ClientContext context;
  SetDeadline(&context, kCallDeadline);
  checkout::v1::OpenSessionResponse response;
  const grpc::Status status = stub->OpenSession(&context, request, &response);
  if (!status.ok()) return Annotate(ToAbsl(status), "open a session");
  return response.session();
}

QuorateLoad::QuorateLoad(const ClusterAccess* access,
                         std::vector<BenchMember> members)
    : access_(access), connections_(access, std::move(members)) {}

absl::StatusOr<std::unique_ptr<QuorateLoad>> QuorateLoad::Create(
    const ClusterAccess* access) {
  QUORATE_ASSIGN_OR_RETURN(std::vector<BenchMember> members, access->Members());
  std::unique_ptr<QuorateLoad> load(
      new QuorateLoad(access, std::move(members)));
  QUORATE_RETURN_IF_ERROR(load->OpenSessions());
  return load;
}

absl::Status QuorateLoad::OpenSessions() {
  QUORATE_ASSIGN_OR_RETURN(const size_t leader, Leader());
  const auto channel = connections_.For(0, Placement::kLeader, leader);
  while (sessions_.size() < kSessions) {
    QUORATE_ASSIGN_OR_RETURN(std::string session, OpenSession(channel));
    sessions_.push_back(std::move(session));
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> QuorateLoad::Leader() const {
  const std::vector<BenchMember>& members = connections_.members();
  for (const BenchMember& asked : members) {
    const std::string leader = ServingLeader(access_->Connect(asked.endpoint));
    for (size_t i = 0; i < members.size(); ++i) {
      if (members[i].name == leader) return i;
    }
  }
  return absl::UnavailableError("no member of Quorate knows a leader");
}

Slots QuorateLoad::CheckoutSlots(size_t count, Placement placement,
                                 size_t leader) {
  Slots slots;
  for (size_t i = 0; i < count; ++i) {
    slots.push_back(std::make_unique<CheckoutSlot>(
        connections_.For(i, placement, leader), sessions_[i % kSessions]));
  }
  return slots;
}

Slots QuorateLoad::ReadSlots(size_t count, Placement placement, size_t leader) {
  Slots slots;
  for (size_t i = 0; i < count; ++i) {
    slots.push_back(
        std::make_unique<ReadSlot>(connections_.For(i, placement, leader)));
  }
  return slots;
}

Slots QuorateLoad::RenewalSlots(size_t count, size_t sessions,
                                Placement placement, size_t leader) {
  Slots slots;
  for (size_t i = 0; i < count; ++i) {
    std::vector<std::string> names;
    for (size_t k = 0; k < sessions; ++k) {
      names.push_back(sessions_[(i * sessions + k) % kSessions]);
    }
    slots.push_back(std::make_unique<RenewalSlot>(
        connections_.For(i, placement, leader), names));
  }
  return slots;
}

}  // namespace quorate::bench
