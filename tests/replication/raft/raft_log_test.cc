// Property: the log gives back what was appended, whether from memory or from
// disk, and hands out only what is committed and durable, once. Method: single
// cases, and random commands against a plain vector.

#include "replication/raft/raft_log.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "tests/replication/raft/test_member.h"
#include "tests/support/memory_log.h"
#include "tests/support/seed.h"

namespace quorate::raft {
namespace {

constexpr size_t kPlenty = 1 << 20;

// A log with its disk, and the writes that are under way between them.
class LogOnDisk {
 public:
  explicit LogOnDisk(const std::vector<uint64_t>& terms,
                     RaftLog::Options options = Roomy())
      : disk_(Prepare(terms)), log_(&disk_, options) {}

  static RaftLog::Options Roomy() {
    return {.commit = Index(0),
            .applied = Index(0),
            .max_cached_bytes = kPlenty,
            .max_committed_bytes = kPlenty};
  }

  RaftLog& log() { return log_; }

  MemoryLog& disk() { return disk_; }

  void Append(uint64_t term, absl::string_view payload = "x") {
    log_.Append(MakeEntry(log_.last_index().value() + 1, term, payload));
  }

  AppendWork StartWrite() {
    AppendWork work;
    work.receipt.write = ++writes_;
    work.entries = log_.TakeUnwritten(writes_);
    if (!work.entries.empty()) {
      work.receipt.last_index = work.entries.back().index;
      work.receipt.last_term = work.entries.back().term;
    }
    return work;
  }

  void FinishWrite(const AppendWork& work) {
    disk_.Write(work);
    log_.OnWritten(work.receipt);
  }

  void WriteAll() { FinishWrite(StartWrite()); }

 private:
  static MemoryLog Prepare(const std::vector<uint64_t>& terms) {
    MemoryLog disk(TestConfiguration({1, 2, 3}));
    disk.AppendTerms(terms);
    return disk;
  }

