// A snapshot that was made on one member is installed on another as it was, or
// not at all. Real state stores on simulated disks: transfers that break and
// go on, members that restart, disks that fill up, newer snapshots meanwhile.

#include "replication/snapshot/snapshot_store.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "replication/snapshot/manifest.h"
#include "tests/replication/snapshot/snapshot_samples.h"
#include "tests/support/seed.h"

namespace quorate::replication {
namespace {

using raft::Index;

absl::Status AcceptAll(const StateReader&) {
  return absl::OkStatus();
}

std::unique_ptr<SnapshotSource> MustOpen(SnapshotMember* member) {
  auto source = member->snapshots().OpenNewest();
  EXPECT_TRUE(source.ok()) << source.status();
  return source.ok() ? *std::move(source) : nullptr;
}

// The state moves to `index`, and a snapshot of it is made.
std::unique_ptr<SnapshotSource> MustMake(SnapshotMember* member,
                                         uint64_t index) {
  member->Fill(index);
  EXPECT_EQ(member->Make(index), absl::OkStatus());
  return MustOpen(member);
}

// Receives all of `source` and installs it.
std::string ReceiveAndInstall(SnapshotSource* source, SnapshotMember* to) {
  const auto offset = to->snapshots().BeginReceiving(source->header());
  if (!offset.ok()) return offset.status().ToString();
  absl::Status status = SendAll(source, *offset, 1000, &to->snapshots());
  if (status.ok()) status = to->snapshots().FinishReceiving();
  if (!status.ok()) return status.ToString();
  const auto folder = to->snapshots().Received(source->header().position);
  if (!folder.ok()) return folder.status().ToString();
  status = to->state().Install(*folder, AcceptAll);
  return status.ok() ? "" : status.ToString();
}

TEST(SnapshotStoreTest, AFreshMemberHasNone) {
  SnapshotMember member;
  EXPECT_FALSE(member.snapshots().Newest().has_value());
  EXPECT_TRUE(absl::IsNotFound(member.snapshots().OpenNewest().status()));
  EXPECT_TRUE(
      absl::IsNotFound(member.snapshots().Received(SnapshotAt(1)).status()));
  EXPECT_EQ(member.snapshots().FinishReceiving().code(),
            absl::StatusCode::kAborted);
  EXPECT_EQ(member.snapshots().Receive(0, "x").code(),
            absl::StatusCode::kAborted);
}

TEST(SnapshotStoreTest, ASnapshotTravelsFromMemberToMember) {
  SnapshotMember from;
  SnapshotMember to;
  from.Fill(150);
  ASSERT_EQ(from.Make(150), absl::OkStatus());
  from.Fill(170);
  EXPECT_EQ(from.snapshots().Newest()->index, Index(150));
  EXPECT_EQ(ReceiveAndInstall(MustOpen(&from).get(), &to), "");
  EXPECT_EQ(to.DifferenceFrom(150), "");
  EXPECT_EQ(to.snapshots().Newest()->index, Index(150));
  // All of it survives, and both go on.
  ASSERT_EQ(to.Open(), absl::OkStatus());
  EXPECT_EQ(to.DifferenceFrom(150), "");
  to.Fill(170);
  EXPECT_EQ(to.DifferenceFrom(170), "");
  EXPECT_EQ(from.DifferenceFrom(170), "");
}

TEST(SnapshotStoreTest, OnlyTheNewestIsKeptAndAReaderIsNotDisturbed) {
  SnapshotMember from;
  const auto source = MustMake(&from, 50);
  from.Fill(120);
  ASSERT_EQ(from.Make(120), absl::OkStatus());
  // One that took longer to make than the next one.
  ASSERT_EQ(from.Make(100), absl::OkStatus());
  EXPECT_EQ(from.snapshots().Newest()->index, Index(120));
  std::vector<std::string> names;
  from.disk().List("/m1/snapshots", &names);
  EXPECT_EQ(names.size(), 1u);
  SnapshotMember to;
  EXPECT_EQ(ReceiveAndInstall(source.get(), &to), "");
  EXPECT_EQ(to.DifferenceFrom(50), "");
}

TEST(SnapshotStoreTest, ATransferThatBreaksGoesOnWhereItWas) {
  for (const uint64_t seed : TestSeeds(1, 20)) {
    SCOPED_TRACE(ReplayLine(seed, "snapshot_store_test", "*WhereItWas"));
    Random random(seed);
    SnapshotMember from;
    SnapshotMember to;
    const auto source = MustMake(&from, 60);
    const SnapshotHeader& header = source->header();
    uint64_t sent = 0;
    while (true) {
      const auto offset = to.snapshots().BeginReceiving(header);
      ASSERT_TRUE(offset.ok()) << offset.status();
      if (*offset == header.total_bytes) break;
      for (uint64_t at = *offset, left = random.Below(6);
           left > 0 && at < header.total_bytes; --left) {
        const auto bytes = source->Read(at, random.Between(1, 3000));
        ASSERT_TRUE(bytes.ok()) << bytes.status();
        ASSERT_EQ(to.snapshots().Receive(at, *bytes), absl::OkStatus());
        at += bytes->size();
        sent += bytes->size();
      }
      if (random.OneIn(4)) ASSERT_EQ(to.Open(), absl::OkStatus());
    }
    EXPECT_LE(sent, 20 * header.total_bytes);
    ASSERT_EQ(to.snapshots().FinishReceiving(), absl::OkStatus());
    const auto folder = to.snapshots().Received(header.position);
    ASSERT_TRUE(folder.ok()) << folder.status();
    ASSERT_EQ(to.state().Install(*folder, AcceptAll), absl::OkStatus());
    EXPECT_EQ(to.DifferenceFrom(60), "");
  }
}

TEST(SnapshotStoreTest, BytesThatDoNotGoOnAreRefused) {
  SnapshotMember from;
  SnapshotMember to;
  const auto source = MustMake(&from, 30);
  const uint64_t total = source->header().total_bytes;
  ASSERT_EQ(*to.snapshots().BeginReceiving(source->header()), 0u);
  EXPECT_EQ(to.snapshots().Receive(1, "x").code(), absl::StatusCode::kAborted);
  EXPECT_EQ(to.snapshots().FinishReceiving().code(),
            absl::StatusCode::kAborted);
  ASSERT_EQ(SendAll(source.get(), 0, 4096, &to.snapshots()), absl::OkStatus());
  EXPECT_EQ(to.snapshots().Receive(total, "x").code(),
            absl::StatusCode::kAborted);
  EXPECT_FALSE(source->Read(total, 1).ok());
  EXPECT_EQ(to.snapshots().FinishReceiving(), absl::OkStatus());
}

TEST(SnapshotStoreTest, AnotherSnapshotEndsTheOneBeforeIt) {
  SnapshotMember from;
  SnapshotMember to;
  const auto older = MustMake(&from, 30);
  const auto newer = MustMake(&from, 60);
  ASSERT_EQ(*to.snapshots().BeginReceiving(older->header()), 0u);
  ASSERT_EQ(to.snapshots().Receive(0, *older->Read(0, 100)), absl::OkStatus());
  EXPECT_EQ(ReceiveAndInstall(newer.get(), &to), "");
  EXPECT_EQ(to.DifferenceFrom(60), "");
  // And one of its own ends what is older.
  ASSERT_EQ(*to.snapshots().BeginReceiving(older->header()), 0u);
  to.Fill(80);
  ASSERT_EQ(to.Make(80), absl::OkStatus());
  EXPECT_EQ(to.snapshots().Receive(0, "x").code(), absl::StatusCode::kAborted);
}

// A leader fell while its snapshot was on its way; what the next one sends is
// older, and its place in the log is where this member will begin.
TEST(SnapshotStoreTest, AnOlderOneTakesThePlaceOfWhatNobodyInstalled) {
  SnapshotMember from;
  SnapshotMember to;
  const auto older = MustMake(&from, 30);
  const auto newer = MustMake(&from, 60);
  ASSERT_TRUE(to.snapshots().BeginReceiving(newer->header()).ok());
  ASSERT_EQ(SendAll(newer.get(), 0, 1000, &to.snapshots()), absl::OkStatus());
  ASSERT_EQ(to.snapshots().FinishReceiving(), absl::OkStatus());
  EXPECT_EQ(ReceiveAndInstall(older.get(), &to), "");
  EXPECT_EQ(to.snapshots().Newest()->index, Index(30));
  EXPECT_EQ(to.DifferenceFrom(30), "");
}

TEST(SnapshotStoreTest, WrongBytesAreFoundAtTheEnd) {
  SnapshotMember from;
  SnapshotMember to;
  const auto source = MustMake(&from, 30);
  const uint64_t total = source->header().total_bytes;
  for (const uint64_t at : {uint64_t{0}, total / 2, total - 1}) {
    ASSERT_EQ(*to.snapshots().BeginReceiving(source->header()), 0u);
    for (uint64_t i = 0; i < total; ++i) {
      std::string byte = *source->Read(i, 1);
      if (i == at) byte[0] = static_cast<char>(byte[0] ^ 1);
      ASSERT_EQ(to.snapshots().Receive(i, byte), absl::OkStatus());
    }
    EXPECT_EQ(to.snapshots().FinishReceiving().code(),
              absl::StatusCode::kDataLoss);
  }
  EXPECT_FALSE(to.snapshots().Newest().has_value());
  EXPECT_EQ(ReceiveAndInstall(source.get(), &to), "");
}

TEST(SnapshotStoreTest, ASnapshotWithoutRoomIsRefusedBeforeItComes) {
  SnapshotMember from;
  SnapshotMember to;
  const auto source = MustMake(&from, 30);
  const uint64_t total = source->header().total_bytes;
  to.disk().SetFreeBytes(to.options().keep_free_bytes + total - 1);
  EXPECT_EQ(to.snapshots().BeginReceiving(source->header()).status().code(),
            absl::StatusCode::kResourceExhausted);
  to.disk().SetFreeBytes(to.options().keep_free_bytes + total);
  EXPECT_EQ(ReceiveAndInstall(source.get(), &to), "");

  SnapshotMember small;
  small.options().max_bytes = total - 1;
  ASSERT_EQ(small.Open(), absl::OkStatus());
  EXPECT_EQ(small.snapshots().BeginReceiving(source->header()).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(SnapshotStoreTest, ADiskThatFailsMeanwhileCostsOneFileAtMost) {
  for (const DiskOperation operation :
       {DiskOperation::kWrite, DiskOperation::kSync}) {
    for (uint64_t nth = 1; nth <= 8; ++nth) {
      SnapshotMember from;
      SnapshotMember to;
      const auto source = MustMake(&from, 30);
      to.disk().FailNth(operation, nth, DiskError::kNoSpace);
      int attempts = 0;
      while (!ReceiveAndInstall(source.get(), &to).empty()) {
        ASSERT_LT(++attempts, 3);
      }
      EXPECT_EQ(to.DifferenceFrom(30), "");
    }
  }
}

TEST(SnapshotStoreTest, AHeaderThatBreaksARuleIsRefused) {
  SnapshotMember from;
  SnapshotMember to;
  from.Fill(30);
  ASSERT_EQ(from.Make(30), absl::OkStatus());
  const SnapshotHeader good = MustOpen(&from)->header();
  const auto refused = [&to](const SnapshotHeader& header) {
    return to.snapshots().BeginReceiving(header).status().code() ==
           absl::StatusCode::kInvalidArgument;
  };
  SnapshotHeader header = good;
  header.position.index = header.position.index.Next();
  EXPECT_TRUE(refused(header));
  header = good;
  header.position.configuration = nullptr;
  EXPECT_TRUE(refused(header));
  header = good;
  header.total_bytes += 1;
  EXPECT_TRUE(refused(header));
  header = good;
  SnapshotManifest manifest = *DecodeManifest(good.manifest);
  manifest.cluster_id[0] = manifest.cluster_id[0] == 'f' ? 'e' : 'f';
  header.manifest = EncodeManifest(manifest);
  EXPECT_TRUE(refused(header));
  EXPECT_FALSE(refused(good));
}

// Damage of any byte of any file of a member's own snapshot.
TEST(SnapshotStoreTest, ADamagedSnapshotIsNeverSentWholeOrInstalled) {
  SnapshotMember member;
  member.Fill(40);
  ASSERT_EQ(member.Make(40), absl::OkStatus());
  const std::string folder = member.NewestFolder();
  std::vector<std::string> names;
  member.disk().List(folder, &names);
  ASSERT_GE(names.size(), 4u);
  Random random(1);
  for (const std::string& name : names) {
    for (int round = 0; round < 6; ++round) {
      SCOPED_TRACE(absl::StrCat(name, " ", round));
      SnapshotMember victim;
      victim.Fill(40);
      ASSERT_EQ(victim.Make(40), absl::OkStatus());
      std::vector<std::string> found;
      victim.disk().List(victim.NewestFolder(), &found);
      ASSERT_EQ(found, names);
      const std::string path = absl::StrCat(victim.NewestFolder(), "/", name);
      std::string bytes = victim.disk().Contents(path);
      if (bytes.empty()) continue;
      const size_t bit = random.Below(8 * bytes.size());
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
      victim.disk().Overwrite(path, bytes);
      if (round % 3 == 0) {  // Found when it is sent.
        SnapshotMember to;
        if (name == ".manifest") continue;  // In memory; see the next.
        const auto source = MustOpen(&victim);
        EXPECT_NE(ReceiveAndInstall(source.get(), &to), "");
      } else if (round % 3 == 1) {  // Found when it is to be installed.
        if (name == ".manifest") continue;
        EXPECT_EQ(victim.snapshots().Received(SnapshotAt(40)).status().code(),
                  absl::StatusCode::kDataLoss);
      } else {  // The manifest is found at the start.
        // A table is the state's, too, which says so itself.
        if (name != ".manifest") continue;
        ASSERT_EQ(victim.Open(), absl::OkStatus());
      }
      EXPECT_FALSE(victim.snapshots().Newest().has_value());
      EXPECT_TRUE(absl::IsNotFound(victim.snapshots().OpenNewest().status()));
      // Another takes its place.
      EXPECT_EQ(victim.Make(40), absl::OkStatus());
      EXPECT_TRUE(victim.snapshots().Newest().has_value());
    }
  }
}

}  // namespace
}  // namespace quorate::replication
