// The simulated disk forgets exactly what was not synced and fails where it was
// told to. One test a promise of sim_disk.h.

#include "tests/support/sim_disk.h"

#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace quorate {
namespace {

using Handle = SimDisk::Handle;

Handle Make(SimDisk* disk, absl::string_view path) {
  Handle file;
  EXPECT_EQ(disk->Create(path, &file), DiskError::kNone);
  return file;
}

void SyncFolder(SimDisk* disk, absl::string_view path) {
  Handle folder;
  ASSERT_EQ(disk->Open(path, &folder), DiskError::kNone);
  ASSERT_EQ(disk->SyncFolder(folder), DiskError::kNone);
}

std::set<std::string> Names(SimDisk* disk, absl::string_view path) {
  std::vector<std::string> names;
  EXPECT_EQ(disk->List(path, &names), DiskError::kNone);
  return {names.begin(), names.end()};
}

void Crash(SimDisk* disk, uint64_t seed, TailLoss loss) {
  Random random(seed);
  disk->PowerOff();
  disk->PowerOn(&random, {.tail_loss = loss});
}

TEST(SimDiskTest, SyncedBytesSurviveOthersAreDropped) {
  SimDisk disk;
  const Handle file = Make(&disk, "/a");
  SyncFolder(&disk, "/");
  EXPECT_EQ(disk.Append(file, "synced"), DiskError::kNone);
  EXPECT_EQ(disk.Sync(file), DiskError::kNone);
  EXPECT_EQ(disk.Append(file, "lost"), DiskError::kNone);
  EXPECT_EQ(disk.Contents("/a"), "syncedlost");
  Crash(&disk, 1, TailLoss::kDrop);
  EXPECT_EQ(disk.Contents("/a"), "synced");
}

TEST(SimDiskTest, ATailIsCutAtAnyByte) {
  std::set<std::string> seen;
  std::set<std::string> seen_with_zeros;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    for (const TailLoss loss :
         {TailLoss::kPrefix, TailLoss::kPrefixThenZeros}) {
      SimDisk disk;
      const Handle file = Make(&disk, "/a");
      SyncFolder(&disk, "/");
      EXPECT_EQ(disk.Append(file, "s"), DiskError::kNone);
      EXPECT_EQ(disk.Sync(file), DiskError::kNone);
      EXPECT_EQ(disk.Append(file, "xyz"), DiskError::kNone);
      Crash(&disk, seed, loss);
      (loss == TailLoss::kPrefix ? seen : seen_with_zeros)
          .insert(disk.Contents("/a"));
    }
  }
  EXPECT_EQ(seen, (std::set<std::string>{"s", "sx", "sxy", "sxyz"}));
  EXPECT_TRUE(seen_with_zeros.contains(std::string("sx\0", 3)));
  EXPECT_TRUE(seen_with_zeros.contains(std::string("s\0\0\0", 4)));
}

TEST(SimDiskTest, AFolderForgetsUnsyncedChangesFromTheEnd) {
  std::set<std::set<std::string>> seen;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SimDisk disk;
    Make(&disk, "/old");
    SyncFolder(&disk, "/");
    Make(&disk, "/new");
    EXPECT_EQ(disk.Rename("/new", "/renamed"), DiskError::kNone);
    EXPECT_EQ(disk.Remove("/old"), DiskError::kNone);
    EXPECT_EQ(Names(&disk, "/"), (std::set<std::string>{"renamed"}));
    Crash(&disk, seed, TailLoss::kPrefix);
    seen.insert(Names(&disk, "/"));
  }
  EXPECT_EQ(seen,
            (std::set<std::set<std::string>>{
                {"old"}, {"old", "new"}, {"old", "renamed"}, {"renamed"}}));
}

TEST(SimDiskTest, ASyncedFolderKeepsItsChanges) {
  SimDisk disk;
  EXPECT_EQ(disk.CreateFolder("/d"), DiskError::kNone);
  EXPECT_EQ(disk.CreateFolder("/d"), DiskError::kExists);
  SyncFolder(&disk, "/");
  Make(&disk, "/d/a");
  EXPECT_EQ(disk.Link("/d/a", "/d/b"), DiskError::kNone);
  EXPECT_EQ(disk.Link("/d/a", "/d/b"), DiskError::kExists);
  SyncFolder(&disk, "/d");
  Crash(&disk, 1, TailLoss::kDrop);
  EXPECT_EQ(Names(&disk, "/d"), (std::set<std::string>{"a", "b"}));
  EXPECT_EQ(disk.Remove("/d"), DiskError::kExists);
}