  MemoryLog disk_;
  RaftLog log_;
  uint64_t writes_ = 0;
};

TEST(RaftLogTest, StartsWithWhatIsOnDisk) {
  LogOnDisk on_disk({1, 2, 2});
  const RaftLog& log = on_disk.log();
  EXPECT_EQ(log.last_index(), Index(4));
  EXPECT_EQ(log.last_term(), Term(2));
  EXPECT_EQ(log.durable_index(), Index(4));
  EXPECT_EQ(log.TermAt(Index(2)), Term(1));
  EXPECT_EQ(log.TermAt(Index(0)), Term(0));
  EXPECT_FALSE(on_disk.log().HasUnwritten());
}

TEST(RaftLogTest, TheCommitHintOnDiskMayBeBehindWhatWasApplied) {
  RaftLog::Options options = LogOnDisk::Roomy();
  options.commit = Index(2);
  options.applied = Index(3);
  LogOnDisk on_disk({1, 1, 1}, options);
  EXPECT_EQ(on_disk.log().commit(), Index(3));
  EXPECT_FALSE(on_disk.log().HasCommitted());
}

TEST(RaftLogTest, MatchesByIndexAndTerm) {
  LogOnDisk on_disk({1, 2});
  EXPECT_TRUE(on_disk.log().Matches(Index(0), Term(0)));
  EXPECT_TRUE(on_disk.log().Matches(Index(3), Term(2)));
  EXPECT_FALSE(on_disk.log().Matches(Index(3), Term(1)));
  EXPECT_FALSE(on_disk.log().Matches(Index(4), Term(2)));
  EXPECT_FALSE(on_disk.log().Matches(Index(UINT64_MAX), Term(2)));
}

TEST(RaftLogTest, FindsTheLastPlaceOfATermOrLess) {
  LogOnDisk on_disk({1, 2, 2, 2, 5, 5, 7});  // Indexes 2 to 8.
  const RaftLog& log = on_disk.log();
  const LogPosition start{Index(0), Term(0)};
  EXPECT_EQ(log.LastWithTermAtMost(Index(8), Term(9)).index, Index(8));
  EXPECT_EQ(log.LastWithTermAtMost(Index(8), Term(6)).index, Index(7));
  EXPECT_EQ(log.LastWithTermAtMost(Index(8), Term(4)).index, Index(5));
  EXPECT_EQ(log.LastWithTermAtMost(Index(4), Term(4)).index, Index(4));
  EXPECT_EQ(log.LastWithTermAtMost(Index(8), Term(1)).index, Index(2));
  EXPECT_EQ(log.LastWithTermAtMost(Index(8), Term(0)), start);
}

TEST(RaftLogTest, EachEntryIsWrittenOnce) {
  LogOnDisk on_disk({});
  on_disk.Append(1, "a");
  const AppendWork first = on_disk.StartWrite();
  on_disk.Append(1, "b");
  const AppendWork second = on_disk.StartWrite();
  ASSERT_EQ(first.entries.size(), 1u);
  ASSERT_EQ(second.entries.size(), 1u);
  EXPECT_EQ(*second.entries[0].payload, "b");
  EXPECT_FALSE(on_disk.log().HasUnwritten());
  EXPECT_EQ(on_disk.log().durable_index(), Index(1));
  on_disk.FinishWrite(first);
  EXPECT_EQ(on_disk.log().durable_index(), Index(2));
  on_disk.FinishWrite(second);
  EXPECT_EQ(on_disk.log().durable_index(), Index(3));
}

TEST(RaftLogTest, TruncationTakesDurabilityBack) {
  LogOnDisk on_disk({1, 1, 1});
  on_disk.log().TruncateFrom(Index(3));
  on_disk.Append(2);
  EXPECT_EQ(on_disk.log().durable_index(), Index(2));
  EXPECT_EQ(on_disk.log().last_index(), Index(3));
  EXPECT_EQ(on_disk.log().TermAt(Index(3)), Term(2));
  const AppendWork work = on_disk.StartWrite();
  ASSERT_EQ(work.entries.size(), 1u);
  EXPECT_EQ(work.entries[0].index, Index(3));
  on_disk.FinishWrite(work);
  EXPECT_EQ(on_disk.log().durable_index(), Index(3));
}

// Pitfall 5: the same index and term stands in the log again, but on disk
// stands, for the moment, something else.
TEST(RaftLogTest, AReceiptOvertakenByATruncationSaysNothing) {
  LogOnDisk on_disk({});
  on_disk.Append(2, "first");
  const AppendWork first = on_disk.StartWrite();
  on_disk.log().TruncateFrom(Index(2));
  on_disk.Append(3, "between");
  const AppendWork between = on_disk.StartWrite();
  // A leader of term 4 brings back the entry of term 2, and one of its own.
  on_disk.log().TruncateFrom(Index(2));
  on_disk.log().Append(MakeEntry(2, 2, "first"));
  EXPECT_EQ(on_disk.log().last_term(), Term(2));
  const AppendWork last = on_disk.StartWrite();
  on_disk.FinishWrite(first);
  EXPECT_EQ(on_disk.log().durable_index(), Index(1));
  on_disk.FinishWrite(between);
  EXPECT_EQ(on_disk.log().durable_index(), Index(1));
  on_disk.FinishWrite(last);
  EXPECT_EQ(on_disk.log().durable_index(), Index(2));
}

TEST(RaftLogTest, HandsOutWhatIsCommittedAndDurable) {
  LogOnDisk on_disk({});
  RaftLog& log = on_disk.log();
  on_disk.Append(1, "a");
  on_disk.Append(1, "b");
  log.CommitTo(Index(3));
  // The first entry was on disk from the start.
  std::vector<Entry> entries = log.TakeCommitted();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_FALSE(log.HasCommitted());
  on_disk.WriteAll();
  ASSERT_TRUE(log.HasCommitted());
  entries = log.TakeCommitted();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(*entries[1].payload, "b");
  EXPECT_FALSE(log.HasCommitted());
  EXPECT_TRUE(log.TakeCommitted().empty());
}

TEST(RaftLogTest, ASlowStateMachineStopsTheFlow) {
  const std::string large(1000, 'x');
  RaftLog::Options options = LogOnDisk::Roomy();
  options.max_committed_bytes = 3000;
  LogOnDisk on_disk({}, options);
  RaftLog& log = on_disk.log();
  for (int i = 0; i < 6; ++i)
    on_disk.Append(1, large);
  on_disk.WriteAll();
  log.CommitTo(Index(7));
  size_t handed_out = 0;
  while (log.HasCommitted())
    handed_out += log.TakeCommitted().size();
  EXPECT_GE(handed_out, 2u);
  EXPECT_LE(handed_out, 4u);
  log.OnApplied(log.handed_out());
  EXPECT_TRUE(log.HasCommitted());
  while (log.HasCommitted()) {
    log.TakeCommitted();
    log.OnApplied(log.handed_out());
  }
  EXPECT_EQ(log.handed_out(), Index(7));
}

TEST(RaftLogTest, AnEntryLargerThanEveryLimitIsStillGivenOut) {
  RaftLog::Options options = LogOnDisk::Roomy();
  options.max_committed_bytes = 10;
  options.max_cached_bytes = 10;
  LogOnDisk on_disk({}, options);
  on_disk.Append(1, std::string(1000, 'x'));
  on_disk.WriteAll();
  on_disk.log().CommitTo(Index(2));
  EXPECT_EQ(on_disk.log().Read(Index(2), Index(3), 1).size(), 1u);
  EXPECT_EQ(on_disk.log().TakeCommitted().size(), 1u);
  on_disk.log().OnApplied(Index(1));
  EXPECT_EQ(on_disk.log().TakeCommitted().size(), 1u);
}

TEST(RaftLogTest, KeepsInMemoryWhatFitsInTheCache) {
  RaftLog::Options options = LogOnDisk::Roomy();
  options.max_cached_bytes = 1000;
  LogOnDisk on_disk({}, options);
  RaftLog& log = on_disk.log();
  for (int i = 0; i < 100; ++i)
    on_disk.Append(1, "some payload");
  // Nothing is durable: all of it must stay.
  EXPECT_EQ(log.window().front().index, Index(1));
  on_disk.WriteAll();
  // Nor may what is not committed go: a leader counts it.
  EXPECT_EQ(log.window().front().index, Index(1));
  EXPECT_GT(log.CostInMemory(Index(1), Index(101), Term(1)), 10000u);
  log.CommitTo(Index(101));
  while (log.HasCommitted()) {
    log.TakeCommitted();
    log.OnApplied(log.handed_out());
  }
  EXPECT_LE(log.window().bytes(), 1000u);
  EXPECT_GT(log.window().size(), 2u);
  // Old ones come from disk, new ones do not, and a range may cross over.
  const size_t before = on_disk.disk().reads();
  EXPECT_EQ(log.Read(Index(100), Index(102), kPlenty).size(), 2u);
  EXPECT_EQ(on_disk.disk().reads(), before);
  const std::vector<Entry> all = log.Read(Index(2), Index(102), kPlenty);
  ASSERT_EQ(all.size(), 100u);
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].index, Index(i + 2));
  }
  EXPECT_GT(on_disk.disk().reads(), before);
}

