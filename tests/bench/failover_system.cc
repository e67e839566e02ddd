#include "tests/bench/failover_system.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "quorate/checkout/v1/checkout.grpc.pb.h"
#include "tests/bench/etcd_rpc.grpc.pb.h"

#include "base/status.h"
#include "tests/bench/etcd_load.h"
#include "tests/bench/quorate_load.h"
#include "tests/e2e/subprocess.h"

namespace quorate::bench {
namespace {

using checkout::v1::CheckoutService;
using Channels = std::vector<std::shared_ptr<grpc::Channel>>;

Channels ConnectEach(const ClusterAccess& access,
                     const std::vector<BenchMember>& members) {
  Channels channels;
  for (const BenchMember& member : members) {
    channels.push_back(access.Connect(member.endpoint));
  }
  return channels;
}

absl::Status RunScript(const std::string& script,
                       const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {
      "python3", absl::StrCat(QUORATE_SOURCE_DIR, "/tools/dev/", script)};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const e2e::CommandResult result = e2e::RunCommand(command);
  if (result.exit_code == 0) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat(script, ": ", result.output, result.errors));
}

class QuorateWrite final : public FailoverWrite {
 public:
  QuorateWrite(const Channels& channels, const std::string& session) {
    for (const auto& channel : channels) {
      stubs_.push_back(CheckoutService::NewStub(channel));
    }
    checkout_.set_session(session);
    checkout_.add_items()->set_feature(kBenchFeature);
    checkin_.set_session(session);
  }

  absl::Status Attempt(size_t member, absl::Duration limit) override {
    if (request_id_.empty()) request_id_ = UniqueRequestId();
    grpc::ClientContext context;
    SetDeadline(&context, limit);
    const grpc::Status status = handle_.has_value()
                                    ? CheckIn(member, &context)
                                    : CheckOut(member, &context);
    if (status.ok()) request_id_.clear();
    return ToAbsl(status);
  }

 private:
  grpc::Status CheckOut(size_t member, grpc::ClientContext* context) {
    checkout_.set_request_id(request_id_);
    checkout::v1::CheckoutResponse response;
    grpc::Status status =
        stubs_[member]->Checkout(context, checkout_, &response);
    if (status.ok()) handle_ = response.seats(0).handle();
    return status;
  }

  grpc::Status CheckIn(size_t member, grpc::ClientContext* context) {
    checkin_.set_request_id(request_id_);
    checkin_.clear_seats();
    checkin_.add_seats(*handle_);
    checkout::v1::CheckinResponse response;
    grpc::Status status = stubs_[member]->Checkin(context, checkin_, &response);
    if (status.ok()) handle_.reset();
    return status;
  }

  std::vector<std::unique_ptr<CheckoutService::Stub>> stubs_;
  checkout::v1::CheckoutRequest checkout_;
  checkout::v1::CheckinRequest checkin_;
  std::string request_id_;  // Of the write that is not acknowledged yet.
  std::optional<uint64_t> handle_;
};

class EtcdWrite final : public FailoverWrite {
 public:
  EtcdWrite(const Channels& channels, size_t number) {
    for (const auto& channel : channels) {
      stubs_.push_back(etcdserverpb::KV::NewStub(channel));
    }
    request_.set_key(absl::StrCat("failover/", number));
    request_.set_value(std::string(128, 'v'));
  }

  absl::Status Attempt(size_t member, absl::Duration limit) override {
    grpc::ClientContext context;
    SetDeadline(&context, limit);
    etcdserverpb::PutResponse response;
    return ToAbsl(stubs_[member]->Put(&context, request_, &response));
  }

 private:
  std::vector<std::unique_ptr<etcdserverpb::KV::Stub>> stubs_;
  etcdserverpb::PutRequest request_;
};

class QuorateSystem final : public FailoverSystem {
 public:
  explicit QuorateSystem(const ClusterAccess* access) : access_(access) {}

