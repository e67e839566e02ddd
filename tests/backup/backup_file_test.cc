// Property: a backup file is taken only where each of its bytes is as it was
// written; anything else is refused, and never believed in part.
// Method: a file is made, cut into random pieces, then mutated at every byte,
// truncated at every length, lengthened, and its header swapped for bad ones.

#include "backup/backup_file.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "quorate/internal/v1/snapshot.pb.h"

#include "base/random.h"
#include "tests/support/seed.h"

namespace quorate::backup {
namespace {

constexpr char kClusterId[] = "0123456789abcdef0123456789abcdef";

internal::v1::SnapshotManifest MakeManifest(uint64_t bytes) {
  internal::v1::SnapshotManifest manifest;
  manifest.set_format_version(1);
  manifest.set_cluster_id(kClusterId);
  internal::v1::SnapshotPosition* position = manifest.mutable_position();
  position->set_index(120);
  position->set_term(7);
  position->set_cluster_ms(4000);
  position->set_calendar_ms(1'700'000'000'000);
  internal::v1::MemberAddress* member =
      position->mutable_configuration()->add_addresses();
  member->set_id(11);
  member->set_name("m1");
  member->set_client_endpoint("[::1]:7001");
  internal::v1::SnapshotFile* file = manifest.add_files();
  file->set_name("000001.sst");
  file->set_bytes(bytes);
  file->set_checksum(std::string(16, 'c'));
  return manifest;
}

BackupHeader MakeHeader(uint64_t bytes) {
  return {.cluster_id = kClusterId,
          .cluster_epoch = 3,
          .manifest = MakeManifest(bytes).SerializeAsString(),
          .content_bytes = bytes,
          .created_calendar_ms = 1'700'000'001'000,
          .member = "m2"};
}

std::string MakeFile(const BackupHeader& header, const std::string& content) {
  std::string file = EncodeHead(header) + content;
  RunningSha256 sha256;
  sha256.Add(file);
  return file + sha256.Digest();
}

// The content of a file that comes in pieces of `piece` bytes.
absl::StatusOr<std::string> Parse(absl::string_view file, size_t piece) {
  std::string content;
  BackupParser parser({.header = nullptr,
                       .content = [&](uint64_t offset, absl::string_view part) {
                         EXPECT_EQ(offset, content.size());
                         absl::StrAppend(&content, part);
                         return absl::OkStatus();
                       }});
  while (!file.empty()) {
    const absl::string_view next = file.substr(0, piece);
    if (absl::Status status = parser.Add(next); !status.ok()) return status;
    file.remove_prefix(next.size());
  }
  if (auto digest = parser.Finish(); !digest.ok()) return digest.status();
  return content;
}

absl::Status StatusOf(const std::string& file) {
  return Parse(file, 4096).status();
}

TEST(BackupFileTest, ComesBackAsItWasWrittenInWhateverPieces) {
  const std::string content(1000, 'x');
  const std::string file = MakeFile(MakeHeader(content.size()), content);
  for (const size_t piece : {1, 2, 7, 13, 300, 5000}) {
    const auto parsed = Parse(file, piece);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, content);
  }
}

TEST(BackupFileTest, SaysWhatIsInIt) {
  const auto head = DecodeHead(EncodeHead(MakeHeader(5)));
  ASSERT_TRUE(head.ok() && head->has_value()) << head.status();
  const BackupHeader& header = (*head)->header;
  EXPECT_EQ(header.cluster_id, kClusterId);
  EXPECT_EQ(header.cluster_epoch, 3u);
  EXPECT_EQ(header.index, 120u);
  EXPECT_EQ(header.term, 7u);
  EXPECT_EQ(header.cluster_ms, 4000);
  EXPECT_EQ(header.calendar_ms, 1'700'000'000'000);
  ASSERT_EQ(header.members.size(), 1u);
  EXPECT_EQ(header.members[0].name, "m1");
  EXPECT_EQ(header.members[0].id, 11u);
  EXPECT_EQ(header.members[0].client_endpoint, "[::1]:7001");
}

TEST(BackupFileTest, OneWrongBitAnywhereIsFound) {
  const std::string content = "some bytes of a state";
  const std::string file = MakeFile(MakeHeader(content.size()), content);
  for (size_t i = 0; i < file.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string wrong = file;
      wrong[i] = static_cast<char>(wrong[i] ^ (1 << bit));
      EXPECT_FALSE(Parse(wrong, 64).ok()) << "byte " << i << " bit " << bit;
    }
  }
}

