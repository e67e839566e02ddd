// Every LogStore keeps the contract of log_store.h. The same tests run on the
// fake in memory and on RocksDB over a simulated disk, against an obvious log.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "base/check.h"
#include "replication/storage/memory_log_store.h"
#include "replication/storage/rocksdb_log_store.h"
#include "tests/replication/storage/log_samples.h"
#include "tests/support/seed.h"
#include "tests/support/sim_file_system.h"

namespace quorate::replication {
namespace {

using raft::Entry;
using raft::Index;
using raft::Term;

constexpr size_t kNoLimit = size_t{1} << 30;

// A store of a member that can be started again.
class Member {
 public:
  virtual ~Member() = default;
  virtual LogStore& store() = 0;
  virtual void Restart() = 0;
};

class MemoryMember : public Member {
 public:
  LogStore& store() override { return store_; }

  void Restart() override {}

 private:
  MemoryLogStore store_{FirstMember(), ThreeMembers()};
};

class RocksDbMember : public Member {
 public:
  RocksDbMember() {
    QUORATE_CHECK_OK(RocksDbLogStore::Create("/m1", FirstMember(),
                                             ThreeMembers(), options_));
    Restart();
  }

  LogStore& store() override { return *store_; }

  void Restart() override {
    store_ = nullptr;
    auto opened = RocksDbLogStore::Open("/m1", kClusterId, options_);
    QUORATE_CHECK_OK(opened.status());
    store_ = *std::move(opened);
  }

 private:
  SimFileSystem files_;
  const LogStoreOptions options_{.env = files_.env()};
  std::unique_ptr<RocksDbLogStore> store_;
};

template <typename T>
class LogStoreTest : public testing::Test {
 protected:
  LogStore& store() { return member_.store(); }

  void Append(std::vector<Entry> entries) {
    raft::HardState state = store().RestoredHardState();
    state.term = entries.back().term;
    store().Append({.hard_state = state,
                    .entries = std::move(entries),
                    .must_sync = true});
  }

  T member_;
};

using Members = testing::Types<MemoryMember, RocksDbMember>;
TYPED_TEST_SUITE(LogStoreTest, Members);

TYPED_TEST(LogStoreTest, AFreshLogHoldsTheFirstConfiguration) {
  EXPECT_EQ(Difference(this->store(), ExpectedLog()), "");
  EXPECT_EQ(this->store().TermAt(Index(0)), Term(0));
  EXPECT_EQ(this->store().RestoredHardState(),
            (raft::HardState{.term = Term(1), .commit = Index(1)}));
}

TYPED_TEST(LogStoreTest, AReadStopsAtItsEndAndItsLimit) {
  std::vector<Entry> entries;
  for (uint64_t index = 2; index <= 20; ++index) {
    entries.push_back(Command(index, 1, std::string(100, 'x')));
  }
  this->Append(entries);
  const size_t cost = EntryCost(entries[0]);
  const LogStore& store = this->store();
  EXPECT_EQ(store.Read(Index(5), Index(9), kNoLimit).size(), 4u);
  EXPECT_EQ(store.Read(Index(5), Index(9), 0).size(), 1u);
  EXPECT_EQ(store.Read(Index(5), Index(9), 2 * cost - 1).size(), 1u);
  EXPECT_EQ(store.Read(Index(5), Index(9), 2 * cost).size(), 2u);
  EXPECT_EQ(store.Read(Index(5), Index(9), 9 * cost).size(), 4u);
  EXPECT_EQ(store.Read(Index(20), Index(21), kNoLimit).at(0).index, Index(20));
}

TYPED_TEST(LogStoreTest, EntriesThatWereReplacedNeverComeBack) {
  this->Append({Command(2, 1, "old"), Command(3, 1, "old"),
                Command(4, 1, "old"), Command(5, 1, "old")});
  this->Append({Command(3, 2, "new")});
  EXPECT_EQ(this->store().LastIndex(), Index(3));
  this->Append({Command(4, 2, "new")});
  for (int round = 0; round < 2; ++round) {
    const LogStore& store = this->store();
    ASSERT_EQ(store.LastIndex(), Index(4));
    const std::vector<Entry> read = store.Read(Index(2), Index(5), kNoLimit);
    ASSERT_EQ(read.size(), 3u);
    EXPECT_EQ(*read[0].payload, "old");
    EXPECT_EQ(*read[1].payload, "new");
    EXPECT_EQ(*read[2].payload, "new");
    EXPECT_EQ(store.TermAt(Index(2)), Term(1));
    EXPECT_EQ(store.TermAt(Index(3)), Term(2));
    this->member_.Restart();
  }
}

TYPED_TEST(LogStoreTest, AConfigurationThatWasReplacedNeverComesBack) {
  ExpectedLog expected;
  LogWrite write{.hard_state = expected.hard_state, .must_sync = true};
  for (const uint64_t index : {2, 3, 4}) {
    Entry entry = expected.entries[0];
    entry.index = Index(index);
    write.entries.push_back(entry);
  }
  this->store().Append(write);
  write.hard_state->term = Term(2);
  write.entries = {Command(3, 2, "x")};
  this->store().Append(write);
  this->member_.Restart();
  const auto found = this->store().RestoredConfigurations();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].index, Index(1));
  EXPECT_EQ(found[1].index, Index(2));
}