  std::string name() const override { return "quorate"; }

  absl::StatusOr<size_t> HealthyLeader() const override {
    QUORATE_ASSIGN_OR_RETURN(const std::vector<BenchMember> members, Members());
    std::string leader;
    for (const BenchMember& member : members) {
      const std::string named =
          ServingLeader(access_->Connect(member.endpoint));
      if (named.empty() || (!leader.empty() && named != leader)) {
        return absl::UnavailableError("not all members serve");
      }
      leader = named;
    }
    for (size_t i = 0; i < members.size(); ++i) {
      if (members[i].name == leader) return i;
    }
    return absl::InternalError(absl::StrCat("nobody is called ", leader));
  }

  absl::StatusOr<std::vector<std::unique_ptr<FailoverWrite>>> MakeWrites()
      const override {
    QUORATE_ASSIGN_OR_RETURN(const std::vector<BenchMember> members, Members());
    std::vector<std::unique_ptr<FailoverWrite>> writes;
    while (writes.size() < FailoverWriters::kWriters) {
      const Channels channels = ConnectEach(*access_, members);
      QUORATE_ASSIGN_OR_RETURN(const std::string session,
                               OpenSession(channels[0]));
      writes.push_back(std::make_unique<QuorateWrite>(channels, session));
    }
    return writes;
  }

  absl::Status Restart(const std::string& member) const override {
    return RunScript("cluster.py",
                     {"restart", member, "--dir", access_->directory(),
                      "--bin-dir", QUORATE_BIN_DIR});
  }

  absl::StatusOr<std::vector<BenchMember>> Members() const override {
    return access_->Members();
  }

 private:
  const ClusterAccess* const access_;  // Not owned.
};

class EtcdSystem final : public FailoverSystem {
 public:
  explicit EtcdSystem(const ClusterAccess* access) : access_(access) {}

  std::string name() const override { return "etcd"; }

  absl::StatusOr<size_t> HealthyLeader() const override {
    QUORATE_ASSIGN_OR_RETURN(const std::vector<BenchMember> members, Members());
    uint64_t leader = 0;
    std::optional<size_t> number;
    for (size_t i = 0; i < members.size(); ++i) {
      QUORATE_ASSIGN_OR_RETURN(
          const EtcdStatus status,
          StatusOfEtcd(access_->Connect(members[i].endpoint)));
      if (status.leader == 0 || (leader != 0 && status.leader != leader)) {
        return absl::UnavailableError("not all members follow one leader");
      }
      leader = status.leader;
      if (status.member == leader) number = i;
    }
    if (!number.has_value()) return absl::UnavailableError("nobody leads");
    return *number;
  }

  absl::StatusOr<std::vector<std::unique_ptr<FailoverWrite>>> MakeWrites()
      const override {
    QUORATE_ASSIGN_OR_RETURN(const std::vector<BenchMember> members, Members());
    std::vector<std::unique_ptr<FailoverWrite>> writes;
    while (writes.size() < FailoverWriters::kWriters) {
      writes.push_back(std::make_unique<EtcdWrite>(
          ConnectEach(*access_, members), writes.size()));
    }
    return writes;
  }

  absl::Status Restart(const std::string& member) const override {
    return RunScript("etcd_cluster.py",
                     {"restart", member, "--dir", access_->directory()});
  }

  absl::StatusOr<std::vector<BenchMember>> Members() const override {
    return access_->Members();
  }

 private:
  const ClusterAccess* const access_;  // Not owned.
};

}  // namespace

std::unique_ptr<FailoverSystem> QuorateForFailover(
    const ClusterAccess* access) {
  return std::make_unique<QuorateSystem>(access);
}

std::unique_ptr<FailoverSystem> EtcdForFailover(const ClusterAccess* access) {
  return std::make_unique<EtcdSystem>(access);
}

}  // namespace quorate::bench
