#include "server/rpc/health.h"

#include "grpc/health/v1/health.pb.h"
#include "grpcpp/health_check_service_interface.h"

#include "base/check.h"

namespace quorate::server {
namespace {

constexpr char kCheckout[] = "quorate.checkout.v1.CheckoutService";
constexpr const char* kAlwaysServing[] = {
    "quorate.monitoring.v1.MonitoringService",
    "quorate.admin.v1.LicenseService"};

}  // namespace

void EnableHealthService() {
  grpc::EnableDefaultHealthCheckService(true);
  // gRPC's own implementation has no descriptor; ours gets linked by this use.
  QUORATE_CHECK(grpc::health::v1::HealthCheckRequest::descriptor() != nullptr);
}

HealthReporter::HealthReporter(const replication::Node* node,
                               grpc::HealthCheckServiceInterface* health)
    : node_(node), health_(health) {
  QUORATE_CHECK(health_ != nullptr);
  for (const char* service : kAlwaysServing) {
    health_->SetServingStatus(service, true);
  }
  Update();
}

void HealthReporter::Update() {
  const bool serving = node_->Status().serving;
  if (serving_ == serving) return;
  serving_ = serving;
  health_->SetServingStatus(kCheckout, serving);
}

void HealthReporter::Drain() {
  health_->SetServingStatus(false);
}

}  // namespace quorate::server
