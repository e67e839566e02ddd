// A mark is what was marked last, or something older where the power went; the
// tail of a write-ahead log is judged without harm whatever bytes it has. A
// simulated disk, and random bytes.

#include "replication/storage/synced_mark.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"

#include "base/random.h"
#include "replication/storage/wal_tail.h"
#include "tests/support/seed.h"
#include "tests/support/sim_file_system.h"

namespace quorate::replication {
namespace {

std::unique_ptr<SyncedMark> MustOpen(SimFileSystem* files) {
  auto mark = SyncedMark::Open(files->env(), "/synced");
  EXPECT_TRUE(mark.ok()) << mark.status();
  return *std::move(mark);
}

TEST(SyncedMarkTest, AfterTheProcessDiedItIsExact) {
  SimFileSystem files;
  EXPECT_EQ(MustOpen(&files)->sequence(), 0u);
  for (uint64_t sequence = 5; sequence < 50; sequence += 3) {
    ASSERT_EQ(MustOpen(&files)->Write(sequence), absl::OkStatus());
    files.disk().KillProcess();
    EXPECT_EQ(MustOpen(&files)->sequence(), sequence);
  }
}

TEST(SyncedMarkTest, AfterAPowerLossItIsNeverAhead) {
  int older = 0;
  for (const uint64_t seed : TestSeeds(1, 200)) {
    SCOPED_TRACE(ReplayLine(seed, "synced_mark_test", "*NeverAhead"));
    Random random(seed);
    SimFileSystem files;
    SimDisk::Handle root;
    MustOpen(&files);
    files.disk().Open("/", &root);
    files.disk().SyncFolder(root);
    uint64_t last = 0;
    for (int life = 0; life < 4; ++life) {
      const auto mark = MustOpen(&files);
      EXPECT_LE(mark->sequence(), last);
      if (mark->sequence() < last) ++older;
      for (uint64_t left = random.Below(6); left > 0; --left) {
        ASSERT_EQ(mark->Write(++last), absl::OkStatus());
      }
      files.Crash(&random);
    }
  }
  EXPECT_GT(older, 20);
}

TEST(SyncedMarkTest, ADamagedSlotLeavesTheOther) {
  SimFileSystem files;
  const auto mark = MustOpen(&files);
  ASSERT_EQ(mark->Write(7), absl::OkStatus());
  ASSERT_EQ(mark->Write(8), absl::OkStatus());
  const std::string good = files.disk().Contents("/synced");
  for (size_t bit = 0; bit < 8 * good.size(); bit += bit < 128 ? 1 : 509) {
    std::string damaged = good;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    files.disk().Overwrite("/synced", damaged);
    const uint64_t sequence = MustOpen(&files)->sequence();
    EXPECT_TRUE(sequence == 7 || sequence == 8) << bit;
  }
}

// Records of a log: full ones of 30 bytes, each a batch of two.
std::string Wal(int records) {
  std::string wal;
  for (int i = 0; i < records; ++i) {
    std::string record(37, 'x');
    record[4] = 30;
    record[5] = 0;
    record[6] = 1;
    for (int byte = 0; byte < 12; ++byte) {
      record[7 + byte] = 0;
    }
    record[7] = static_cast<char>(1 + 2 * i);
    record[15] = 2;
    wal += record;
  }
  return wal;
}

TEST(WalTailTest, ATailIsTornWhereARecordRunsIntoZeros) {
  const std::string zeros(500, '\0');
  EXPECT_FALSE(ReadWalTail("").torn_to_zeros);
  EXPECT_TRUE(ReadWalTail(zeros).torn_to_zeros);
  EXPECT_FALSE(ReadWalTail(Wal(5)).torn_to_zeros);
  EXPECT_EQ(ReadWalTail(Wal(5)).last_sequence, 10u);
  EXPECT_TRUE(ReadWalTail(Wal(5) + zeros).torn_to_zeros);
  EXPECT_EQ(ReadWalTail(Wal(5) + zeros).last_sequence, 10u);
  for (size_t cut = 1; cut < 37; ++cut) {
    const std::string torn = Wal(5).substr(0, 4 * 37 + cut);
    // A record that ends in zeros of its own may be taken for torn: RocksDB
    // then reads it all the same.
    if (torn.back() != '\0') EXPECT_FALSE(ReadWalTail(torn).torn_to_zeros);
    EXPECT_TRUE(ReadWalTail(torn + zeros).torn_to_zeros) << cut;
    EXPECT_EQ(ReadWalTail(torn + zeros).last_sequence, 8u) << cut;
  }
}

TEST(WalTailTest, NoBytesDoHarm) {
  Random random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string wal = Wal(3);
    const size_t size = random.Below(200);
    for (size_t i = 0; i < size; ++i) {
      wal.push_back(random.OneIn(3) ? '\0' : static_cast<char>(random.Next()));
    }
    wal[random.Below(wal.size())] ^= static_cast<char>(random.Next());
    ReadWalTail(wal);
    ReadWalTail(wal.substr(random.Below(wal.size())));
  }
}

}  // namespace
}  // namespace quorate::replication
