// grpc.health.v1: may clients be sent to this member?

#ifndef QUORATE_SERVER_RPC_HEALTH_H_
#define QUORATE_SERVER_RPC_HEALTH_H_

#include <optional>

#include "replication/node/node.h"

namespace grpc {
class HealthCheckServiceInterface;
}  // namespace grpc

namespace quorate::server {

// Makes gRPC servers that are built from now on carry the health service, and
// links its descriptor in, so that reflection can describe it. Once, before the
// first server is built.
void EnableHealthService();

// Keeps the answers of a server's health service: the checkout service serves
// where a leader is known, the others always, since they show what is wrong.
//
// Thread-compatible: one thread calls Update. Neither pointer is owned.
class HealthReporter {
 public:
  HealthReporter(const replication::Node* node,
                 grpc::HealthCheckServiceInterface* health);

  // To be called a few times a second.
  void Update();

  // NOT_SERVING for everything: this member stops. No Update after it.
  void Drain();

 private:
  const replication::Node* const node_;
  grpc::HealthCheckServiceInterface* const health_;
  std::optional<bool> serving_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_HEALTH_H_
