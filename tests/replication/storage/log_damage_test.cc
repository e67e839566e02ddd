// A log that was damaged on disk is refused, and is never read as something
// else than what was written. Every file of a log is removed, emptied and
// damaged bit by bit, then opened.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/db.h"
#include "rocksdb/options.h"

#include "quorate/internal/v1/raft.pb.h"

#include "base/check.h"
#include "base/log.h"
#include "replication/storage/key_space.h"
#include "replication/storage/rocksdb_log_store.h"
#include "replication/wire/entry_codec.h"
#include "tests/replication/storage/log_samples.h"
#include "tests/support/sim_file_system.h"

namespace quorate::replication {
namespace {

constexpr char kFolder[] = "/m1/raft";
constexpr char kMark[] = "synced";

enum class Verdict {
  kRefused,  // DATA_LOSS
  kSame,     // The damage hit nothing that counts.
  kEarlier,  // A state that the log once had, but not the last.
  kWrong,    // Anything else: must not happen.
};

// A log with tables and a WAL, and the bytes of its files, to be damaged again
// and again.
class LogDamageTest : public testing::Test {
 protected:
  LogDamageTest() {
    // Each damage makes RocksDB warn.
    ConfigureLog(LogLevel::kOff, "");
    QUORATE_CHECK_OK(RocksDbLogStore::Create("/m1", FirstMember(),
                                             ThreeMembers(), options_));
    Random random(7);
    for (int life = 0; life < 2; ++life) {
      history_.clear();
      auto store = RocksDbLogStore::Open("/m1", kClusterId, options_);
      QUORATE_CHECK_OK(store.status());
      for (int i = 0; i < 15; ++i) {
        history_.push_back(log_);
        const LogWrite write = ToWrite(RandomAppend(&random, log_));
        (*store)->Append(write);
        log_.Apply(write);
      }
      // The last write is synced, so that the log without it has lost a
      // promise.
      history_.push_back(log_);
      LogWrite last{.entries = {Command(log_.LastIndex().value() + 1,
                                        log_.hard_state.term.value(), "last")}};
      (*store)->Append(last);
      log_.Apply(last);
    }
    Keep();
  }

  ~LogDamageTest() override { ConfigureLog(LogLevel::kInfo, ""); }

  static std::string Path(absl::string_view name) {
    return absl::StrCat(kFolder, "/", name);
  }

  void Keep() {
    good_.clear();
    std::vector<std::string> names;
    files_.disk().List(kFolder, &names);
    for (const std::string& name : names) {
      good_.emplace_back(name, files_.disk().Contents(Path(name)));
    }
  }

  // The folder as it was before any damage.
  void Restore() {
    std::vector<std::string> names;
    files_.disk().List(kFolder, &names);
    for (const std::string& name : names) {
      files_.disk().Remove(Path(name));
    }
    for (const auto& [name, bytes] : good_) {
      SimDisk::Handle file;
      files_.disk().Create(Path(name), &file);
      files_.disk().Overwrite(Path(name), bytes);
    }
  }

  Verdict Open() {
    const auto store = RocksDbLogStore::Open("/m1", kClusterId, options_);
    if (!store.ok()) {
      EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss)
          << store.status();
      EXPECT_TRUE(
          absl::StrContains(store.status().message(), "replace the member"));
      return Verdict::kRefused;
    }
    if (Difference(**store, log_).empty()) return Verdict::kSame;
    for (const ExpectedLog& earlier : history_) {
      if (Difference(**store, earlier).empty()) return Verdict::kEarlier;
    }
    return Verdict::kWrong;
  }

  // Files that RocksDB can do without.
  static bool Counts(absl::string_view name) {
    return name != "LOCK" && name != "IDENTITY" && name != kMark &&
           !absl::StartsWith(name, "OPTIONS-");
  }

  static bool IsWriteAheadLog(absl::string_view name) {
    return absl::EndsWith(name, ".log");
  }

