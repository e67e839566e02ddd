// The licences of a cluster.

#ifndef QUORATE_SERVER_RPC_LICENSE_SERVICE_H_
#define QUORATE_SERVER_RPC_LICENSE_SERVICE_H_

#include "quorate/admin/v1/license.grpc.pb.h"

#include "server/rpc/member_calls.h"
#include "trust/license_verifier.h"

namespace quorate::server {

// Installs and shows licences; see license.proto for what is promised. The
// member that takes a licence verifies it before it goes to the log, up to the
// root that it was configured with. Thread-safe.
class LicenseService final : public admin::v1::LicenseService::CallbackService {
 public:
  // Neither is owned.
  LicenseService(MemberCalls* calls, const trust::LicenseVerifier* verifier)
      : calls_(calls), verifier_(verifier) {}

  grpc::ServerUnaryReactor* InstallLicense(
      grpc::CallbackServerContext* context,
      const admin::v1::InstallLicenseRequest* request,
      admin::v1::InstallLicenseResponse* response) override;

  grpc::ServerUnaryReactor* ListLicenses(
      grpc::CallbackServerContext* context,
      const admin::v1::ListLicensesRequest* request,
      admin::v1::ListLicensesResponse* response) override;

  grpc::ServerUnaryReactor* GetLicense(
      grpc::CallbackServerContext* context,
      const admin::v1::GetLicenseRequest* request,
      admin::v1::GetLicenseResponse* response) override;

 private:
  MemberCalls* const calls_;
  const trust::LicenseVerifier* const verifier_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_LICENSE_SERVICE_H_
