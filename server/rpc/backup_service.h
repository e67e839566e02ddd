// Backups of the replicated state, and clusters restored from one.

#ifndef QUORATE_SERVER_RPC_BACKUP_SERVICE_H_
#define QUORATE_SERVER_RPC_BACKUP_SERVICE_H_

#include <atomic>

#include "quorate/admin/v1/backup.grpc.pb.h"

#include "server/rpc/member_calls.h"

namespace quorate::server {

// See backup.proto for what is promised. A backup is the node's snapshot in
// the form of backup/backup_file.h. Thread-safe.
class BackupService final : public admin::v1::BackupService::CallbackService {
 public:
  // Not owned; outlives the gRPC server, as this does.
  explicit BackupService(MemberCalls* calls) : calls_(calls) {}

  grpc::ServerWriteReactor<admin::v1::GetBackupResponse>* GetBackup(
      grpc::CallbackServerContext* context,
      const admin::v1::GetBackupRequest* request) override;

  grpc::ServerUnaryReactor* GetRestoration(
      grpc::CallbackServerContext* context,
      const admin::v1::GetRestorationRequest* request,
      admin::v1::GetRestorationResponse* response) override;

  grpc::ServerUnaryReactor* ReleaseRestored(
      grpc::CallbackServerContext* context,
      const admin::v1::ReleaseRestoredRequest* request,
      admin::v1::ReleaseRestoredResponse* response) override;

  grpc::ServerUnaryReactor* RetireCluster(
      grpc::CallbackServerContext* context,
      const admin::v1::RetireClusterRequest* request,
      admin::v1::RetireClusterResponse* response) override;

 private:
  MemberCalls* const calls_;

  // A backup reads the disk that checkouts write; two at a time would only
  // be slower.
  std::atomic<bool> busy_ = false;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_BACKUP_SERVICE_H_