  SimFileSystem files_;
  const LogStoreOptions options_{
      .env = files_.env(),
      .fatal = [](absl::string_view, const absl::Status&) {},
      .background_compaction = false};
  ExpectedLog log_;
  std::vector<ExpectedLog> history_;  // Since the last start, oldest first.
  std::vector<std::pair<std::string, std::string>> good_;
};

TEST_F(LogDamageTest, AMissingFileIsNoticed) {
  for (const auto& [name, bytes] : good_) {
    Restore();
    files_.disk().Remove(Path(name));
    EXPECT_EQ(Open(), Counts(name) ? Verdict::kRefused : Verdict::kSame)
        << name;
  }
}

TEST_F(LogDamageTest, AnEmptyFileIsNoticed) {
  for (const auto& [name, bytes] : good_) {
    Restore();
    files_.disk().Overwrite(Path(name), "");
    EXPECT_EQ(Open(), Counts(name) ? Verdict::kRefused : Verdict::kSame)
        << name;
  }
}

// Where a flip makes a record reach beyond the end of the file, it looks like
// the torn tail of a write that was never acknowledged. The mark tells.
TEST_F(LogDamageTest, AFlippedBitInTheWriteAheadLogIsNoticed) {
  for (const auto& [name, bytes] : good_) {
    if (!IsWriteAheadLog(name)) continue;
    ASSERT_GT(bytes.size(), 1000u);
    for (size_t at = 0; at < bytes.size(); at += 5) {
      Restore();
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
      files_.disk().Overwrite(Path(name), damaged);
      EXPECT_EQ(Open(), Verdict::kRefused) << name << " byte " << at;
    }
  }
}

// After a power loss the mark may be an old one. A tail of zeros is then taken
// for the write that was interrupted, but damage before it is not.
TEST_F(LogDamageTest, DamageBeforeATornTailIsNoticedWithoutTheMark) {
  Random random(3);
  for (const auto& [name, bytes] : good_) {
    if (!IsWriteAheadLog(name)) continue;
    int torn = 0;
    for (size_t size = 100; size < bytes.size(); size += 61) {
      Restore();
      files_.disk().Remove(Path(kMark));
      std::string cut = bytes.substr(0, size) + std::string(3000, '\0');
      files_.disk().Overwrite(Path(name), cut);
      EXPECT_EQ(Open(), Verdict::kEarlier) << name << " cut to " << size;
      if (size < bytes.size() / 2) continue;
      // In the first third there are whole records after it.
      const size_t at = random.Below(bytes.size() / 3);
      cut[at] = static_cast<char>(cut[at] ^ (1 << random.Below(8)));
      Restore();
      files_.disk().Remove(Path(kMark));
      files_.disk().Overwrite(Path(name), cut);
      EXPECT_EQ(Open(), Verdict::kRefused) << name << " byte " << at;
      ++torn;
    }
    EXPECT_GT(torn, 20);
  }
}

TEST_F(LogDamageTest, AFlippedBitElsewhereIsNoticedOrHarmless) {
  for (const auto& [name, bytes] : good_) {
    if (IsWriteAheadLog(name)) continue;
    size_t harmless = 0;
    size_t tried = 0;
    const size_t step = Counts(name) ? bytes.size() / 100 + 1 : 997;
    for (size_t at = 0; at < bytes.size(); at += step) {
      Restore();
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
      files_.disk().Overwrite(Path(name), damaged);
      const Verdict verdict = Open();
      ++tried;
      if (verdict == Verdict::kSame) ++harmless;
      EXPECT_TRUE(verdict == Verdict::kRefused || verdict == Verdict::kSame)
          << name << " byte " << at;
    }
    // Tables have a few bytes of padding in their footer.
    if (Counts(name)) EXPECT_LE(harmless, tried / 10) << name;
  }
}

// A compaction would read them one day, and end the process.
TEST_F(LogDamageTest, AFlippedBitInATableOfForgottenEntriesIsNoticed) {
  Restore();
  {
    auto store = RocksDbLogStore::Open("/m1", kClusterId, options_);
    QUORATE_CHECK_OK(store.status());
    log_.hard_state.commit = log_.LastIndex();
    const LogWrite forget{.hard_state = log_.hard_state,
                          .compact_to = log_.PositionAt(log_.LastIndex())};
    (*store)->Append(forget);
    log_.Apply(forget);
  }
  Keep();
  ASSERT_EQ(Open(), Verdict::kSame);
  size_t refused = 0;
  size_t tried = 0;
  for (const auto& [name, bytes] : good_) {
    if (!absl::EndsWith(name, ".sst")) continue;
    for (size_t at = 0; at < bytes.size(); at += bytes.size() / 60 + 1) {
      Restore();
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
      files_.disk().Overwrite(Path(name), damaged);
      const Verdict verdict = Open();
      ++tried;
      if (verdict == Verdict::kRefused) ++refused;
      EXPECT_TRUE(verdict == Verdict::kRefused || verdict == Verdict::kSame)
          << name << " byte " << at;
    }
  }
  EXPECT_GE(refused, tried - tried / 10) << tried;
}

TEST_F(LogDamageTest, AWriteAheadLogThatLostItsEndIsNoticed) {
  for (const auto& [name, bytes] : good_) {
    if (!IsWriteAheadLog(name)) continue;
    for (size_t size = 0; size < bytes.size(); size += 31) {
      Restore();
      files_.disk().Overwrite(Path(name), bytes.substr(0, size));
      EXPECT_EQ(Open(), Verdict::kRefused) << name << " cut to " << size;
    }
  }
}

// Records that RocksDB holds to be good, but that do not fit together.
class LogRecordTest : public LogDamageTest {
 protected:
  using Families = std::vector<rocksdb::ColumnFamilyHandle*>;

