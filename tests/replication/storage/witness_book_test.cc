// A process whose data directory is an older state of one that was seen is
// refused, also after the witness was started again; and starts are counted.
// Real files in a folder of the test; each rule is tried by itself.

#include "replication/storage/witness_book.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "replication/storage/start_count.h"

namespace quorate::replication {
namespace {

using raft::Index;
using raft::MemberId;

constexpr MemberId kPeer(22);

class WitnessBookTest : public testing::Test {
 protected:
  WitnessBookTest()
      : data_dir_(absl::StrCat(testing::TempDir(), "witness_", getpid())) {
    std::filesystem::remove_all(data_dir_);
    std::filesystem::create_directories(data_dir_ + "/raft");
    book_ = std::make_unique<WitnessBook>(data_dir_);
  }

  ~WitnessBookTest() override { std::filesystem::remove_all(data_dir_); }

  bool Admits(uint64_t incarnation, uint64_t run, uint64_t last_index) {
    const absl::Status status = book_->Admit({.id = kPeer,
                                              .run = run,
                                              .incarnation = incarnation,
                                              .last_index = Index(last_index)});
    EXPECT_TRUE(status.ok() || absl::IsFailedPrecondition(status)) << status;
    return status.ok();
  }

  void StartAgain() {
    ASSERT_TRUE(book_->Save({kPeer}).ok());
    book_ = std::make_unique<WitnessBook>(data_dir_);
  }

  // Also by a witness that was started again.
  void ExpectRefusedNowAndLater(uint64_t incarnation, uint64_t run,
                                uint64_t last_index) {
    EXPECT_FALSE(Admits(incarnation, run, last_index));
    StartAgain();
    EXPECT_FALSE(Admits(incarnation, run, last_index));
  }

  const std::string data_dir_;
  std::unique_ptr<WitnessBook> book_;
};

TEST_F(WitnessBookTest, LaterStartsAreHeard) {
  EXPECT_TRUE(Admits(1, 100, 1));
  EXPECT_TRUE(Admits(1, 100, 1));  // Another stream of the same process.
  EXPECT_TRUE(Admits(2, 200, 50));
  StartAgain();
  EXPECT_TRUE(Admits(2, 200, 50));
  EXPECT_TRUE(Admits(7, 300, 50));
}

TEST_F(WitnessBookTest, AnEarlierStartIsRefused) {
  ASSERT_TRUE(Admits(5, 100, 10));
  ExpectRefusedNowAndLater(4, 200, 10);
  EXPECT_FALSE(Admits(1, 300, 1));  // Made anew.
}

TEST_F(WitnessBookTest, TheSameStartInAnotherProcessIsRefused) {
  ASSERT_TRUE(Admits(5, 100, 10));
  ExpectRefusedNowAndLater(5, 200, 10);
  EXPECT_TRUE(Admits(5, 100, 10));
}

TEST_F(WitnessBookTest, ALogThatLostWhatWasCommittedIsRefused) {
  ASSERT_TRUE(Admits(5, 100, 10));
  book_->NoteCommitted(kPeer, Index(90));
  book_->NoteCommitted(kPeer, Index(80));
  // Of the process that acknowledged them the start's end says nothing.
  EXPECT_TRUE(Admits(5, 100, 10));
  ExpectRefusedNowAndLater(6, 200, 89);
  EXPECT_TRUE(Admits(6, 200, 90));
}

TEST_F(WitnessBookTest, WhoCountsNoStartsIsNotJudged) {
  EXPECT_TRUE(Admits(0, 100, 0));
  EXPECT_TRUE(Admits(0, 200, 0));
}

TEST_F(WitnessBookTest, ForgetsWhoIsNoMember) {
  ASSERT_TRUE(Admits(5, 100, 10));
  ASSERT_TRUE(book_->Save({}).ok());
  EXPECT_TRUE(Admits(1, 200, 1));
}

TEST_F(WitnessBookTest, ADamagedBookBeginsAnew) {
  ASSERT_TRUE(Admits(5, 100, 10));
  ASSERT_TRUE(book_->Save({kPeer}).ok());
  std::ofstream(data_dir_ + "/raft/witnessed", std::ios::trunc) << "broken";
  book_ = std::make_unique<WitnessBook>(data_dir_);
  EXPECT_TRUE(Admits(1, 200, 1));
}

TEST(StartCountTest, CountsAndFindsDamage) {
  const std::string data_dir =
      absl::StrCat(testing::TempDir(), "starts_", getpid());
  std::filesystem::create_directories(data_dir + "/raft");
  for (uint64_t start = 1; start <= 3; ++start) {
    const auto counted = CountStart(data_dir);
    ASSERT_TRUE(counted.ok()) << counted.status();
    EXPECT_EQ(*counted, start);
  }
  std::ofstream(data_dir + "/raft/starts", std::ios::trunc) << "broken";
  EXPECT_TRUE(absl::IsDataLoss(CountStart(data_dir).status()));
  std::filesystem::remove_all(data_dir);
}

}  // namespace
}  // namespace quorate::replication
