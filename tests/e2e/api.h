// The public API by plain stubs, as someone without our SDK uses it.

#ifndef QUORATE_TESTS_E2E_API_H_
#define QUORATE_TESTS_E2E_API_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"

#include "quorate/checkout/v1/checkout.grpc.pb.h"
#include "quorate/monitoring/v1/monitoring.grpc.pb.h"

#include "tests/e2e/subprocess.h"

namespace quorate::e2e {

// Stubs of one member. Thread-safe.
class Api {
 public:
  // `environment` holds QUORATE_CA, QUORATE_CERT and QUORATE_KEY.
  Api(const std::string& endpoint, const Environment& environment);

  checkout::v1::CheckoutService::Stub& checkout() { return *checkout_; }

  monitoring::v1::MonitoringService::Stub& monitoring() { return *monitoring_; }

  // The handles that a session holds, by a linearizable read.
  absl::StatusOr<std::set<uint64_t>> SeatsOf(const std::string& session);

  // The pool of one feature, by a linearizable read within `limit`.
  absl::StatusOr<monitoring::v1::Pool> PoolOf(
      const std::string& feature, absl::Duration limit = absl::Seconds(10));

 private:
  std::unique_ptr<checkout::v1::CheckoutService::Stub> checkout_;
  std::unique_ptr<monitoring::v1::MonitoringService::Stub> monitoring_;
};

// Gives the call a deadline.
void SetDeadline(grpc::ClientContext* context, absl::Duration limit);

// The reason in the details of a refusal, "NO_QUORUM"; empty where none is.
std::string ReasonOfRefusal(const grpc::Status& status);

}  // namespace quorate::e2e

#endif  // QUORATE_TESTS_E2E_API_H_
