// Whatever moment the power goes, a member finds a whole snapshot or none, and
// a whole one installs. Making, receiving and installing are interrupted at
// each file operation in turn.

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/log.h"
#include "replication/snapshot/snapshot_store.h"
#include "tests/replication/snapshot/snapshot_samples.h"

namespace quorate::replication {
namespace {

absl::Status AcceptAll(const StateReader&) {
  return absl::OkStatus();
}

// What is wrong with what a start finds: the newest must be one of two.
std::string Look(SnapshotMember* member, uint64_t before, uint64_t after,
                 bool done) {
  absl::Status status = member->Open();
  if (!status.ok()) return status.ToString();
  const auto newest = member->snapshots().Newest();
  const uint64_t index = newest.has_value() ? newest->index.value() : 0;
  if (index != after && (done || index != before)) {
    return absl::StrCat("the newest is of ", index);
  }
  if (index == 0) return "";
  const auto folder = member->snapshots().Received(*newest);
  if (!folder.ok()) return folder.status().ToString();
  status = member->state().Install(*folder, AcceptAll);
  return status.ok() ? member->DifferenceFrom(index) : status.ToString();
}

using Work = std::function<absl::Status(SnapshotMember* member)>;

// `prepare` leads to a newest snapshot of `before`, `work` to one of `after`.
// Returns how often the power went in `work`.
int Walk(uint64_t before, uint64_t after, const Work& prepare,
         const Work& work) {
  ConfigureLog(LogLevel::kOff, "");
  int interrupted = 0;
  bool ended = false;
  for (uint64_t operation = 1; operation <= 150 && !ended; ++operation) {
    SCOPED_TRACE(absl::StrCat("operation ", operation));
    Random random(operation);
    SnapshotMember member;
    EXPECT_EQ(prepare(&member), absl::OkStatus());
    member.disk().PowerOffAt(operation);
    const bool ok = work(&member).ok();
    ended = member.disk().powered();
    if (!ended) ++interrupted;
    member.Crash(&random);
    EXPECT_EQ(Look(&member, before, after, ok && ended), "");
    // A start leaves nothing behind that another one stumbles over.
    member.Crash(&random);
    EXPECT_EQ(Look(&member, before, after, false), "");
  }
  EXPECT_TRUE(ended) << "the walk ends too early";
  ConfigureLog(LogLevel::kInfo, "");
  return interrupted;
}

TEST(SnapshotCrashTest, MakingOneLeavesTheOldOrTheNew) {
  const int interrupted = Walk(
      20, 50,
      [](SnapshotMember* member) {
        member->Fill(20);
        absl::Status status = member->Make(20);
        member->Fill(50);
        return status;
      },
      [](SnapshotMember* member) { return member->Make(50); });
  EXPECT_GT(interrupted, 20);
}

TEST(SnapshotCrashTest, ReceivingOneLeavesTheOldOrTheNew) {
  SnapshotMember from;
  from.Fill(50);
  ASSERT_EQ(from.Make(50), absl::OkStatus());
  const auto source = from.snapshots().OpenNewest();
  ASSERT_TRUE(source.ok()) << source.status();
  const int interrupted = Walk(
      20, 50,
      [](SnapshotMember* member) {
        member->Fill(20);
        return member->Make(20);
      },
      [&source](SnapshotMember* member) {
        SnapshotStore& snapshots = member->snapshots();
        const auto offset = snapshots.BeginReceiving((*source)->header());
        if (!offset.ok()) return offset.status();
        absl::Status status = SendAll(source->get(), *offset, 5000, &snapshots);
        return status.ok() ? snapshots.FinishReceiving() : status;
      });
  EXPECT_GT(interrupted, 20);
}

TEST(SnapshotCrashTest, InstallingOneLeavesItToBeInstalledAgain) {
  SnapshotMember from;
  from.Fill(50);
  ASSERT_EQ(from.Make(50), absl::OkStatus());
  const auto source = from.snapshots().OpenNewest();
  ASSERT_TRUE(source.ok()) << source.status();
  const int interrupted = Walk(
      50, 50,
      [&source](SnapshotMember* member) {
        SnapshotStore& snapshots = member->snapshots();
        const auto offset = snapshots.BeginReceiving((*source)->header());
        if (!offset.ok()) return offset.status();
        absl::Status status = SendAll(source->get(), *offset, 5000, &snapshots);
        return status.ok() ? snapshots.FinishReceiving() : status;
      },
      [](SnapshotMember* member) {
        const auto folder = member->snapshots().Received(SnapshotAt(50));
        if (!folder.ok()) return folder.status();
        return member->state().Install(*folder, AcceptAll);
      });
  EXPECT_GT(interrupted, 20);
}

}  // namespace
}  // namespace quorate::replication
