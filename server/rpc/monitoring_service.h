// What administrators and monitoring look at.

#ifndef QUORATE_SERVER_RPC_MONITORING_SERVICE_H_
#define QUORATE_SERVER_RPC_MONITORING_SERVICE_H_

#include "quorate/monitoring/v1/monitoring.grpc.pb.h"

#include "server/rpc/history_reader.h"
#include "server/rpc/log_reader.h"
#include "server/rpc/member_calls.h"

namespace quorate::server {

// Reads only; see monitoring.proto for what is promised. Lists are built on the
// applier thread, directly into the response, a page at a time; what is about
// the past on the reader's thread. Thread-safe.
class MonitoringService final
    : public monitoring::v1::MonitoringService::CallbackService {
 public:
  // Not owned.
  MonitoringService(MemberCalls* calls, HistoryReader* history, LogReader* logs)
      : calls_(calls), history_(history), logs_(logs) {}

  grpc::ServerUnaryReactor* GetClusterStatus(
      grpc::CallbackServerContext* context,
      const monitoring::v1::GetClusterStatusRequest* request,
      monitoring::v1::GetClusterStatusResponse* response) override;

  grpc::ServerUnaryReactor* ListPools(
      grpc::CallbackServerContext* context,
      const monitoring::v1::ListPoolsRequest* request,
      monitoring::v1::ListPoolsResponse* response) override;

  grpc::ServerUnaryReactor* ListSessions(
      grpc::CallbackServerContext* context,
      const monitoring::v1::ListSessionsRequest* request,
      monitoring::v1::ListSessionsResponse* response) override;

  grpc::ServerUnaryReactor* ListSeats(
      grpc::CallbackServerContext* context,
      const monitoring::v1::ListSeatsRequest* request,
      monitoring::v1::ListSeatsResponse* response) override;

  // monitoring_explain.cc
  grpc::ServerUnaryReactor* ExplainCheckout(
      grpc::CallbackServerContext* context,
      const monitoring::v1::ExplainCheckoutRequest* request,
      monitoring::v1::ExplainCheckoutResponse* response) override;

  grpc::ServerUnaryReactor* ListQueue(
      grpc::CallbackServerContext* context,
      const monitoring::v1::ListQueueRequest* request,
      monitoring::v1::ListQueueResponse* response) override;

  // monitoring_borrows.cc
  grpc::ServerUnaryReactor* ListBorrows(
      grpc::CallbackServerContext* context,
      const monitoring::v1::ListBorrowsRequest* request,
      monitoring::v1::ListBorrowsResponse* response) override;

  grpc::ServerUnaryReactor* ListWriteOffs(
      grpc::CallbackServerContext* context,
      const monitoring::v1::ListWriteOffsRequest* request,
      monitoring::v1::ListWriteOffsResponse* response) override;

  // monitoring_history.cc
  grpc::ServerUnaryReactor* QueryUsage(
      grpc::CallbackServerContext* context,
      const monitoring::v1::QueryUsageRequest* request,
      monitoring::v1::QueryUsageResponse* response) override;
  grpc::ServerUnaryReactor* ListDenials(
      grpc::CallbackServerContext* context,
      const monitoring::v1::ListDenialsRequest* request,
      monitoring::v1::ListDenialsResponse* response) override;

  // monitoring_latency.cc
  grpc::ServerUnaryReactor* GetLatency(
      grpc::CallbackServerContext* context,
      const monitoring::v1::GetLatencyRequest* request,
      monitoring::v1::GetLatencyResponse* response) override;

  // monitoring_logs.cc
  grpc::ServerUnaryReactor* SearchLogs(
      grpc::CallbackServerContext* context,
      const monitoring::v1::SearchLogsRequest* request,
      monitoring::v1::SearchLogsResponse* response) override;

  // monitoring_replay.cc
  grpc::ServerUnaryReactor* ReplayUsage(
      grpc::CallbackServerContext* context,
      const monitoring::v1::ReplayUsageRequest* request,
      monitoring::v1::ReplayUsageResponse* response) override;
  grpc::ServerUnaryReactor* AdviseSeats(
      grpc::CallbackServerContext* context,
      const monitoring::v1::AdviseSeatsRequest* request,
      monitoring::v1::AdviseSeatsResponse* response) override;

  // monitoring_reservations.cc
  grpc::ServerUnaryReactor* ListReservations(
      grpc::CallbackServerContext* context,
      const monitoring::v1::ListReservationsRequest* request,
      monitoring::v1::ListReservationsResponse* response) override;

  // monitoring_users.cc
  grpc::ServerUnaryReactor* ListCasualUsers(
      grpc::CallbackServerContext* context,
      const monitoring::v1::ListCasualUsersRequest* request,
      monitoring::v1::ListCasualUsersResponse* response) override;
  grpc::ServerUnaryReactor* ListNamedUsers(
      grpc::CallbackServerContext* context,
      const monitoring::v1::ListNamedUsersRequest* request,
      monitoring::v1::ListNamedUsersResponse* response) override;

 private:
  MemberCalls* const calls_;
  HistoryReader* const history_;
  LogReader* const logs_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_MONITORING_SERVICE_H_
