// A file that is replaced is the old one or the new one after a crash, and the
// new one once that was said. The power goes at each file operation in turn, on
// a disk that loses what was not synced.

#include "replication/storage/file_tree.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "replication/storage/rocksdb_options.h"
#include "tests/support/seed.h"
#include "tests/support/sim_file_system.h"

namespace quorate::replication {
namespace {

constexpr char kPath[] = "/m1/file";
constexpr char kScratch[] = "/m1/file.new";

absl::Status Replace(SimFileSystem* files, const std::string& bytes) {
  return ReplaceSynced(files->env(), kPath, kScratch, bytes);
}

TEST(FileTreeTest, AReplacedFileIsTheOldOrTheNewOneAfterACrash) {
  const std::string before(300, 'a');
  const std::string after(700, 'b');
  for (const uint64_t seed : TestSeeds(1, 20)) {
    Random random(seed);
    bool finished = false;
    uint64_t nth = 0;
    while (!finished) {
      SCOPED_TRACE(absl::StrCat(ReplayLine(seed, "file_tree_test", "*"),
                                "\nthe power goes at operation ", ++nth));
      SimFileSystem files;
      ASSERT_TRUE(files.env()->CreateDir("/m1").ok());
      ASSERT_EQ(SyncDirectory(files.env(), "/"), absl::OkStatus());
      ASSERT_EQ(Replace(&files, before), absl::OkStatus());
      files.disk().PowerOffAt(nth);
      const absl::Status status = Replace(&files, after);
      finished = files.disk().powered();
      EXPECT_EQ(status.ok(), finished);
      files.Crash(&random,
                  {.tail_loss = random.OneIn(2) ? TailLoss::kPrefix
                                                : TailLoss::kPrefixThenZeros});
      const auto found = ReadSmallFile(files.env(), kPath, 1000);
      ASSERT_TRUE(found.ok()) << found.status();
      EXPECT_TRUE(*found == after || (!status.ok() && *found == before));
      // What is left of the attempt is in nobody's way.
      EXPECT_EQ(Replace(&files, after), absl::OkStatus());
    }
    EXPECT_GE(nth, 5u);  // Created, written, synced, renamed, synced.
  }
}

}  // namespace
}  // namespace quorate::replication
