#include "tests/bench/echo.h"

#include <cstdio>
#include <utility>

#include "tests/bench/echo.grpc.pb.h"

#include "base/status.h"
#include "tests/bench/unary_call.h"

namespace quorate::bench {
namespace {

// About the size of a checkout's request and answer.
constexpr size_t kPayloadBytes = 100;

// The callback API, as our own server uses it.
class EchoServer final : public EchoService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context,
                                 const EchoMessage* request,
                                 EchoMessage* response) override {
    response->set_payload(request->payload());
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

class EchoSlot final : public Slot {
 public:
  explicit EchoSlot(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(EchoService::NewStub(channel)) {
    request_.set_payload(std::string(kPayloadBytes, 'e'));
  }

  void Begin(grpc::CompletionQueue* queue, void* tag) override {
    call_.Begin(
        [&](grpc::ClientContext* context) {
          return stub_->AsyncEcho(context, request_, queue);
        },
        tag);
  }

  SlotStep End(bool /*ok*/) override {
    failure_ = call_.status();
    return failure_.ok() ? SlotStep::kDone : SlotStep::kFailed;
  }

 private:
  const std::unique_ptr<EchoService::Stub> stub_;
  EchoMessage request_;
  UnaryCall<EchoMessage> call_;
};

Slots SlotsOn(const std::vector<std::shared_ptr<grpc::Channel>>& channels,
              size_t count) {
  Slots slots;
  for (size_t i = 0; i < count; ++i) {
    slots.push_back(std::make_unique<EchoSlot>(channels[i % channels.size()]));
  }
  return slots;
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerTls(
    const std::string& directory) {
  const std::string folder = directory + "/tls/";
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  QUORATE_ASSIGN_OR_RETURN(options.pem_root_certs, ReadFile(folder + "ca.pem"));
  QUORATE_ASSIGN_OR_RETURN(std::string key, ReadFile(folder + "m1.key"));
  QUORATE_ASSIGN_OR_RETURN(std::string chain, ReadFile(folder + "m1.pem"));
  options.pem_key_cert_pairs.push_back({std::move(key), std::move(chain)});
  return grpc::SslServerCredentials(options);
}

}  // namespace

absl::Status ServeEcho(const std::string& directory) {
  QUORATE_ASSIGN_OR_RETURN(const auto credentials, ServerTls(directory));
  EchoServer service;
  int tls_port = 0;
  int plain_port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", credentials, &tls_port);
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &plain_port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return absl::InternalError("the server did not start");
  std::printf("%d %d\n", tls_port, plain_port);
  std::fflush(stdout);
  server->Wait();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<EchoLoad>> EchoLoad::Create(
    const ClusterAccess* access) {
  QUORATE_ASSIGN_OR_RETURN(const std::vector<BenchMember> members,
                           access->Members());
  std::unique_ptr<EchoLoad> load(new EchoLoad());
  for (const BenchMember& member : members) {
    load->pids_ = {member.pid};  // The same process.
    for (size_t i = 0; i < kConnections; ++i) {
      if (member.name == "tls") {
        load->tls_.push_back(access->Connect(member.endpoint));
      } else {
        load->plain_.push_back(ConnectPlain(member.endpoint));
      }
    }
  }
  if (load->tls_.empty() || load->plain_.empty()) {
    return absl::InvalidArgumentError("there are not both echo servers");
  }
  return load;
}

Slots EchoLoad::TlsSlots(size_t count) {
  return SlotsOn(tls_, count);
}

Slots EchoLoad::PlainSlots(size_t count) {
  return SlotsOn(plain_, count);
}

}  // namespace quorate::bench
