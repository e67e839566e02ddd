// Property: a restored member begins on hold with what the backup holds, all of
// them alike; and no file that is damaged, changed or another's makes a member.
// Method: backups of a ledger in real databases, restored, then mutated: bytes
// at random, with the checksum made good again, and licences that nobody
// signed.

#include "server/member_restore.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "backup/backup_file.h"
#include "base/random.h"
#include "server/member_stores.h"
#include "server/rpc/license_terms.h"
#include "tests/server/licensing/commands.h"
#include "tests/support/seed.h"
#include "tests/trust/demo_vendor.h"

namespace quorate::server {
namespace {

using internal::v1::Command;
using licensing::kAlice;
using licensing::kClusterId;

std::string FolderOf(const std::string& name) {
  return absl::StrCat(testing::TempDir(), "member_restore_", getpid(), "_",
                      name);
}

Config ConfigOf(const std::string& name, uint32_t epoch) {
  Config config;
  config.cluster_id = kClusterId;
  config.cluster_epoch = epoch;
  for (uint64_t i = 1; i <= 3; ++i) {
    config.members.push_back({raft::MemberId(epoch * 10 + i),
                              absl::StrCat("m", i), absl::StrCat("h", i, ":1"),
                              absl::StrCat("h", i, ":2")});
  }
  config.self = config.members[0];
  config.data_dir = FolderOf(name);
  std::filesystem::remove_all(config.data_dir);
  return config;
}

Command LicenseCommand(const std::string& text, uint32_t count) {
  const trust::DemoVendor vendor;
  const auto verifier = trust::LicenseVerifier::Create(vendor.RootFile());
  const auto verified = (*verifier)->Verify(text);
  EXPECT_TRUE(verified.ok()) << verified.status();
  Command command;
  internal::v1::InstallLicense* body = command.mutable_install_license();
  body->set_license_file(text);
  body->set_payload_sha256(verified->payload_sha256);
  *body->mutable_terms() = TermsOf(verified->license);
  body->mutable_terms()->mutable_features(0)->set_count(count);
  return command;
}

std::string LicenseText(uint32_t count) {
  trust::DemoVendor vendor;
  vendor.license.mutable_binding()->set_cluster_id(
      absl::HexStringToBytes(kClusterId));
  vendor.license.mutable_binding()->set_cluster_epoch(1);
  vendor.license.clear_features();
  document::v1::Feature* feature = vendor.license.add_features();
  feature->set_name("cad");
  feature->set_count(count);
  feature->set_borrow_max_ms(int64_t{3} * 24 * 3'600'000);
  return vendor.LicenseText();
}

// What `quorate backup create` writes of a member that applied `commands`.
std::string MakeBackup(const std::vector<Command>& commands) {
  const Config config = ConfigOf("source", 1);
  EXPECT_TRUE(InitMember(config).ok());
  auto stores = OpenMember(config);
  EXPECT_TRUE(stores.ok()) << stores.status();
  raft::SnapshotPosition position;
  for (Command command : commands) {
    command.set_principal(kAlice);
    position.index = position.index.Next();
    position.term = raft::Term(3);
    position.stamp = {.cluster_ms = 1000,
                      .calendar_ms = trust::kDemoNowMs + 1000};
    command.set_request_id(absl::StrCat("r", position.index.value()));
    command.set_not_after_cluster_ms(2000);
    const raft::Entry entry = {.index = position.index,
                               .term = position.term,
                               .type = raft::EntryType::kCommand,
                               .stamp = position.stamp,
                               .payload = std::make_shared<const std::string>(
                                   command.SerializeAsString())};
    const auto answers = stores->replica->Apply({&entry, 1});
    const auto& answer = static_cast<const LicensingAnswer&>(*answers[0]);
    EXPECT_TRUE(answer.ledger.ok()) << command.ShortDebugString();
  }
  position.configuration =
      std::make_shared<const raft::Configuration>(InitialConfiguration(config));
  position.configuration_index = raft::Index(1);
  const auto folder = stores->snapshots->CheckpointFolder();
  EXPECT_TRUE(stores->replica->Checkpoint(*folder).ok());
  EXPECT_TRUE(stores->snapshots->Adopt(*folder, position).ok());
  const auto source = stores->snapshots->OpenNewest();
  const replication::SnapshotHeader& header = (*source)->header();
  std::string file =
      backup::EncodeHead({.cluster_id = kClusterId,
                          .cluster_epoch = 1,
                          .manifest = header.manifest,
                          .content_bytes = header.total_bytes,
                          .created_calendar_ms = position.stamp.calendar_ms,
                          .member = "m1"});
  for (uint64_t offset = 0; offset < header.total_bytes;) {
    const auto piece = (*source)->Read(offset, 64 << 10);
    offset += piece->size();
    file += *piece;
  }
  backup::RunningSha256 sha256;
  sha256.Add(file);
  return file + sha256.Digest();
}

TEST(UnknownBorrowsNoticeTest, SaysHowLongTheyCanBeOut) {
  EXPECT_EQ(UnknownBorrowsNotice({}), "");
  const std::string notice =
      UnknownBorrowsNotice({.backup_calendar_ms = 1'767'225'600'000,
                            .longest_borrow_ms = int64_t{30} * 24 * 3'600'000});
  EXPECT_THAT(notice, testing::HasSubstr("made, 2026-01-01 00:00 UTC"));
  EXPECT_THAT(notice,
              testing::HasSubstr("can be out until 30 days and an hour"));
}

// A licence of 20, a session that holds five, another of nothing.
std::string MakeGoodBackup() {
  return MakeBackup({LicenseCommand(LicenseText(20), 20),
                     licensing::OpenCommand(60'000),
                     licensing::CheckoutCommand(1, {{"cad", 5}}),
                     licensing::OpenCommand(60'000)});
}

class MemberRestoreTest : public testing::Test {
 protected:
  ~MemberRestoreTest() override {
    for (const char* name : {"source", "m1", "m2", "m3"}) {
      std::filesystem::remove_all(FolderOf(name));
    }
    std::filesystem::remove(path_);
  }

  absl::StatusOr<RestoredMember> Restore(const Config& config,
                                         const std::string& file) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << file;
    return RestoreMember(config, *verifier_, path_);
  }

  const std::string path_ = FolderOf("file");
  const std::unique_ptr<trust::LicenseVerifier> verifier_ =
      *trust::LicenseVerifier::Create(trust::DemoVendor().RootFile());
};

TEST_F(MemberRestoreTest, BeginsOnHoldWithWhatTheBackupHolds) {
  const Config config = ConfigOf("m1", 2);
  const auto restored = Restore(config, MakeGoodBackup());
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->old_epoch, 1u);
  EXPECT_EQ(restored->index, 4u);
  EXPECT_EQ(restored->sessions, 2u);
  EXPECT_EQ(restored->seats, 1u);
  EXPECT_EQ(restored->backup_calendar_ms, trust::kDemoNowMs + 1000);
  EXPECT_EQ(restored->longest_borrow_ms, int64_t{3} * 24 * 3'600'000);

  const auto stores = OpenMember(config);
  ASSERT_TRUE(stores.ok()) << stores.status();
  EXPECT_EQ(stores->log->identity().member_id, raft::MemberId(21));
  EXPECT_EQ(stores->log->LastIndex(), raft::Index(4));
  const auto configurations = stores->log->RestoredConfigurations();
  ASSERT_FALSE(configurations.empty());
  EXPECT_EQ(configurations.back().configuration->addresses, config.members);
  EXPECT_EQ(configurations.back().configuration->membership.voters.size(), 3u);
  EXPECT_EQ(stores->replica->AppliedIndex(), raft::Index(4));
  const licensing::Ledger& ledger = stores->replica->ledger();
  EXPECT_EQ(ledger.FindPool("cad")->total, 20u);
  EXPECT_EQ(ledger.FindPool("cad")->out, 5u);
  EXPECT_EQ(ledger.answer_count(), 0u);
  ASSERT_NE(ledger.restoration(), nullptr);
  EXPECT_FALSE(ledger.restoration()->released());
  EXPECT_EQ(ledger.restoration()->old_epoch(), 1u);
  ASSERT_EQ(ledger.restoration()->old_clients_size(), 3);
  EXPECT_EQ(ledger.restoration()->old_clients(0), "h1:2");
}

TEST_F(MemberRestoreTest, AWrongEpochInTheFileIsNoDamage) {
  Config config = ConfigOf("m1", 2);
  ASSERT_TRUE(Restore(config, MakeGoodBackup()).ok());
  config.cluster_epoch = 3;
  const absl::Status status = OpenMember(config).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "cluster.epoch")) << status;
}

TEST_F(MemberRestoreTest, AllBeginAlikeWhereFileAndSectionAreTheSame) {
  const std::string file = MakeGoodBackup();
  std::vector<std::vector<licensing::RecordChange>> dumps;
  std::vector<std::string> ids;
  for (const char* name : {"m1", "m2", "m3"}) {
    Config config = ConfigOf(name, 2);
    config.self = config.members[std::string(name)[1] - '1'];
    // But the third's file names another machine.
    if (config.self.name == "m3") config.members[0].client_endpoint = "h9:1";
    const absl::Status made = Restore(config, file).status();
    ASSERT_TRUE(made.ok()) << made;
    const auto stores = OpenMember(config);
    ASSERT_TRUE(stores.ok()) << stores.status();
    dumps.push_back(stores->replica->ledger().Dump());
    ids.push_back(stores->replica->ledger().restoration()->restore_id());
  }
  EXPECT_EQ(dumps[0], dumps[1]);
  EXPECT_NE(ids[0], ids[2]) << "the two would take each other for their own";
}

TEST_F(MemberRestoreTest, NeverOverwrites) {
  const std::string file = MakeGoodBackup();
  const Config config = ConfigOf("m1", 2);
  ASSERT_TRUE(Restore(config, file).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(Restore(config, file).status()));
}

TEST_F(MemberRestoreTest, TakesOnlyWhatIsNewForTheOldCluster) {
  const std::string file = MakeGoodBackup();
  const auto code = [&](const std::function<void(Config*)>& spoil) {
    Config config = ConfigOf("m1", 2);
    spoil(&config);
    const absl::Status status = Restore(config, file).status();
    EXPECT_FALSE(std::filesystem::exists(config.data_dir));
    return status.code();
  };
  const auto invalid = absl::StatusCode::kInvalidArgument;
  EXPECT_EQ(code([](Config* config) { config->cluster_epoch = 1; }), invalid);
  EXPECT_EQ(code([](Config* config) { config->cluster_epoch = 1 << 19; }),
            invalid);
  EXPECT_EQ(
      code([](Config* config) { config->members[2].id = raft::MemberId(12); }),
      invalid);
  EXPECT_EQ(code([](Config* config) {
              config->cluster_id = "fedcba9876543210fedcba9876543210";
            }),
            invalid);
}

// Who edits a backup can make the checksum good, and gains nothing.
TEST_F(MemberRestoreTest, ALicenceThatNobodySignedIsRefused) {
  const Config config = ConfigOf("m1", 2);
  const absl::Status more =
      Restore(config, MakeBackup({LicenseCommand(LicenseText(20), 2000)}))
          .status();
  EXPECT_EQ(more.code(), absl::StatusCode::kDataLoss) << more;
  EXPECT_TRUE(absl::StrContains(more.message(), "signed")) << more;

  Command forged = LicenseCommand(LicenseText(20), 20);
  std::string* text = forged.mutable_install_license()->mutable_license_file();
  (*text)[text->size() / 2] ^= 1;
  EXPECT_EQ(Restore(config, MakeBackup({forged})).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_FALSE(std::filesystem::exists(config.data_dir));
}

TEST_F(MemberRestoreTest, ABackupOfARetiredClusterIsRefused) {
  const absl::Status status =
      Restore(ConfigOf("m1", 2),
              MakeBackup({licensing::RetireCommand(1, 2, "b")}))
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
}

TEST_F(MemberRestoreTest, NoMutationMakesAMemberOfAnythingElse) {
  const std::string good = MakeGoodBackup();
  const size_t content = backup::DecodeHead(good)->value().bytes;
  const Config config = ConfigOf("m1", 2);
  ASSERT_TRUE(Restore(config, good).ok());
  const auto expected = [&] {
    return OpenMember(config)->replica->ledger().Dump();
  }();
  int refused = 0;
  int unharmed = 0;
  for (const uint64_t seed : TestSeeds(1, 150)) {
    SCOPED_TRACE(ReplayLine(seed, "server_member_restore_test", "*Mutation*"));
    Random random(seed);
    std::string bad = good;
    const bool in_head = random.OneIn(3);
    for (uint64_t i = random.Between(1, 3); i > 0; --i) {
      const size_t at =
          in_head ? random.Below(content) : random.Below(bad.size());
      bad[at] = static_cast<char>(random.Below(256));
    }
    if (random.OneIn(4)) bad.resize(random.Below(bad.size()));
    // Half of them with a checksum that is right.
    if (random.OneIn(2) && bad.size() > 64) {
      bad.resize(bad.size() - backup::kSha256Bytes);
      backup::RunningSha256 sha256;
      sha256.Add(bad);
      bad += sha256.Digest();
    }
    std::filesystem::remove_all(config.data_dir);
    const auto restored = Restore(config, bad);
    if (!restored.ok()) {
      EXPECT_FALSE(std::filesystem::exists(config.data_dir));
      ++refused;
      continue;
    }
    // What no one relies on, like who made it; the records are as they were,
    // but for how the restore came to be.
    const auto stores = OpenMember(config);
    ASSERT_TRUE(stores.ok()) << stores.status();
    const auto dump = stores->replica->ledger().Dump();
    ASSERT_EQ(dump.size(), expected.size());
    EXPECT_TRUE(std::equal(dump.begin() + 1, dump.end(), expected.begin() + 1));
    ++unharmed;
  }
  std::printf("%d mutated backups refused, %d harmless\n", refused, unharmed);
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace quorate::server