TYPED_TEST(LogStoreTest, ALogWhoseHeadIsGoneKeepsTheRest) {
  this->Append({Command(2, 1, "2"), Command(3, 2, "3"), Command(4, 2, "4")});
  ExpectedLog expected;
  expected.entries.push_back(Command(2, 1, "2"));
  expected.entries.push_back(Command(3, 2, "3"));
  this->store().Append({.compact_to = expected.PositionAt(Index(3))});
  for (int round = 0; round < 2; ++round) {
    const LogStore& store = this->store();
    EXPECT_EQ(store.FirstIndex(), Index(4));
    EXPECT_EQ(store.LastIndex(), Index(4));
    EXPECT_EQ(store.TermAt(Index(3)), Term(2));
    EXPECT_EQ(store.Read(Index(4), Index(5), kNoLimit).size(), 1u);
    this->member_.Restart();
  }
  // The commit index on disk was a hint of an earlier one.
  EXPECT_EQ(this->store().RestoredHardState().commit, Index(3));
  EXPECT_TRUE(SamePosition(this->store().RestoredSnapshot(),
                           expected.PositionAt(Index(3))));
  const auto configurations = this->store().RestoredConfigurations();
  ASSERT_EQ(configurations.size(), 1u);
  EXPECT_EQ(configurations[0].index, Index(1));
}

TYPED_TEST(LogStoreTest, ASnapshotTakesThePlaceOfTheWholeLog) {
  this->Append({Command(2, 1, "2"), Command(3, 1, "3")});
  const raft::SnapshotPosition position = {
      .index = Index(30),
      .term = Term(5),
      .configuration =
          std::make_shared<const raft::Configuration>(ThreeMembers()),
      .configuration_index = Index(20)};
  this->store().Append(
      {.install = position,
       .hard_state = raft::HardState{.term = Term(5), .commit = Index(30)},
       .entries = {Command(31, 5, "31")}});
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(this->store().FirstIndex(), Index(31));
    EXPECT_EQ(this->store().LastIndex(), Index(31));
    EXPECT_EQ(this->store().TermAt(Index(30)), Term(5));
    this->member_.Restart();
  }
  EXPECT_TRUE(SamePosition(this->store().RestoredSnapshot(), position));
  EXPECT_EQ(this->store().RestoredConfigurations().at(0).index, Index(20));
}

TYPED_TEST(LogStoreTest, RandomAppendsAndRestartsLeaveTheExpectedLog) {
  for (const uint64_t seed : TestSeeds(1, 30)) {
    SCOPED_TRACE(ReplayLine(seed, "log_store_test", "*ExpectedLog"));
    Random random(seed);
    TypeParam member;
    ExpectedLog expected;
    for (int step = 0; step < 60; ++step) {
      const LogWrite write = ToWrite(RandomWork(&random, expected));
      member.store().Append(write);
      expected.Apply(write);
      ASSERT_EQ(member.store().LastIndex(), expected.LastIndex());
      if (random.OneIn(10)) {
        member.Restart();
        ASSERT_EQ(Difference(member.store(), expected), "");
      }
    }
    member.Restart();
    EXPECT_EQ(Difference(member.store(), expected), "");
  }
}

}  // namespace
}  // namespace quorate::replication
