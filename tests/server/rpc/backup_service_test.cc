// What comes over the wire is a whole backup or an error with a reason, one at
// a time; and a cluster that was retired says so for ever. A ledger behind a
// real port, and snapshots of the test that come in pieces, break, or wait.

#include <algorithm>
#include <atomic>
#include <future>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "quorate/admin/v1/backup.grpc.pb.h"
#include "quorate/internal/v1/command.pb.h"
#include "quorate/internal/v1/snapshot.pb.h"

#include "backup/backup_file.h"
#include "replication/snapshot_stream.h"
#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

using grpc::StatusCode;

namespace admin = ::quorate::admin::v1;

constexpr size_t kContentBytes = 1'000'000;
// As many as the member's pieces have.
constexpr size_t kPieceBytes = 256 << 10;

replication::SnapshotHeader MakeHeader() {
  internal::v1::SnapshotManifest manifest;
  manifest.set_format_version(1);
  manifest.set_cluster_id(kWorldClusterId);
  internal::v1::SnapshotPosition* position = manifest.mutable_position();
  position->set_index(120);
  position->set_term(7);
  manifest.add_files()->set_bytes(kContentBytes);
  return {.position = {.index = raft::Index(120), .term = raft::Term(7)},
          .manifest = manifest.SerializeAsString(),
          .total_bytes = kContentBytes};
}

std::string Content() {
  std::string content(kContentBytes, '\0');
  for (size_t i = 0; i < content.size(); ++i) {
    content[i] = static_cast<char>(i * 7 + i / 251);
  }
  return content;
}

// What a test may do to a snapshot while it is read.
struct Trouble {
  uint64_t damaged_from = kContentBytes;
  std::promise<void> read;           // The first piece is asked for.
  std::atomic<bool> asked = false;   // It was, and nobody else waits.
  std::shared_future<void> go_on;    // Waited for then, if valid.
  std::atomic<bool> closed = false;  // The source is gone.
};

class TestSnapshot final : public replication::SnapshotSource {
 public:
  explicit TestSnapshot(Trouble* trouble) : trouble_(trouble) {}

  ~TestSnapshot() override { trouble_->closed = true; }

  const replication::SnapshotHeader& header() const override { return header_; }

  absl::StatusOr<std::string> Read(uint64_t offset, size_t max_bytes) override {
    if (trouble_->go_on.valid() && !trouble_->asked.exchange(true)) {
      trouble_->read.set_value();
      trouble_->go_on.wait();
    }
    if (offset >= trouble_->damaged_from) {
      return absl::DataLossError("a checksum is wrong");
    }
    return content_.substr(offset, max_bytes);
  }

 private:
  Trouble* const trouble_;
  const replication::SnapshotHeader header_ = MakeHeader();
  const std::string content_ = Content();
};

class BackupServiceTest : public testing::Test {
 protected:
  BackupServiceTest()
      : stub_(admin::BackupService::NewStub(
            world_.Connect(ClientNames("admin")))) {
    world_.node().SetSnapshots([this]() {
      return std::unique_ptr<replication::SnapshotSource>(
          std::make_unique<TestSnapshot>(&trouble_));
    });
  }

  // The bytes of the file, in the order of the stream.
  grpc::Status Get(admin::BackupService::Stub* stub, bool local,
                   std::string* file) {
    admin::GetBackupRequest request;
    request.mutable_consistency()->set_kind(
        local ? type::v1::Consistency::KIND_LOCAL
              : type::v1::Consistency::KIND_LINEARIZABLE);
    const auto call = NewCall();
    const auto stream = stub->GetBackup(call.get(), request);
    admin::GetBackupResponse response;
    uint64_t bytes = 0;
    file->clear();
    while (stream->Read(&response)) {
      if (file->empty()) {
        bytes = response.file_bytes();
        EXPECT_EQ(response.header().applied_index(), 120U);
      }
      EXPECT_EQ(response.offset(), file->size());
      file->append(response.content());
    }
    grpc::Status status = stream->Finish();
    if (status.ok()) {
      EXPECT_EQ(file->size(), bytes);
    }
    return status;
  }

  grpc::Status Get(std::string* file) {
    return Get(stub_.get(), /*local=*/false, file);
  }

