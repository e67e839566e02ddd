// What only a log on disk can do: be created once, be opened by its own
// cluster, end the process where the disk fails, and be read while it is
// written. Faults are planned on a simulated disk; one test uses a real one.

#include "replication/storage/rocksdb_log_store.h"

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/check.h"
#include "base/mutex.h"
#include "tests/replication/storage/log_samples.h"
#include "tests/support/seed.h"
#include "tests/support/sim_file_system.h"

namespace quorate::replication {
namespace {

using raft::Entry;
using raft::HardState;
using raft::Index;
using raft::MemberId;
using raft::Term;

class RocksDbLogStoreTest : public testing::Test {
 protected:
  RocksDbLogStoreTest() {
    // Others of this process hold threads of RocksDB.
    testing::FLAGS_gtest_death_test_style = "threadsafe";
  }

  absl::Status Create() {
    return RocksDbLogStore::Create("/m1", FirstMember(), ThreeMembers(),
                                   options_);
  }

  std::unique_ptr<RocksDbLogStore> Open() {
    auto opened = RocksDbLogStore::Open("/m1", kClusterId, options_);
    QUORATE_CHECK_OK(opened.status());
    return *std::move(opened);
  }

  std::unique_ptr<RocksDbLogStore> CreateAndOpen() {
    QUORATE_CHECK_OK(Create());
    return Open();
  }

  absl::Status OpenStatus(absl::string_view cluster_id = kClusterId) {
    return RocksDbLogStore::Open("/m1", cluster_id, options_).status();
  }

  uint64_t BytesIn(const std::string& folder) {
    uint64_t bytes = 0;
    std::vector<std::string> names;
    files_.disk().List(folder, &names);
    for (const std::string& name : names) {
      SimDisk::Handle file;
      uint64_t size = 0;
      // RocksDB's threads may remove it meanwhile.
      if (files_.disk().Open(folder + "/" + name, &file) == DiskError::kNone &&
          files_.disk().Size(file, &size) == DiskError::kNone) {
        bytes += size;
      }
    }
    return bytes;
  }

