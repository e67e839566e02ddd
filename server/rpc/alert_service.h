// Who is told what by mail, and what was.

#ifndef QUORATE_SERVER_RPC_ALERT_SERVICE_H_
#define QUORATE_SERVER_RPC_ALERT_SERVICE_H_

#include <utility>

#include "quorate/admin/v1/alert.grpc.pb.h"

#include "server/rpc/member_calls.h"
#include "server/rpc/test_mail.h"

namespace quorate::server {

// See alert.proto for what is promised. Tests of mail are handed to whoever
// mails; nobody waits here for a mail server. Thread-safe.
class AlertService final : public admin::v1::AlertService::CallbackService {
 public:
  // `calls` is not owned. Without `post` this member has no mail server.
  AlertService(MemberCalls* calls, PostTestMail post)
      : calls_(calls), post_(std::move(post)) {}

  grpc::ServerUnaryReactor* GetAlertSettings(
      grpc::CallbackServerContext* context,
      const admin::v1::GetAlertSettingsRequest* request,
      admin::v1::GetAlertSettingsResponse* response) override;

  grpc::ServerUnaryReactor* UpdateAlertSettings(
      grpc::CallbackServerContext* context,
      const admin::v1::UpdateAlertSettingsRequest* request,
      admin::v1::UpdateAlertSettingsResponse* response) override;

  grpc::ServerUnaryReactor* SendTestAlert(
      grpc::CallbackServerContext* context,
      const admin::v1::SendTestAlertRequest* request,
      admin::v1::SendTestAlertResponse* response) override;

  grpc::ServerUnaryReactor* ListSentAlerts(
      grpc::CallbackServerContext* context,
      const admin::v1::ListSentAlertsRequest* request,
      admin::v1::ListSentAlertsResponse* response) override;

 private:
  void Post(const UnaryCall& call,
            const admin::v1::SendTestAlertRequest& request,
            admin::v1::SendTestAlertResponse* response);

  MemberCalls* const calls_;
  const PostTestMail post_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_ALERT_SERVICE_H_
