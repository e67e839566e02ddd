#include "server/rpc/backup_service.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "backup/backup_file.h"
#include "base/log.h"
#include "replication/snapshot_stream.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

using admin::v1::GetBackupResponse;
using replication::SnapshotSource;

// Large enough that a call's cost does not show, small enough to be read from
// the disk at once.
constexpr size_t kPieceBytes = 256 << 10;

// A checkpoint writes what the state's buffers hold, some ten MiB; a busy disk
// takes seconds.
constexpr absl::Duration kSnapshotTimeout = absl::Seconds(60);
constexpr absl::Duration kReadTimeout = absl::Seconds(10);

// Sends one backup. Deletes itself when gRPC is done with it. One step is under
// way at a time: the read, the snapshot, then one write after the other; so
// nothing here is used by two threads at once.
class BackupStream final : public grpc::ServerWriteReactor<GetBackupResponse> {
 public:
  // Neither is owned.
  BackupStream(MemberCalls* calls, std::atomic<bool>* busy)
      : calls_(calls), busy_(busy) {}

  // Waits for the caller's right first where it is not sure.
  void Begin(const Caller& caller, const type::v1::Consistency& consistency) {
    if (!caller.unconfirmed) {
      CatchUp(consistency);
      return;
    }
    calls_->Confirm(caller, kReadTimeout,
                    [this, consistency](std::optional<Refusal> refusal) {
                      if (refusal.has_value()) {
                        End(calls_->StatusOf(*std::move(refusal)));
                      } else {
                        CatchUp(consistency);
                      }
                    });
  }

  // Nobody takes what is written any more; the write that is under way fails.
  void OnCancel() override {}

  void OnWriteDone(bool ok) override {
    if (!ok) {
      End({grpc::StatusCode::CANCELLED, "the receiver went away"});
    } else {
      WriteNext();
    }
  }

  void OnDone() override { delete this; }

 private:
  void CatchUp(const type::v1::Consistency& consistency) {
    if (consistency.kind() == type::v1::Consistency::KIND_LOCAL) {
      TakeSnapshot();
      return;
    }
    calls_->deps().node->Read(ToReadConsistency(consistency), kReadTimeout,
                              [this](replication::ReadOutcome outcome) {
                                if (outcome == replication::ReadOutcome::kOk) {
                                  TakeSnapshot();
                                } else {
                                  End(calls_->StatusOf(RefusalOf(outcome)));
                                }
                              });
  }

  // Before the caller hears of the end, so that it may ask again at once.
  void End(grpc::Status status) {
    source_.reset();
    busy_->store(false);
    Finish(std::move(status));
  }

  void TakeSnapshot() {
    calls_->deps().node->TakeSnapshot(
        kSnapshotTimeout,
        [this](absl::StatusOr<std::unique_ptr<SnapshotSource>> source) {
          if (!source.ok()) {
            Fail(source.status());
            return;
          }
          source_ = *std::move(source);
          BeginFile();
        });
  }

  void BeginFile() {
    const replication::SnapshotHeader& snapshot = source_->header();
    const MemberDescription& member = calls_->member();
    const std::string head =
        backup::EncodeHead({.cluster_id = member.cluster_id,
                            .cluster_epoch = member.cluster_epoch,
                            .manifest = snapshot.manifest,
                            .content_bytes = snapshot.total_bytes,
                            .created_calendar_ms = absl::ToUnixMillis(
                                calls_->deps().clock->Calendar()),
                            .member = member.name});
    FillHeader(member,
               {.term = snapshot.position.term,
                .index = snapshot.position.index,
                .calendar_ms = snapshot.position.stamp.calendar_ms},
               response_.mutable_header());
    response_.set_file_bytes(head.size() + snapshot.total_bytes +
                             backup::kSha256Bytes);
    LogInfo("backup", "sending",
            {{"index", absl::StrCat(snapshot.position.index.value())},
             {"bytes", absl::StrCat(response_.file_bytes())}});
    Write(head);
  }

  void WriteNext() {
    response_.clear_header();
    response_.clear_file_bytes();
    const uint64_t total = source_->header().total_bytes;
    if (content_ < total) {
      absl::StatusOr<std::string> piece = source_->Read(content_, kPieceBytes);
      if (!piece.ok()) {
        Fail(piece.status());
        return;
      }
      content_ += piece->size();
      Write(*piece);
      return;
    }
    if (!ended_) {
      ended_ = true;
      Write(sha256_.Digest());
      return;
    }
    LogInfo("backup", "sent", {{"bytes", absl::StrCat(offset_)}});
    End(grpc::Status::OK);
  }

  void Write(const std::string& piece) {
    if (!ended_) sha256_.Add(piece);
    response_.set_offset(offset_);
    response_.set_content(piece);
    offset_ += piece.size();
    StartWrite(&response_);
  }

  // What is damaged is thrown away, and another snapshot made for the next
  // call: so a failure is one of the moment.
  void Fail(const absl::Status& status) {
    LogWarn("backup", "failed", {{"status", status.ToString()}});
    End(calls_->StatusOf(
        {.reason = absl::IsCancelled(status)
                       ? type::v1::ERROR_REASON_STOPPING
                       : type::v1::ERROR_REASON_OVERLOADED,
         .message =
             absl::StrCat("no backup could be made now: ", status.message())}));
  }

  MemberCalls* const calls_;
  std::atomic<bool>* const busy_;

  std::unique_ptr<SnapshotSource> source_;
  GetBackupResponse response_;
  backup::RunningSha256 sha256_;
  uint64_t content_ = 0;  // Bytes of the snapshot that were sent.
  uint64_t offset_ = 0;   // Bytes of the file that were sent.
  bool ended_ = false;    // The checksum was sent.
};

// A call that was refused.
class RefusedBackup final : public grpc::ServerWriteReactor<GetBackupResponse> {
 public:
  explicit RefusedBackup(grpc::Status status) { Finish(std::move(status)); }

  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerWriteReactor<GetBackupResponse>* BackupService::GetBackup(
    grpc::CallbackServerContext* context,
    const admin::v1::GetBackupRequest* request) {
  Caller caller;
  std::optional<Refusal> refusal =
      calls_->RefuseStream<admin::v1::GetBackupRequest>(context, &caller);
  FieldFaults faults;
  CheckConsistency(request->consistency(), &faults);
  if (!refusal.has_value() && !faults.empty()) {
    refusal = std::move(faults).ToRefusal();
  }
  if (!refusal.has_value() && busy_.exchange(true)) {
    refusal = Refusal{.reason = type::v1::ERROR_REASON_OVERLOADED,
                      .message = "this member is making a backup already"};
  }
  if (refusal.has_value()) {
    return new RefusedBackup(calls_->StatusOf(*std::move(refusal)));
  }
  auto* stream = new BackupStream(calls_, &busy_);
  stream->Begin(caller, request->consistency());
  return stream;
}

}  // namespace quorate::server
