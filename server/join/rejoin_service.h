// Lets a machine back in that has lost its data and kept its certificate.

#ifndef QUORATE_SERVER_JOIN_REJOIN_SERVICE_H_
#define QUORATE_SERVER_JOIN_REJOIN_SERVICE_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"

#include "quorate/internal/v1/join.grpc.pb.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "replication/node/node.h"
#include "server/join/admission.h"
#include "server/rpc/response_header.h"

namespace quorate::server {

// Served beside the members' own service, so TLS has checked the certificate;
// it names the place that the machine may fill, and no other. A member that
// lost its data never votes again under its old id: what it promised is
// forgotten (Raft, §5.2). It comes back under a new one, as a learner that
// votes when it has caught up.
//
// Only the leader decides, since only it hears of all members: while the place
// is filled by a machine that answers, there would be two of it.
//
// Thread-safe. Outlives the transport, and what the node may still answer.
class RejoinService final
    : public internal::v1::RejoinService::CallbackService {
 public:
  RejoinService(const Clock* clock, MemberDescription member);  // Not owned.
  ~RejoinService() override;

  // Begins to serve; before, all are refused. `node` is not owned. It may
  // answer, and is asked nothing more, after Stop.
  void Start(replication::Node* node);
  void Stop();

  grpc::ServerUnaryReactor* Rejoin(
      grpc::CallbackServerContext* context,
      const internal::v1::RejoinRequest* request,
      internal::v1::RejoinResponse* response) override;

 private:
  class Call;

  // Shared by gRPC, until the call is over, and the node, until it answers.
  using CallPointer = std::shared_ptr<Call>;

  void Begin(const CallPointer& call, const std::string& name);
  void Decide(const CallPointer& call, const std::string& name,
              replication::Node* node, Admission* admission);

  // Constant after construction.
  const Clock* const clock_;
  const MemberDescription member_;

  Mutex mu_;
  replication::Node* node_ ABSL_GUARDED_BY(mu_) = nullptr;
  std::unique_ptr<Admission> admission_;  // Constant after Start.
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_JOIN_REJOIN_SERVICE_H_