  admin::GetRestorationResponse Restoration() {
    admin::GetRestorationResponse response;
    const grpc::Status status = stub_->GetRestoration(
        NewCall().get(), admin::GetRestorationRequest(), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  grpc::Status Retire(uint32_t epoch, const std::string& restore_id,
                      admin::RetireClusterResponse* response) {
    admin::RetireClusterRequest request;
    request.set_request_id(absl::StrCat("r", ++requests_));
    request.set_cluster_id(cluster_id_);
    request.set_cluster_epoch(1);
    request.set_epoch(epoch);
    request.set_restore_id(restore_id);
    return stub_->RetireCluster(NewCall().get(), request, response);
  }

  grpc::Status Release(admin::ReleaseRestoredRequest request) {
    request.set_request_id(absl::StrCat("r", ++requests_));
    admin::ReleaseRestoredResponse response;
    return stub_->ReleaseRestored(NewCall().get(), request, &response);
  }

  grpc::Status Open(int64_t ttl_s) {
    const auto checkout = checkout::v1::CheckoutService::NewStub(
        world_.Connect(ClientNames("alice")));
    checkout::v1::OpenSessionRequest request;
    request.set_request_id(absl::StrCat("r", ++requests_));
    request.mutable_ttl()->set_seconds(ttl_s);
    request.mutable_client()->set_user("ann");
    request.mutable_client()->set_host("ws1");
    checkout::v1::OpenSessionResponse response;
    return checkout->OpenSession(NewCall().get(), request, &response);
  }

  Trouble trouble_;
  ServiceWorld world_;
  std::unique_ptr<admin::BackupService::Stub> stub_;
  std::string cluster_id_ = kWorldClusterId;
  int requests_ = 0;
};

TEST_F(BackupServiceTest, SendsAFileThatIsWhole) {
  std::string file;
  const grpc::Status status = Get(&file);
  ASSERT_TRUE(status.ok()) << status.error_message();
  std::string content;
  backup::BackupParser parser(
      {.header = nullptr,
       .content = [&](uint64_t /*offset*/, absl::string_view part) {
         absl::StrAppend(&content, part);
         return absl::OkStatus();
       }});
  ASSERT_TRUE(parser.Add(file).ok());
  ASSERT_TRUE(parser.Finish().ok());
  EXPECT_TRUE(content == Content());
  EXPECT_EQ(parser.header()->cluster_id, kWorldClusterId);
  EXPECT_EQ(parser.header()->cluster_epoch, 1U);
  EXPECT_EQ(parser.header()->index, 120U);
  EXPECT_EQ(parser.header()->member, "m1");
}

TEST_F(BackupServiceTest, WhatCannotBeReadIsAnErrorAndNoShorterFile) {
  trouble_.damaged_from = 2 * kPieceBytes;
  std::string file;
  EXPECT_EQ(ReasonOf(Get(&file)), "OVERLOADED");
  EXPECT_LT(file.size(), kContentBytes);
  // And the next may try again.
  trouble_.damaged_from = kContentBytes;
  EXPECT_TRUE(Get(&file).ok());
}

TEST_F(BackupServiceTest, OneAtATime) {
  std::promise<void> go_on;
  trouble_.go_on = go_on.get_future().share();
  std::string first;
  auto running = std::async(std::launch::async, [&] { return Get(&first); });
  trouble_.read.get_future().wait();
  std::string second;
  EXPECT_EQ(ReasonOf(Get(&second)), "OVERLOADED");
  go_on.set_value();
  EXPECT_TRUE(running.get().ok());
  trouble_.go_on = {};
  EXPECT_TRUE(Get(&second).ok());
}

TEST_F(BackupServiceTest, AReceiverThatGoesAwayHoldsNobodyUp) {
  const auto call = NewCall();
  const auto stream = stub_->GetBackup(call.get(), admin::GetBackupRequest());
  admin::GetBackupResponse response;
  ASSERT_TRUE(stream->Read(&response));
  call->TryCancel();
  while (stream->Read(&response)) {
  }
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::CANCELLED);
  while (!trouble_.closed)
    std::this_thread::yield();
  std::string file;
  EXPECT_TRUE(Get(&file).ok());
}

TEST_F(BackupServiceTest, WithoutAQuorumOnlyALocalOne) {
  world_.node().FailReads(replication::ReadOutcome::kNoQuorum);
  std::string file;
  EXPECT_EQ(ReasonOf(Get(&file)), "NO_QUORUM");
  EXPECT_EQ(file, "");
  EXPECT_TRUE(Get(stub_.get(), /*local=*/true, &file).ok());
}

TEST_F(BackupServiceTest, NotForWhoeverHasNoCertificate) {
  const auto stranger = admin::BackupService::NewStub(world_.Connect(""));
  std::string file;
  EXPECT_EQ(ReasonOf(Get(stranger.get(), /*local=*/true, &file)),
            "UNAUTHENTICATED");
  EXPECT_EQ(file, "");
}

TEST_F(BackupServiceTest, WhatWasNotRestoredCannotBeReleased) {
  EXPECT_EQ(Restoration().state(), admin::RESTORATION_STATE_NOT_RESTORED);
  admin::ReleaseRestoredRequest request;
  EXPECT_EQ(ReasonOf(Release(request)), "BAD_REQUEST");
  request.set_old_epoch(1);
  EXPECT_EQ(ReasonOf(Release(request)), "BAD_REQUEST") << "says nothing";
  request.mutable_longest_lease()->set_seconds(1);
  EXPECT_EQ(ReasonOf(Release(request)), "EPOCH_MISMATCH");
  request.mutable_stopped_for()->set_seconds(1);
  EXPECT_EQ(ReasonOf(Release(request)), "BAD_REQUEST") << "but it is not gone";
  request.set_old_cluster_is_gone(true);
  EXPECT_EQ(ReasonOf(Release(request)), "BAD_REQUEST") << "says both";
}

TEST_F(BackupServiceTest, NoTimeIsTooLongToBeSaid) {
  constexpr int64_t kLongestS = 315'576'000'000;
  const std::pair<int64_t, int64_t> said_s_and_taken_s[] = {
      {0, 0},
      {2'400, 2'400},
      {kLongestS + 1, kLongestS},
      // These times 1000 have more than 64 bits, and end in zeros or a one.
      {int64_t{1} << 61, kLongestS},
      {std::numeric_limits<int64_t>::max(), kLongestS},
      {std::numeric_limits<int64_t>::min(), -1},
  };
  for (const auto& [said_s, taken_s] : said_s_and_taken_s) {
    SCOPED_TRACE(said_s);
    admin::ReleaseRestoredRequest request;
    request.set_old_epoch(1);
    request.set_old_cluster_is_gone(true);
    request.mutable_stopped_for()->set_seconds(said_s);
    EXPECT_EQ(ReasonOf(Release(request)), "EPOCH_MISMATCH");
    const std::vector<std::string> commands = world_.node().commands();
    ASSERT_FALSE(commands.empty());
    internal::v1::Command gone;
    ASSERT_TRUE(gone.ParseFromString(commands.back()));
    EXPECT_EQ(gone.release_restored().stopped_for_ms(), taken_s * 1000);
  }
}

// 4500 s: the longest TTL, and its margin.
TEST_F(BackupServiceTest, NoLeaseIsLongerThanLeasesAre) {
  for (const int64_t said_s : {int64_t{4'501}, int64_t{-1}, int64_t{1} << 61,
                               std::numeric_limits<int64_t>::min()}) {
    SCOPED_TRACE(said_s);
    admin::ReleaseRestoredRequest request;
    request.set_old_epoch(1);
    request.mutable_longest_lease()->set_seconds(said_s);
    EXPECT_EQ(ReasonOf(Release(request)), "BAD_REQUEST");
    request.mutable_longest_lease()->set_seconds(4'500);
    EXPECT_EQ(ReasonOf(Release(request)), "EPOCH_MISMATCH");
    internal::v1::Command retired;
    ASSERT_TRUE(retired.ParseFromString(world_.node().commands().back()));
    EXPECT_EQ(retired.release_restored().longest_lease_ms(), 4'500'000);
  }
}

TEST_F(BackupServiceTest, ARetiredClusterSaysSoAndHowLongItsLeasesLast) {
  ASSERT_TRUE(Open(100).ok());
  admin::RetireClusterResponse response;
  EXPECT_EQ(ReasonOf(Retire(1, "b", &response)), "EPOCH_MISMATCH");
  EXPECT_EQ(ReasonOf(Retire(2, "", &response)), "BAD_REQUEST");
  cluster_id_.back() ^= 1;
  EXPECT_EQ(ReasonOf(Retire(2, "b", &response)), "BAD_REQUEST");
  cluster_id_ = kWorldClusterId;
  ASSERT_TRUE(Open(100).ok());
  ASSERT_TRUE(Retire(2, "b", &response).ok());
  EXPECT_EQ(response.longest_lease().seconds(), 125);
  // A later word of the same tells what is left.
  world_.node().AdvanceCluster(25'000);
  ASSERT_TRUE(Retire(2, "b", &response).ok());
  EXPECT_EQ(response.longest_lease().seconds(), 100);
  EXPECT_EQ(ReasonOf(Retire(2, "c", &response)), "CLUSTER_RETIRED");
  EXPECT_EQ(ReasonOf(Open(100)), "CLUSTER_RETIRED");
  const admin::GetRestorationResponse restoration = Restoration();
  EXPECT_EQ(restoration.retired_for_epoch(), 2U);
  EXPECT_EQ(restoration.retired_by(), ClientNames("admin").substr(4));
}

}  // namespace
}  // namespace quorate::server