TEST(RaftLogDeathTest, ACommittedEntryIsNeverTruncated) {
  LogOnDisk on_disk({1, 1});
  on_disk.log().CommitTo(Index(2));
  EXPECT_DEATH(on_disk.log().TruncateFrom(Index(2)), "index > commit_");
}

// Appends, truncates, writes, commits and reads at random, next to a vector.
void RunAgainstTwin(uint64_t seed) {
  Random random(seed);
  RaftLog::Options options = LogOnDisk::Roomy();
  options.max_cached_bytes = random.Between(1, 3000);
  options.max_committed_bytes = random.Between(1, 1500);
  LogOnDisk on_disk({}, options);
  RaftLog& log = on_disk.log();
  std::vector<Entry> twin = on_disk.disk().entries();
  std::vector<AppendWork> under_way;
  std::vector<Entry> handed_out;
  uint64_t term = 1;
  for (int step = 0; step < 2000; ++step) {
    switch (random.Below(7)) {
      case 0:
      case 1: {
        Entry entry = MakeEntry(twin.size() + 1, term, absl::StrCat(step));
        twin.push_back(entry);
        log.Append(std::move(entry));
        break;
      }
      case 2: {
        if (log.commit() >= log.last_index() || !random.OneIn(4)) break;
        const uint64_t from =
            random.Between(log.commit().value() + 1, log.last_index().value());
        log.TruncateFrom(Index(from));
        twin.resize(from - 1);
        ++term;
        Entry entry = MakeEntry(from, term, absl::StrCat(step));
        twin.push_back(entry);
        log.Append(std::move(entry));
        break;
      }
      case 3:
        if (log.HasUnwritten()) under_way.push_back(on_disk.StartWrite());
        break;
      case 4:
        if (under_way.empty()) break;
        on_disk.FinishWrite(under_way.front());
        under_way.erase(under_way.begin());
        break;
      case 5:
        log.CommitTo(Index(random.Between(log.commit().value(), twin.size())));
        break;
      case 6:
        for (Entry& entry : log.TakeCommitted()) {
          handed_out.push_back(std::move(entry));
        }
        log.OnApplied(log.handed_out());
        break;
    }
    ASSERT_EQ(log.last_index(), Index(twin.size()));
    ASSERT_EQ(log.last_term(), twin.back().term);
    ASSERT_LE(log.durable_index(), on_disk.disk().LastIndex());
    // What counts as durable is on disk, and stays as long as it is not
    // truncated: no write under way may touch it.
    for (uint64_t i = log.handed_out().value() + 1;
         i <= log.durable_index().value(); ++i) {
      ASSERT_TRUE(SameEntry(twin[i - 1], on_disk.disk().entries()[i - 1]));
    }
    for (const AppendWork& work : under_way) {
      if (work.entries.front().index > log.durable_index()) continue;
      for (const Entry& entry : work.entries) {
        if (entry.index > log.durable_index()) break;
        ASSERT_TRUE(SameEntry(entry, twin[entry.index.value() - 1]));
      }
    }
    const uint64_t from = random.Between(1, twin.size());
    const uint64_t to = random.Between(from + 1, twin.size() + 1);
    const std::vector<Entry> read =
        log.Read(Index(from), Index(to), random.Below(2000));
    ASSERT_FALSE(read.empty());
    ASSERT_LE(read.size(), to - from);
    for (size_t i = 0; i < read.size(); ++i) {
      ASSERT_TRUE(SameEntry(read[i], twin[from - 1 + i]));
    }
  }
  for (size_t i = 0; i < handed_out.size(); ++i) {
    ASSERT_TRUE(SameEntry(handed_out[i], twin[i]));
  }
}

TEST(RaftLogTest, AgreesWithAVectorOnRandomCommands) {
  for (const uint64_t seed : TestSeeds(1, 40)) {
    SCOPED_TRACE(ReplayLine(seed, "raft_log_test", "*RandomCommands"));
    ASSERT_NO_FATAL_FAILURE(RunAgainstTwin(seed));
  }
}

}  // namespace
}  // namespace quorate::raft
