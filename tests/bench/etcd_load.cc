#include "tests/bench/etcd_load.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "tests/bench/etcd_rpc.grpc.pb.h"

#include "base/status.h"
#include "tests/bench/unary_call.h"

namespace quorate::bench {
namespace {

using etcdserverpb::KV;

constexpr absl::Duration kStatusDeadline = absl::Seconds(2);

// About what a session, a feature and a holder take.
constexpr size_t kValueBytes = 128;

// Each slot writes its keys in turn, so that the store does not grow by keys.
constexpr uint64_t kKeysOfSlot = 100;

class PutSlot final : public Slot {
 public:
  PutSlot(const std::shared_ptr<grpc::Channel>& channel, size_t number)
      : stub_(KV::NewStub(channel)), number_(number) {
    request_.set_value(std::string(kValueBytes, 'v'));
  }

  void Begin(grpc::CompletionQueue* queue, void* tag) override {
    request_.set_key(
        absl::StrFormat("put/%05d/%06d", number_, puts_++ % kKeysOfSlot));
    call_.Begin(
        [&](grpc::ClientContext* context) {
          return stub_->AsyncPut(context, request_, queue);
        },
        tag);
  }

  SlotStep End(bool /*ok*/) override {
    failure_ = call_.status();
    return failure_.ok() ? SlotStep::kDone : SlotStep::kFailed;
  }

 private:
  const std::unique_ptr<KV::Stub> stub_;
  const size_t number_;
  uint64_t puts_ = 0;
  etcdserverpb::PutRequest request_;
  UnaryCall<etcdserverpb::PutResponse> call_;
};

class ReadSlot final : public Slot {
 public:
  explicit ReadSlot(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(KV::NewStub(channel)) {
    request_.set_key("pool/0");
  }

  void Begin(grpc::CompletionQueue* queue, void* tag) override {
    call_.Begin(
        [&](grpc::ClientContext* context) {
          return stub_->AsyncRange(context, request_, queue);
        },
        tag);
  }

  SlotStep End(bool /*ok*/) override {
    failure_ = call_.status();
    return failure_.ok() ? SlotStep::kDone : SlotStep::kFailed;
  }

 private:
  const std::unique_ptr<KV::Stub> stub_;
  etcdserverpb::RangeRequest request_;
  UnaryCall<etcdserverpb::RangeResponse> call_;
};

class TransactionSlot final : public Slot {
 public:
  TransactionSlot(const std::shared_ptr<grpc::Channel>& channel, size_t number,
                  std::string counter)
      : stub_(KV::NewStub(channel)),
        counter_(std::move(counter)),
        record_(absl::StrCat("lease/", number)) {}

  void Begin(grpc::CompletionQueue* queue, void* tag) override {
    FillRequest();
    call_.Begin(
        [&](grpc::ClientContext* context) {
          return stub_->AsyncTxn(context, request_, queue);
        },
        tag);
  }

  SlotStep End(bool /*ok*/) override {
    failure_ = call_.status();
    if (!failure_.ok()) return SlotStep::kFailed;
    if (!call_.response().succeeded()) return Overtaken();
    revision_ = call_.response().header().revision();
    out_ += held_ ? -1 : 1;
    held_ = !held_;
    return SlotStep::kDone;
  }

  bool AtRest() const override { return !held_; }

 private:
  // Compare the counter's revision; count, and write or remove the record;
  // else read the counter.
  void FillRequest() {
    request_.Clear();
    etcdserverpb::Compare* compare = request_.add_compare();
    compare->set_result(etcdserverpb::Compare::EQUAL);
    compare->set_target(etcdserverpb::Compare::MOD);
    compare->set_key(counter_);
    compare->set_mod_revision(revision_);
    etcdserverpb::PutRequest* put =
        request_.add_success()->mutable_request_put();
    put->set_key(counter_);
    put->set_value(absl::StrCat(out_ + (held_ ? -1 : 1)));
    if (held_) {
      request_.add_success()->mutable_request_delete_range()->set_key(record_);
    } else {
      put = request_.add_success()->mutable_request_put();
      put->set_key(record_);
      put->set_value(std::string(kValueBytes, 'r'));
    }
    request_.add_failure()->mutable_request_range()->set_key(counter_);
  }