TEST(BackupFileTest, EveryTruncationIsFound) {
  const std::string content = "some bytes of a state";
  const std::string file = MakeFile(MakeHeader(content.size()), content);
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_FALSE(Parse(file.substr(0, size), 64).ok()) << size;
  }
  EXPECT_EQ(StatusOf(file.substr(0, file.size() - 1)).code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(StatusOf(file + "x").code(), absl::StatusCode::kDataLoss);
}

TEST(BackupFileTest, NothingMoreIsTakenAfterAFault) {
  BackupParser parser({});
  EXPECT_FALSE(parser.Add("nonsense").ok());
  EXPECT_FALSE(parser.Add(MakeFile(MakeHeader(3), "abc")).ok());
  EXPECT_FALSE(parser.Finish().ok());
}

TEST(BackupFileTest, ACallbacksErrorEndsTheParsing) {
  BackupParser parser({.header =
                           [](const BackupHeader&) {
                             return absl::ResourceExhaustedError("no room");
                           },
                       .content = nullptr});
  EXPECT_EQ(parser.Add(MakeFile(MakeHeader(3), "abc")).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(parser.Finish().status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(BackupFileTest, ALaterFormatIsSaidToBeOne) {
  std::string file = MakeFile(MakeHeader(3), "abc");
  file[kMagicBytes - 1] = '2';
  EXPECT_EQ(StatusOf(file).code(), absl::StatusCode::kFailedPrecondition);
}

// Of 2 GiB that a length says, nothing is kept or asked for.
TEST(BackupFileTest, AHeaderThatIsTooLargeIsRefusedByItsLength) {
  std::string file(kMagic, kMagicBytes);
  file += std::string("\x7f\xff\xff\xff", 4);
  EXPECT_EQ(StatusOf(file).code(), absl::StatusCode::kInvalidArgument);
}

TEST(BackupFileTest, BadHeadersAreRefused) {
  const auto refused = [](const BackupHeader& header) {
    return !DecodeHead(EncodeHead(header)).ok();
  };
  EXPECT_FALSE(refused(MakeHeader(5)));
  BackupHeader header = MakeHeader(5);
  header.cluster_id = "../../etc";
  EXPECT_TRUE(refused(header));
  header = MakeHeader(5);
  header.cluster_epoch = 0;
  EXPECT_TRUE(refused(header));
  header = MakeHeader(5);
  header.content_bytes = 6;
  EXPECT_TRUE(refused(header));
  header = MakeHeader(5);
  header.member = "m\x1b[2J";
  EXPECT_TRUE(refused(header));
  header = MakeHeader(0);
  EXPECT_TRUE(refused(header));

  internal::v1::SnapshotManifest manifest = MakeManifest(5);
  manifest.set_cluster_id("fedcba9876543210fedcba9876543210");
  header = MakeHeader(5);
  header.manifest = manifest.SerializeAsString();
  EXPECT_TRUE(refused(header));

  // Sums that would wrap.
  manifest = MakeManifest(kMaxContentBytes);
  manifest.add_files()->set_bytes(~uint64_t{0} - kMaxContentBytes + 6);
  header = MakeHeader(5);
  header.manifest = manifest.SerializeAsString();
  EXPECT_TRUE(refused(header));

  manifest = MakeManifest(5);
  manifest.mutable_position()
      ->mutable_configuration()
      ->mutable_addresses(0)
      ->set_client_endpoint("a b");
  header = MakeHeader(5);
  header.manifest = manifest.SerializeAsString();
  EXPECT_TRUE(refused(header));
}

// Heads of random damage with a right checksum: none may crash or be taken for
// larger than it is.
TEST(BackupFileTest, RandomDamageOfTheHeadNeverCrashes) {
  for (const uint64_t seed : TestSeeds(1, 3000)) {
    SCOPED_TRACE(ReplayLine(seed, "backup_file_test", "*RandomDamage*"));
    Random random(seed);
    std::string head = EncodeHead(MakeHeader(5));
    for (int i = 0; i < 4; ++i) {
      const auto at = static_cast<size_t>(
          random.Between(0, static_cast<int64_t>(head.size()) - 1));
      switch (random.Between(0, 2)) {
        case 0:
          head[at] = static_cast<char>(random.Between(0, 255));
          break;
        case 1:
          head.erase(at, 1);
          break;
        default:
          head.insert(at, 1, static_cast<char>(random.Between(0, 255)));
      }
    }
    RunningSha256 sha256;
    sha256.Add(head + "abcde");
    const auto parsed = Parse(absl::StrCat(head, "abcde", sha256.Digest()), 50);
    if (parsed.ok()) EXPECT_EQ(parsed->size(), 5u);
  }
}

}  // namespace
}  // namespace quorate::backup