  SimFileSystem files_;
  std::vector<std::string> fatal_events_;
  LogStoreOptions options_{
      .env = files_.env(),
      .fatal = [this](
                   absl::string_view event,
                   const absl::Status&) { fatal_events_.emplace_back(event); },
      .background_compaction = false};
};

TEST_F(RocksDbLogStoreTest, ADirectoryIsInitialisedOnce) {
  EXPECT_EQ(Create(), absl::OkStatus());
  EXPECT_EQ(Create().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Difference(*Open(), ExpectedLog()), "");
  EXPECT_EQ(Create().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(RocksDbLogStoreTest, AMissingDirectoryIsNotMadeByOpening) {
  const absl::Status status = OpenStatus();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(absl::StrContains(status.message(), "quorated init")) << status;
  EXPECT_EQ(OpenStatus().code(), absl::StatusCode::kNotFound);
}

TEST_F(RocksDbLogStoreTest, AnotherClustersLogIsRefused) {
  ASSERT_EQ(Create(), absl::OkStatus());
  const absl::Status status = OpenStatus(std::string(32, 'e'));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_EQ(OpenStatus(), absl::OkStatus());
}

TEST_F(RocksDbLogStoreTest, ADirectoryInUseIsNotCalledDamaged) {
  const auto store = CreateAndOpen();
  EXPECT_EQ(OpenStatus().code(), absl::StatusCode::kUnavailable);
}

TEST_F(RocksDbLogStoreTest, AMalformedIdentityIsRefused) {
  const auto create = [this](MemberIdentity identity,
                             raft::Configuration configuration) {
    return RocksDbLogStore::Create("/m1", identity, configuration, options_)
        .code();
  };
  MemberIdentity stranger = FirstMember();
  stranger.member_id = MemberId(99);
  MemberIdentity upper_case = FirstMember();
  upper_case.cluster_id[10] = 'A';
  MemberIdentity later = FirstMember();
  later.format_version = 2;
  raft::Configuration unsorted = ThreeMembers();
  std::swap(unsorted.membership.voters[0], unsorted.membership.voters[1]);
  const auto invalid = absl::StatusCode::kInvalidArgument;
  EXPECT_EQ(create(stranger, ThreeMembers()), invalid);
  EXPECT_EQ(create(upper_case, ThreeMembers()), invalid);
  EXPECT_EQ(create(later, ThreeMembers()), invalid);
  EXPECT_EQ(create(FirstMember(), unsorted), invalid);
  EXPECT_EQ(create(FirstMember(), raft::Configuration()), invalid);
  EXPECT_EQ(OpenStatus().code(), absl::StatusCode::kNotFound);
}

TEST_F(RocksDbLogStoreTest, AFailedCreateLeavesNothingOrEverything) {
  for (const DiskOperation operation :
       {DiskOperation::kWrite, DiskOperation::kSync, DiskOperation::kSyncFolder,
        DiskOperation::kChangeFolder}) {
    int failed = 0;
    for (uint64_t nth = 1; nth <= 25; ++nth) {
      SimFileSystem files;
      options_.env = files.env();
      files.disk().FailNth(operation, nth, DiskError::kNoSpace);
      if (!Create().ok()) ++failed;
      files.disk().KillProcess();
      const absl::Status opened = OpenStatus();
      if (opened.code() == absl::StatusCode::kNotFound) {
        ASSERT_EQ(Create(), absl::OkStatus());
      }
      EXPECT_EQ(Difference(*Open(), ExpectedLog()), "");
    }
    EXPECT_GT(failed, 0);
  }
}

TEST_F(RocksDbLogStoreTest, AFailedSyncOrWriteIsFatalAndNothingFollows) {
  for (const DiskOperation operation :
       {DiskOperation::kSync, DiskOperation::kWrite}) {
    for (const DiskError error : {DiskError::kIo, DiskError::kNoSpace}) {
      SimFileSystem files;
      options_.env = files.env();
      fatal_events_.clear();
      auto store = CreateAndOpen();
      store->Append({.entries = {Command(2, 1, "good")}, .must_sync = true});
      ASSERT_TRUE(fatal_events_.empty());
      files.disk().FailNth(operation, 1, error);
      store->Append({.entries = {Command(3, 1, "lost")}, .must_sync = true});
      ASSERT_EQ(fatal_events_.size(), 1u);
      EXPECT_EQ(store->LastIndex(), Index(2));
      // The disk would take it, but the store is dead.
      const uint64_t operations = files.disk().operations();
      store->Append({.entries = {Command(3, 1, "late")}, .must_sync = true});
      EXPECT_EQ(files.disk().operations(), operations);
      EXPECT_EQ(fatal_events_.size(), 1u);
      EXPECT_EQ(store->LastIndex(), Index(2));
    }
  }
}

// Who was told that it is written would tell others, and it never was.
TEST_F(RocksDbLogStoreTest, NoWriteReturnsWhileTheProcessIsBeingEnded) {
  std::thread writer;
  std::atomic<bool> returned = false;
  std::atomic<bool> returned_before_the_end = false;
  RocksDbLogStore* there = nullptr;
  options_.fatal = [&](absl::string_view, const absl::Status&) {
    writer = std::thread([&] {
      there->Append({.entries = {Command(2, 1, "x")}, .must_sync = true});
      returned = true;
    });
    // One that is not kept passes meanwhile.
    Mutex mu;
    CondVar nobody;
    MutexLock lock(&mu);
    nobody.WaitFor(&mu, absl::Milliseconds(300));
    returned_before_the_end = returned.load();
  };
  const auto store = CreateAndOpen();
  there = store.get();
  store->Read(Index(1), Index(3), 1 << 20);  // There is no entry 2.
  ASSERT_TRUE(writer.joinable());
  writer.join();
  EXPECT_FALSE(returned_before_the_end);
  EXPECT_EQ(store->LastIndex(), Index(1));
}

TEST_F(RocksDbLogStoreTest, WithoutAnotherWordAFailedSyncEndsTheProcess) {
  EXPECT_EXIT(
      {
        QUORATE_CHECK_OK(Create());
        options_.fatal = nullptr;
        const auto store = Open();
        files_.disk().FailNth(DiskOperation::kSync, 1, DiskError::kIo);
        store->Append({.entries = {Command(2, 1, "x")}, .must_sync = true});
      },
      testing::ExitedWithCode(70), "E storage (log_write_failed|background_e)");
}

TEST_F(RocksDbLogStoreTest, AnEntryThatCannotBeReadIsFatal) {
  const auto store = CreateAndOpen();
  store->Append({.entries = {Command(2, 1, "x")}, .must_sync = true});
  // Asking for what is not there is how a lost entry would look.
  EXPECT_EQ(store->Read(Index(2), Index(4), 1 << 20).size(), 1u);
  EXPECT_EQ(fatal_events_, std::vector<std::string>{"log_read_failed"});
}

// Promises are synced even where the caller forgot to say so.
TEST_F(RocksDbLogStoreTest, VotesTermsAndEntriesAreAlwaysSynced) {
  auto store = CreateAndOpen();
  HardState state = store->RestoredHardState();
  ExpectedLog expected;
  const auto append = [&](LogWrite write) {
    store->Append(write);
    expected.Apply(write);
    store = nullptr;
    Random random(1);
    files_.Crash(&random, {.tail_loss = TailLoss::kDrop});
    store = Open();
    return Difference(*store, expected);
  };
  state.term = Term(4);
  EXPECT_EQ(append({.hard_state = state}), "");
  state.vote = MemberId(12);
  EXPECT_EQ(append({.hard_state = state}), "");
  EXPECT_EQ(append({.entries = {Command(2, 4, "x")}}), "");
}

TEST_F(RocksDbLogStoreTest, ACommitIndexAloneCostsNoSync) {
  const auto store = CreateAndOpen();
  store->Append({.entries = {Command(2, 1, "x")}, .must_sync = true});
  HardState state = store->RestoredHardState();
  state.commit = Index(2);
  // Were it synced, the store would notice.
  files_.disk().FailNth(DiskOperation::kSync, 1, DiskError::kIo);
  store->Append({.hard_state = state});
  EXPECT_TRUE(fatal_events_.empty());
}

TEST_F(RocksDbLogStoreTest, WhatWouldHarmTheClusterIsNotWritten) {
  const auto write = [this](const LogWrite& last) {
    auto store = CreateAndOpen();
    store->Append({.hard_state = HardState{.term = Term(5),
                                           .vote = MemberId(12),
                                           .commit = Index(2)},
                   .entries = {Command(2, 5, "x"), Command(3, 5, "x")},
                   .must_sync = true});
    store->Append(last);
  };
  const HardState good = {
      .term = Term(5), .vote = MemberId(12), .commit = Index(2)};
  HardState earlier_term = good;
  earlier_term.term = Term(4);
  EXPECT_DEATH(write({.hard_state = earlier_term}), "check failed");
  HardState other_vote = good;
  other_vote.vote = MemberId(13);
  EXPECT_DEATH(write({.hard_state = other_vote}), "check failed");
  HardState no_vote = good;
  no_vote.vote = raft::kNobody;
  EXPECT_DEATH(write({.hard_state = no_vote}), "check failed");
  HardState earlier_commit = good;
  earlier_commit.commit = Index(1);
  EXPECT_DEATH(write({.hard_state = earlier_commit}), "check failed");
  HardState commit_beyond = good;
  commit_beyond.commit = Index(4);
  EXPECT_DEATH(write({.hard_state = commit_beyond}), "check failed");
  EXPECT_DEATH(write({.entries = {Command(2, 5, "y")}}), "check failed");
  EXPECT_DEATH(write({.entries = {Command(5, 5, "y")}}), "check failed");
  EXPECT_DEATH(write({.entries = {Command(4, 5, "y"), Command(6, 5, "y")}}),
               "check failed");
}

// The consensus thread reads what it was told is durable while the writer
// appends and replaces what comes after it.
TEST_F(RocksDbLogStoreTest, AReaderSeesNoTraceOfAWriteUnderWay) {
  const auto store = CreateAndOpen();
  constexpr uint64_t kStable = 200;
  LogWrite stable{.must_sync = true};
  for (uint64_t index = 2; index <= kStable; ++index) {
    stable.entries.push_back(Command(index, 1, absl::StrCat(index)));
  }
  store->Append(stable);

  std::atomic<bool> done = false;
  std::thread writer([&store, &done] {
    for (uint64_t term = 2; term < 300; ++term) {
      LogWrite tail{.must_sync = true};
      tail.hard_state = HardState{.term = Term(term), .commit = Index(1)};
      for (uint64_t left = 0; left <= term % 7; ++left) {
        tail.entries.push_back(Command(kStable + 1 + left, term, "tail"));
      }
      store->Append(tail);
    }
    done = true;
  });
  Random random(3);
  while (!done) {
    const Index from(random.Between(1, kStable - 1));
    const Index to(random.Between(from.value() + 1, kStable + 1));
    const std::vector<Entry> read = store->Read(from, to, 1 << 30);
    ASSERT_EQ(read.size(), to.value() - from.value());
    EXPECT_EQ(read.back().index.Next(), to);
    EXPECT_EQ(store->TermAt(from), Term(1));
    EXPECT_GE(store->LastIndex(), Index(kStable));
  }
  writer.join();
  EXPECT_TRUE(fatal_events_.empty());
}

TEST_F(RocksDbLogStoreTest, AFullBufferGoesToTablesAndComesBack) {
  options_.write_buffer_bytes = 64 << 10;
  options_.background_compaction = true;
  ExpectedLog expected;
  auto store = CreateAndOpen();
  Random random(11);
  for (uint64_t term = 2; term < 60; ++term) {
    LogWrite write{.must_sync = true};
    write.hard_state = expected.hard_state;
    write.hard_state->term = Term(term);
    const uint64_t first = random.Between(2, expected.LastIndex().value() + 1);
    for (uint64_t index = first; index < first + 20; ++index) {
      write.entries.push_back(Command(index, term, std::string(1000, 'x')));
    }
    store->Append(write);
    expected.Apply(write);
  }
  store = nullptr;
  Random crash(1);
  files_.Crash(&crash, {.tail_loss = TailLoss::kDrop});
  EXPECT_EQ(Difference(*Open(), expected), "");
  std::vector<std::string> names;
  files_.disk().List("/m1/raft", &names);
  EXPECT_TRUE(std::any_of(names.begin(), names.end(), [](const auto& name) {
    return absl::EndsWith(name, ".sst");
  }));
}

// A log that is forgotten as it grows stays small on the disk.
TEST_F(RocksDbLogStoreTest, TheSpaceOfForgottenEntriesIsGivenBack) {
  options_.write_buffer_bytes = 64 << 10;
  options_.background_compaction = true;
  ExpectedLog expected;
  const auto store = CreateAndOpen();
  uint64_t written = 0;
  uint64_t largest = 0;
  for (int round = 0; round < 100; ++round) {
    LogWrite write{.must_sync = true};
    const uint64_t first = expected.LastIndex().value() + 1;
    for (uint64_t index = first; index < first + 40; ++index) {
      write.entries.push_back(Command(index, 1, std::string(1000, 'x')));
    }
    store->Append(write);
    expected.Apply(write);
    written += 40 * 1000;
    if (round % 4 != 3) continue;
    const LogWrite forget{.compact_to = expected.PositionAt(
                              Index(expected.LastIndex().value() - 40))};
    store->Append(forget);
    expected.Apply(forget);
    // Not how far RocksDB's threads are behind on a busy machine.
    SimFileSystem::WaitForBackground();
    largest = std::max(largest, BytesIn("/m1/raft"));
  }
  EXPECT_EQ(store->Read(store->FirstIndex(), store->LastIndex().Next(), 1 << 30)
                .size(),
            40u);
  EXPECT_GE(written, 60u * options_.write_buffer_bytes);
  // Four tables of level 0, one being compacted, and the write-ahead logs.
  EXPECT_LE(largest, 16 * options_.write_buffer_bytes) << written;
}

TEST_F(RocksDbLogStoreTest, ItWorksOnARealDisk) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) /
      absl::StrCat("quorate_log_", SystemRandomId());
  std::filesystem::create_directories(folder);
  const std::string member = (folder / "m1").string();
  options_.env = nullptr;
  ExpectedLog expected;
  ASSERT_EQ(
      RocksDbLogStore::Create(member, FirstMember(), ThreeMembers(), options_),
      absl::OkStatus());
  for (int life = 0; life < 3; ++life) {
    auto store = RocksDbLogStore::Open(member, kClusterId, options_);
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_EQ(Difference(**store, expected), "");
    Random random(life);
    for (int i = 0; i < 20; ++i) {
      const LogWrite write = ToWrite(RandomWork(&random, expected));
      (*store)->Append(write);
      expected.Apply(write);
    }
  }
  EXPECT_EQ(
      RocksDbLogStore::Create(member, FirstMember(), ThreeMembers(), options_)
          .code(),
      absl::StatusCode::kAlreadyExists);
  std::filesystem::remove_all(folder);
}

TEST_F(RocksDbLogStoreTest, AJoiningMemberHasWhatItWasToldAndNoEntry) {
  QUORATE_CHECK_OK(RocksDbLogStore::CreateJoining("/m1", FirstMember(),
                                                  ThreeMembers(), options_));
  EXPECT_TRUE(absl::IsAlreadyExists(Create()));
  for (int start = 0; start < 2; ++start) {
    const auto store = Open();
    EXPECT_EQ(store->identity(), FirstMember());
    EXPECT_EQ(store->RestoredHardState(), HardState());
    EXPECT_EQ(store->FirstIndex(), Index(1));
    EXPECT_EQ(store->LastIndex(), Index(0));
    EXPECT_FALSE(store->RestoredSnapshot().has_value());
    ASSERT_EQ(store->RestoredConfigurations().size(), 1U);
    EXPECT_EQ(store->RestoredConfigurations()[0].index, Index(0));
    EXPECT_EQ(*store->RestoredConfigurations()[0].configuration,
              ThreeMembers());
  }
}

TEST_F(RocksDbLogStoreTest, AJoiningMembersLogGrowsFromItsFirstEntry) {
  QUORATE_CHECK_OK(RocksDbLogStore::CreateJoining("/m1", FirstMember(),
                                                  ThreeMembers(), options_));
  const ExpectedLog others;
  Open()->Append({.hard_state = HardState{.term = Term(1), .commit = Index(1)},
                  .entries = {others.entries[0], Command(2, 1, "a")}});
  const auto store = Open();
  EXPECT_EQ(store->LastIndex(), Index(2));
  const auto configurations = store->RestoredConfigurations();
  ASSERT_EQ(configurations.size(), 2U);
  EXPECT_EQ(configurations[0].index, Index(0));
  EXPECT_EQ(configurations[1].index, Index(1));
}

TEST_F(RocksDbLogStoreTest, ASnapshotTakesThePlaceOfWhatAJoiningMemberWasTold) {
  QUORATE_CHECK_OK(RocksDbLogStore::CreateJoining("/m1", FirstMember(),
                                                  ThreeMembers(), options_));
  const ExpectedLog others;
  const raft::SnapshotPosition position = {
      .index = Index(9),
      .term = Term(3),
      .configuration = others.entries[0].configuration,
      .configuration_index = Index(1)};
  Open()->Append(
      {.install = position,
       .hard_state = HardState{.term = Term(3), .commit = Index(9)}});
  const auto store = Open();
  EXPECT_EQ(store->FirstIndex(), Index(10));
  ASSERT_EQ(store->RestoredConfigurations().size(), 1U);
  EXPECT_EQ(store->RestoredConfigurations()[0].index, Index(1));
}

TEST_F(RocksDbLogStoreTest, AMemberJoinsOnlyWhereItIsOne) {
  MemberIdentity stranger = FirstMember();
  stranger.member_id = MemberId(99);
  EXPECT_TRUE(absl::IsInvalidArgument(RocksDbLogStore::CreateJoining(
      "/m1", stranger, ThreeMembers(), options_)));
  EXPECT_TRUE(absl::IsNotFound(OpenStatus()));
}

}  // namespace
}  // namespace quorate::replication