  SlotStep Overtaken() {
    const auto& responses = call_.response().responses();
    if (responses.empty() || responses[0].response_range().kvs().empty()) {
      failure_ = absl::InternalError("a transaction failed without a counter");
      return SlotStep::kFailed;
    }
    const etcdserverpb::KeyValue& found = responses[0].response_range().kvs(0);
    revision_ = found.mod_revision();
    if (absl::SimpleAtoi(found.value(), &out_)) return SlotStep::kAgain;
    failure_ = absl::InternalError("the counter is no number");
    return SlotStep::kFailed;
  }

  const std::unique_ptr<KV::Stub> stub_;
  const std::string counter_;
  const std::string record_;
  int64_t revision_ = 0;  // Of the counter as last seen; 0 for "is not there".
  int64_t out_ = 0;
  bool held_ = false;
  etcdserverpb::TxnRequest request_;
  UnaryCall<etcdserverpb::TxnResponse> call_;
};

}  // namespace

absl::StatusOr<EtcdStatus> StatusOfEtcd(
    const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = etcdserverpb::Maintenance::NewStub(channel);
  grpc::ClientContext context;
  SetDeadline(&context, kStatusDeadline);
  context.set_wait_for_ready(true);
  etcdserverpb::StatusResponse response;
  const grpc::Status status = stub->Status(&context, {}, &response);
  if (!status.ok()) return Annotate(ToAbsl(status), "etcd's status");
  return EtcdStatus{.member = response.header().member_id(),
                    .leader = response.leader()};
}

EtcdLoad::EtcdLoad(const ClusterAccess* access,
                   std::vector<BenchMember> members)
    : access_(access), connections_(access, std::move(members)) {}

absl::StatusOr<std::unique_ptr<EtcdLoad>> EtcdLoad::Create(
    const ClusterAccess* access) {
  QUORATE_ASSIGN_OR_RETURN(std::vector<BenchMember> members, access->Members());
  return std::unique_ptr<EtcdLoad>(new EtcdLoad(access, std::move(members)));
}

absl::StatusOr<size_t> EtcdLoad::Leader() const {
  const std::vector<BenchMember>& members = connections_.members();
  for (size_t i = 0; i < members.size(); ++i) {
    const absl::StatusOr<EtcdStatus> status =
        StatusOfEtcd(access_->Connect(members[i].endpoint));
    if (status.ok() && status->leader == status->member) return i;
  }
  return absl::UnavailableError("no member of etcd leads");
}

Slots EtcdLoad::PutSlots(size_t count, Placement placement, size_t leader) {
  Slots slots;
  for (size_t i = 0; i < count; ++i) {
    slots.push_back(
        std::make_unique<PutSlot>(connections_.For(i, placement, leader), i));
  }
  return slots;
}

Slots EtcdLoad::CheckoutSlots(size_t count, PoolKeys pools, Placement placement,
                              size_t leader) {
  Slots slots;
  for (size_t i = 0; i < count; ++i) {
    slots.push_back(std::make_unique<TransactionSlot>(
        connections_.For(i, placement, leader), i,
        pools == PoolKeys::kShared ? "pool/shared" : absl::StrCat("pool/", i)));
  }
  return slots;
}

Slots EtcdLoad::ReadSlots(size_t count, Placement placement, size_t leader) {
  Slots slots;
  for (size_t i = 0; i < count; ++i) {
    slots.push_back(
        std::make_unique<ReadSlot>(connections_.For(i, placement, leader)));
  }
  return slots;
}

}  // namespace quorate::bench