TEST(SimDiskTest, AKillLosesNothingButHandlesAndLocks) {
  SimDisk disk;
  const Handle file = Make(&disk, "/a");
  Handle lock;
  EXPECT_EQ(disk.Append(file, "x"), DiskError::kNone);
  EXPECT_EQ(disk.Lock("/LOCK", &lock), DiskError::kNone);
  EXPECT_EQ(disk.Lock("/LOCK", &lock), DiskError::kBusy);
  disk.KillProcess();
  EXPECT_EQ(disk.Append(file, "y"), DiskError::kIo);
  EXPECT_EQ(disk.Sync(file), DiskError::kIo);
  EXPECT_EQ(disk.Unlock(lock, "/LOCK"), DiskError::kIo);
  EXPECT_EQ(disk.Lock("/LOCK", &lock), DiskError::kNone);
  EXPECT_EQ(disk.Contents("/a"), "x");
}

TEST(SimDiskTest, PlannedFaultsHitTheirOperationOnce) {
  SimDisk disk;
  const Handle file = Make(&disk, "/a");
  disk.FailNth(DiskOperation::kWrite, 2, DiskError::kNoSpace);
  EXPECT_EQ(disk.Append(file, "1"), DiskError::kNone);
  EXPECT_EQ(disk.Append(file, "2"), DiskError::kNoSpace);
  EXPECT_EQ(disk.Append(file, "3"), DiskError::kNone);
  EXPECT_EQ(disk.Contents("/a"), "13");
}

TEST(SimDiskTest, AFailedSyncLosesItsBytesAlthoughALaterOneSucceeds) {
  SimDisk disk;
  const Handle file = Make(&disk, "/a");
  SyncFolder(&disk, "/");
  EXPECT_EQ(disk.Append(file, "x"), DiskError::kNone);
  disk.FailNth(DiskOperation::kSync, 1, DiskError::kIo);
  EXPECT_EQ(disk.Sync(file), DiskError::kIo);
  EXPECT_EQ(disk.Sync(file), DiskError::kNone);
  Crash(&disk, 1, TailLoss::kDrop);
  EXPECT_EQ(disk.Contents("/a"), "");
}

TEST(SimDiskTest, ThePowerGoesAtItsOperation) {
  SimDisk disk;
  const Handle file = Make(&disk, "/a");
  SyncFolder(&disk, "/");
  disk.PowerOffAt(2);
  EXPECT_EQ(disk.Append(file, "x"), DiskError::kNone);
  EXPECT_TRUE(disk.powered());
  EXPECT_EQ(disk.Sync(file), DiskError::kIo);
  EXPECT_FALSE(disk.powered());
  Handle other;
  EXPECT_EQ(disk.Open("/a", &other), DiskError::kIo);
  EXPECT_EQ(disk.Create("/b", &other), DiskError::kIo);
  Crash(&disk, 1, TailLoss::kDrop);
  EXPECT_EQ(Names(&disk, "/"), (std::set<std::string>{"a"}));
  EXPECT_EQ(disk.Contents("/a"), "");
}

TEST(SimDiskTest, ReadsAndSizesAreThoseOfThePageCache) {
  SimDisk disk;
  const Handle file = Make(&disk, "/a");
  EXPECT_EQ(disk.Append(file, "hello"), DiskError::kNone);
  char buffer[8];
  size_t read = 0;
  EXPECT_EQ(disk.Read(file, 1, 3, buffer, &read), DiskError::kNone);
  EXPECT_EQ(std::string(buffer, read), "ell");
  EXPECT_EQ(disk.Read(file, 4, 8, buffer, &read), DiskError::kNone);
  EXPECT_EQ(std::string(buffer, read), "o");
  EXPECT_EQ(disk.Read(file, 9, 8, buffer, &read), DiskError::kNone);
  EXPECT_EQ(read, 0u);
  EXPECT_EQ(disk.Truncate(file, 2), DiskError::kNone);
  uint64_t size = 0;
  EXPECT_EQ(disk.Size(file, &size), DiskError::kNone);
  EXPECT_EQ(size, 2u);
}

}  // namespace
}  // namespace quorate
