// One member's client port with a ledger behind it, and clients that connect
// over TLS as anybody.

#ifndef QUORATE_TESTS_SERVER_RPC_SERVICE_WORLD_H_
#define QUORATE_TESTS_SERVER_RPC_SERVICE_WORLD_H_

#include <memory>
#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"

#include "quorate/admin/v1/license.grpc.pb.h"
#include "quorate/checkout/v1/checkout.grpc.pb.h"
#include "quorate/monitoring/v1/monitoring.grpc.pb.h"

#include "replication/storage/memory_state_store.h"
#include "server/licensing_replica.h"
#include "server/rpc/client_port.h"
#include "tests/replication/transport/test_authority.h"
#include "tests/server/fake_node.h"
#include "tests/trust/demo_vendor.h"
#include "trust/license_verifier.h"

namespace quorate::server {

inline constexpr char kWorldClusterId[] = "0123456789abcdef0123456789abcdef";

// The name in a client certificate, "URI:quorate://…/client/NAME".
std::string ClientNames(const std::string& name);

// A client call with a deadline far away: tests end by answers.
std::unique_ptr<grpc::ClientContext> NewCall();

// A status for a test to look at: "POOL_EXHAUSTED", empty for OK, "?" where it
// has no ErrorInfo.
std::string ReasonOf(const grpc::Status& status);

// The detail of one type; a default one where there is none.
template <typename Detail>
Detail DetailOf(const grpc::Status& status) {
  google::rpc::Status details;
  Detail detail;
  if (!details.ParseFromString(status.error_details())) return detail;
  for (const auto& any : details.details()) {
    if (any.UnpackTo(&detail)) return detail;
  }
  return Detail();
}

// Thread-compatible.
class ServiceWorld {
 public:
  // `log_folder` is where a log was kept; empty: nowhere.
  explicit ServiceWorld(bool with_join = true,
                        const std::string& log_folder = "");
  // In the order of a member that stops.
  ~ServiceWorld();

  // A connection with a certificate that carries `names` ("" for none), signed
  // by `authority` (null for the clients' own).
  std::shared_ptr<grpc::Channel> Connect(
      const std::string& names,
      replication::TestAuthority* authority = nullptr);

  FakeNode& node() { return node_; }

  ClientPort& port() { return *port_; }

  const LicensingReplica& replica() { return *replica_; }

  // What join tokens say; nobody serves there.
  static JoinDescription join() {
    return {.endpoints = {"127.0.0.1:9"}, .ca_pin = std::string(32, 'p')};
  }

  // What the member measures, and the clock of it.
  LatencyBook& latencies() { return latencies_; }

  trust::DemoVendor& vendor() { return vendor_; }

  // What the ledger says to a command of alice's, past the services.
  licensing::LedgerAnswer Propose(internal::v1::Command command);

  // The same where it must do it.
  void Do(internal::v1::Command command);

  // The vendor's licence for this cluster with these features.
  std::string LicenseFile(const std::string& id, uint64_t serial,
                          const std::string& feature, uint32_t count,
                          int64_t borrow_seconds = 0);

 private:
  replication::TestAuthority authority_;
  trust::DemoVendor vendor_;
  std::unique_ptr<trust::LicenseVerifier> verifier_;
  replication::MemoryStateStore store_;
  std::unique_ptr<LicensingReplica> replica_;
  FakeNode node_;
  LatencyBook latencies_{&SystemClock()};
  int proposals_ = 0;
  std::unique_ptr<ClientPort> port_;
};

}  // namespace quorate::server

#endif  // QUORATE_TESTS_SERVER_RPC_SERVICE_WORLD_H_
