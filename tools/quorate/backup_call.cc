#include "tools/quorate/backup_call.h"

#include <cstdint>

#include "quorate/admin/v1/backup.pb.h"

#include "base/clock.h"
#include "client/caller.h"
#include "client/endpoint_set.h"

namespace quorate::cli {
namespace {

// A large state over a slow line.
constexpr absl::Duration kBackupLimit = absl::Hours(6);

grpc::Status ReadBackup(const Connection& connection,
                        const admin::v1::GetBackupRequest& request,
                        const BackupSink& sink, grpc::ClientContext* context,
                        absl::Status* taken) {
  *taken = sink.begin();
  const auto stream = connection.backups->GetBackup(context, request);
  admin::v1::GetBackupResponse response;
  uint64_t offset = 0;
  while (taken->ok() && stream->Read(&response)) {
    if (response.offset() != offset) {
      *taken = absl::InternalError("pieces of the backup are missing");
      break;
    }
    offset += response.content().size();
    *taken = sink.piece(response.content());
  }
  if (!taken->ok()) context->TryCancel();
  const grpc::Status status = stream->Finish();
  return taken->ok() ? status : grpc::Status::OK;
}

}  // namespace

absl::Status FetchBackup(const ClientOptions& options, bool local,
                         const BackupSink& sink) {
  EndpointSet endpoints(options, &SystemClock());
  Caller caller(&endpoints, &SystemClock());
  admin::v1::GetBackupRequest request;
  request.mutable_consistency()->set_kind(
      local ? type::v1::Consistency::KIND_LOCAL
            : type::v1::Consistency::KIND_LINEARIZABLE);
  // An error of the sink is not the cluster's, and another member does not
  // help.
  absl::Status taken;
  const absl::Status status = caller.Run(
      {.deadline = kBackupLimit, .first_attempt = kBackupLimit, .rounds = 2},
      [&](const Connection& connection, grpc::ClientContext* context) {
        return ReadBackup(connection, request, sink, context, &taken);
      });
  return taken.ok() ? status : taken;
}

}  // namespace quorate::cli