  // Opens the database behind the store's back.
  void Change(void (*change)(rocksdb::DB* db, const Families& families)) {
    Restore();
    rocksdb::Options options;
    options.env = files_.env();
    Families families;
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(
        options, kFolder, {{"default", options}, {kLogFamily, options}},
        &families, &opened);
    ASSERT_TRUE(status.ok()) << status.ToString();
    const std::unique_ptr<rocksdb::DB> db(opened);
    change(opened, families);
    for (rocksdb::ColumnFamilyHandle* family : families) {
      db->DestroyColumnFamilyHandle(family);
    }
  }

  static raft::SnapshotPosition SnapshotAt(uint64_t index) {
    return {.index = raft::Index(index),
            .term = raft::Term(1),
            .configuration =
                std::make_shared<const raft::Configuration>(ThreeMembers()),
            .configuration_index = raft::Index(1)};
  }

  std::string Refusal() {
    const auto store = RocksDbLogStore::Open("/m1", kClusterId, options_);
    return store.ok() ? "" : store.status().ToString();
  }
};

TEST_F(LogRecordTest, EachRuleOfTheRecordsIsChecked) {
  using rocksdb::DB;

  struct Case {
    const char* expected;
    void (*change)(DB* db, const Families& families);
  };

  const Case cases[] = {
      {"DATA_LOSS.*'ident' is missing",
       [](DB* db, const Families& f) {
         db->Delete(rocksdb::WriteOptions(), f[0], kIdentityKey);
       }},
      {"DATA_LOSS.*'hs' is missing",
       [](DB* db, const Families& f) {
         db->Delete(rocksdb::WriteOptions(), f[0], kHardStateKey);
       }},
      {"DATA_LOSS.*'hs': its checksum",
       [](DB* db, const Families& f) {
         db->Put(rocksdb::WriteOptions(), f[0], kHardStateKey,
                 std::string(12, 'x'));
       }},
      {"DATA_LOSS.*entry 3 is missing",
       [](DB* db, const Families& f) {
         db->Delete(rocksdb::WriteOptions(), f[1], EntryKey(raft::Index(3)));
       }},
      {"DATA_LOSS.*its checksum does not fit",
       [](DB* db, const Families& f) {
         std::string record;
         db->Get(rocksdb::ReadOptions(), f[1], EntryKey(raft::Index(3)),
                 &record);
         db->Put(rocksdb::WriteOptions(), f[1], EntryKey(raft::Index(4)),
                 record);
       }},
      {"DATA_LOSS.*entry 1 and its configuration record do not agree",
       [](DB* db, const Families& f) {
         db->Delete(rocksdb::WriteOptions(), f[0],
                    ConfigurationKey(raft::Index(1)));
       }},
      {"DATA_LOSS.*has a term out of order",
       [](DB* db, const Families& f) {
         db->Put(rocksdb::WriteOptions(), f[0], kHardStateKey,
                 SealHardState({.term = raft::Term(1),
                                .commit = raft::Index(1'000'000)}));
       }},
      {"FAILED_PRECONDITION.*format version 2",
       [](DB* db, const Families& f) {
         MemberIdentity identity = FirstMember();
         identity.format_version = 2;
         db->Put(rocksdb::WriteOptions(), f[0], kIdentityKey,
                 SealIdentity(identity));
       }},
      {"FAILED_PRECONDITION.*belongs to cluster",
       [](DB* db, const Families& f) {
         MemberIdentity identity = FirstMember();
         identity.cluster_id = std::string(32, 'f');
         db->Put(rocksdb::WriteOptions(), f[0], kIdentityKey,
                 SealIdentity(identity));
       }},
  };
  for (const Case& item : cases) {
    Change(item.change);
    EXPECT_THAT(Refusal(), testing::ContainsRegex(item.expected));
  }
}

TEST_F(LogRecordTest, AConfigurationRecordWithoutEntryIsRefused) {
  Change([](rocksdb::DB* db, const Families& f) {
    const std::string key = ConfigurationKey(raft::Index(999));
    internal::v1::Configuration proto;
    EncodeConfiguration(ThreeMembers(), &proto);
    db->Put(rocksdb::WriteOptions(), f[0], key, SealRecord(key, proto));
  });
  EXPECT_THAT(Refusal(), testing::ContainsRegex(
                             "DATA_LOSS.*records and entries do not agree"));
}

TEST_F(LogRecordTest, AnEntryOfAnotherIndexIsRefused) {
  Change([](rocksdb::DB* db, const Families& f) {
    const std::string key = EntryKey(raft::Index(3));
    internal::v1::Entry proto;
    EncodeEntry(Command(4, 1, "x"), &proto);
    db->Put(rocksdb::WriteOptions(), f[1], key, SealRecord(key, proto));
  });
  EXPECT_THAT(Refusal(),
              testing::ContainsRegex("DATA_LOSS.*entry 4 stands at 3"));
}

TEST_F(LogRecordTest, ATermThatGoesBackIsRefused) {
  Change([](rocksdb::DB* db, const Families& f) {
    std::vector<raft::Entry> entries = {Command(2, 9, "x"), Command(3, 8, "x")};
    for (const raft::Entry& entry : entries) {
      const std::string key = EntryKey(entry.index);
      internal::v1::Entry proto;
      EncodeEntry(entry, &proto);
      db->Put(rocksdb::WriteOptions(), f[1], key, SealRecord(key, proto));
      db->Delete(rocksdb::WriteOptions(), f[0], ConfigurationKey(entry.index));
    }
    db->Put(rocksdb::WriteOptions(), f[0], kHardStateKey,
            SealHardState({.term = raft::Term(1000)}));
  });
  EXPECT_THAT(Refusal(),
              testing::ContainsRegex("DATA_LOSS.*entry 3 has a term out of"));
}

// What stands for entries that are gone must go with those that are left.
TEST_F(LogRecordTest, EachRuleOfTheSnapshotRecordIsChecked) {
  using rocksdb::DB;

  struct Case {
    const char* expected;
    void (*change)(DB* db, const Families& families);
  };

  const Case cases[] = {
      {"DATA_LOSS.*'snap': its checksum",
       [](DB* db, const Families& f) {
         db->Put(rocksdb::WriteOptions(), f[0], kSnapshotKey, "xxxxxxxxxx");
       }},
      {"DATA_LOSS.*stands beside the snapshot",
       [](DB* db, const Families& f) {
         db->Put(rocksdb::WriteOptions(), f[0], kSnapshotKey,
                 SealSnapshot(SnapshotAt(1)));
       }},
      {"DATA_LOSS.*entry [0-9]* is missing",
       [](DB* db, const Families& f) {
         db->Put(rocksdb::WriteOptions(), f[0], kSnapshotKey,
                 SealSnapshot(SnapshotAt(1)));
         db->DeleteRange(rocksdb::WriteOptions(), f[0], ConfigurationKey({}),
                         "conf0");
         db->DeleteRange(rocksdb::WriteOptions(), f[1], EntryKey({}),
                         EntryKey(raft::Index(4)));
       }},
      {"DATA_LOSS.*(committed|behind the snapshot)",
       [](DB* db, const Families& f) {
         db->Put(rocksdb::WriteOptions(), f[0], kSnapshotKey,
                 SealSnapshot(SnapshotAt(1'000'000)));
         db->DeleteRange(rocksdb::WriteOptions(), f[0], ConfigurationKey({}),
                         "conf0");
       }},
      {"DATA_LOSS.*behind the snapshot",
       [](DB* db, const Families& f) {
         raft::SnapshotPosition position = SnapshotAt(1'000'000);
         position.term = raft::Term(1000);
         db->Put(rocksdb::WriteOptions(), f[0], kSnapshotKey,
                 SealSnapshot(position));
         db->DeleteRange(rocksdb::WriteOptions(), f[0], ConfigurationKey({}),
                         "conf0");
       }},
  };
  for (const Case& item : cases) {
    Change(item.change);
    EXPECT_THAT(Refusal(), testing::ContainsRegex(item.expected));
  }
}

TEST_F(LogRecordTest, ACommitIndexBeyondTheEndIsRefused) {
  Change([](rocksdb::DB* db, const Families& f) {
    db->Put(rocksdb::WriteOptions(), f[0], kHardStateKey,
            SealHardState(
                {.term = raft::Term(1000), .commit = raft::Index(1'000'000)}));
  });
  EXPECT_THAT(Refusal(), testing::ContainsRegex(
                             "DATA_LOSS.*up to 1000000 were committed"));
}

}  // namespace
}  // namespace quorate::replication
