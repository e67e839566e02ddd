// Keys sort like their indexes, and a record is only opened under its own key
// and unchanged. Sealed records are flipped bit by bit; the example in
// docs/storage_format.md is made here, so it cannot go stale.

#include "replication/storage/key_space.h"

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "quorate/internal/v1/raft.pb.h"

#include "replication/wire/entry_codec.h"
#include "tests/replication/storage/log_samples.h"

namespace quorate::replication {
namespace {

using raft::Index;

std::string SealedEntry(const raft::Entry& entry) {
  internal::v1::Entry proto;
  EncodeEntry(entry, &proto);
  return SealRecord(EntryKey(entry.index), proto);
}

TEST(KeySpaceTest, KeysSortLikeIndexes) {
  const std::vector<uint64_t> indexes = {
      0,       1,        2,          255,        256,  0xffff,
      0x10000, 1u << 31, 1ull << 32, 1ull << 62, ~0ull};
  for (size_t i = 0; i < indexes.size(); ++i) {
    const Index index(indexes[i]);
    EXPECT_EQ(ParseEntryKey(EntryKey(index)), index);
    EXPECT_EQ(ParseConfigurationKey(ConfigurationKey(index)), index);
    if (i == 0) continue;
    EXPECT_LT(EntryKey(Index(indexes[i - 1])), EntryKey(index));
    EXPECT_LT(ConfigurationKey(Index(indexes[i - 1])), ConfigurationKey(index));
  }
}

TEST(KeySpaceTest, OtherKeysAreNotParsed) {
  EXPECT_FALSE(ParseEntryKey("").has_value());
  EXPECT_FALSE(ParseEntryKey("1234567").has_value());
  EXPECT_FALSE(ParseEntryKey("123456789").has_value());
  EXPECT_FALSE(ParseConfigurationKey("12345678").has_value());
  EXPECT_FALSE(ParseConfigurationKey("conf/1234567").has_value());
  EXPECT_FALSE(ParseConfigurationKey("conf/").has_value());
}

TEST(KeySpaceTest, RecordsComeBack) {
  const raft::Entry entry = Command(7, 3, "payload");
  const auto opened = OpenEntry(EntryKey(Index(7)), SealedEntry(entry));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(raft::SameEntry(*opened, entry));

  const raft::HardState state = {
      .term = raft::Term(9), .vote = raft::MemberId(12), .commit = Index(4)};
  const auto state_back = OpenHardState(SealHardState(state));
  ASSERT_TRUE(state_back.ok());
  EXPECT_EQ(*state_back, state);

  const auto identity = OpenIdentity(SealIdentity(FirstMember()));
  ASSERT_TRUE(identity.ok());
  EXPECT_EQ(*identity, FirstMember());
}

TEST(KeySpaceTest, AnyFlippedBitIsDataLoss) {
  const std::string key = EntryKey(Index(7));
  const std::string record = SealedEntry(Command(7, 3, "payload"));
  for (size_t bit = 0; bit < 8 * record.size(); ++bit) {
    std::string damaged = record;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(OpenEntry(key, damaged).status().code(),
              absl::StatusCode::kDataLoss)
        << bit;
  }
  for (size_t size = 0; size < record.size(); ++size) {
    EXPECT_EQ(OpenEntry(key, record.substr(0, size)).status().code(),
              absl::StatusCode::kDataLoss)
        << size;
  }
}

TEST(KeySpaceTest, ARecordUnderAnotherKeyIsDataLoss) {
  const std::string record = SealedEntry(Command(7, 3, "payload"));
  EXPECT_EQ(OpenEntry(EntryKey(Index(8)), record).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(KeySpaceTest, WhatDoesNotDecodeIsDataLoss) {
  const std::string key = EntryKey(Index(7));
  EXPECT_EQ(OpenEntry(key, SealRecord(key, absl::string_view("\xff\xff")))
                .status()
                .code(),
            absl::StatusCode::kDataLoss);
  // A good message that breaks a rule: no index.
  EXPECT_EQ(
      OpenEntry(key, SealRecord(key, absl::string_view())).status().code(),
      absl::StatusCode::kDataLoss);
  EXPECT_EQ(OpenConfiguration(key, SealRecord(key, absl::string_view()))
                .status()
                .code(),
            absl::StatusCode::kDataLoss);
}

TEST(KeySpaceTest, TheExampleInTheDocumentIsTrue) {
  std::ifstream file("docs/storage_format.md");
  std::stringstream text;
  text << file.rdbuf();
  ASSERT_FALSE(text.str().empty());
  const raft::Entry entry = {
      .index = Index(7),
      .term = raft::Term(3),
      .type = raft::EntryType::kCommand,
      .proposal = {.run = 0x1122334455667788, .sequence = 5},
      .stamp = {.cluster_ms = 700, .calendar_ms = 1'700'000'000'000},
      .payload = std::make_shared<const std::string>("hello")};
  const std::string record = SealedEntry(entry);
  const std::string lines = absl::StrCat(
      "key       ", absl::BytesToHexString(EntryKey(entry.index)),
      "\nchecksum  ", absl::BytesToHexString(record.substr(0, 8)),
      "\nbody      ", absl::BytesToHexString(record.substr(8, 27)),
      "\n          ", absl::BytesToHexString(record.substr(35)), "\n");
  EXPECT_TRUE(absl::StrContains(text.str(), lines))
      << "the document should say\n"
      << lines;
}

}  // namespace
}  // namespace quorate::replication
