// A manifest from anyone is taken whole and within its limits, or refused.
// Single rules by hand, then random changes of good bytes and random bytes.

#include "replication/snapshot/manifest.h"

#include <functional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/stubs/logging.h"
#include "gtest/gtest.h"

#include "tests/replication/snapshot/snapshot_samples.h"
#include "tests/replication/storage/log_samples.h"
#include "tests/support/seed.h"

namespace quorate::replication {
namespace {

SnapshotManifest Good() {
  SnapshotManifest manifest{.cluster_id = kClusterId,
                            .position = SnapshotAt(7)};
  for (const char* name : {"000012.sst", "CURRENT", "MANIFEST-000003"}) {
    manifest.files.push_back({.name = name,
                              .bytes = manifest.files.size() * 1000,
                              .checksum = std::string(16, 'c')});
  }
  return manifest;
}

TEST(ManifestTest, WhatIsWrittenIsReadBack) {
  const SnapshotManifest good = Good();
  const auto read = DecodeManifest(EncodeManifest(good));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->cluster_id, good.cluster_id);
  EXPECT_EQ(read->files, good.files);
  EXPECT_EQ(read->TotalBytes(), 3000u);
  EXPECT_TRUE(SamePosition(read->position, good.position));
}

TEST(ManifestTest, EachRuleIsKept) {
  using Change = std::function<void(SnapshotManifest*)>;
  const Change changes[] = {
      [](SnapshotManifest* m) { m->files.clear(); },
      [](SnapshotManifest* m) { m->files[0].name = ""; },
      [](SnapshotManifest* m) { m->files[0].name = "."; },
      [](SnapshotManifest* m) { m->files[0].name = ".."; },
      [](SnapshotManifest* m) { m->files[0].name = ".manifest"; },
      [](SnapshotManifest* m) { m->files[0].name = "../raft/CURRENT"; },
      [](SnapshotManifest* m) { m->files[0].name = "/etc/passwd"; },
      [](SnapshotManifest* m) { m->files[0].name = "a/b"; },
      [](SnapshotManifest* m) { m->files[0].name = "a\\b"; },
      [](SnapshotManifest* m) { m->files[0].name = std::string("a\0b", 3); },
      [](SnapshotManifest* m) { m->files[0].name = "\xc3\xa4"; },
      [](SnapshotManifest* m) { m->files[0].name = std::string(65, '0'); },
      [](SnapshotManifest* m) { std::swap(m->files[0], m->files[1]); },
      [](SnapshotManifest* m) { m->files[1].name = m->files[0].name; },
      [](SnapshotManifest* m) { m->files[0].checksum.pop_back(); },
      [](SnapshotManifest* m) { m->files[0].bytes = kMaxSnapshotBytes + 1; },
      [](SnapshotManifest* m) { m->files[0].bytes = ~uint64_t{0}; },
      [](SnapshotManifest* m) { m->files[2].bytes = kMaxSnapshotBytes; },
      [](SnapshotManifest* m) {
        for (SnapshotFile& file : m->files)
          file.bytes = 0;
      },
      [](SnapshotManifest* m) { m->position.index = raft::Index(0); },
      [](SnapshotManifest* m) { m->position.term = raft::Term(0); },
      [](SnapshotManifest* m) {
        m->position.configuration =
            std::make_shared<const raft::Configuration>();
      },
      [](SnapshotManifest* m) {
        for (size_t i = 0; i <= kMaxSnapshotFiles; ++i) {
          m->files.push_back({.name = absl::StrCat("Z", 10'000 + i),
                              .bytes = 1,
                              .checksum = std::string(16, 'c')});
        }
      },
  };
  size_t number = 0;
  for (const Change& change : changes) {
    SnapshotManifest manifest = Good();
    change(&manifest);
    EXPECT_EQ(DecodeManifest(EncodeManifest(manifest)).status().code(),
              absl::StatusCode::kInvalidArgument)
        << number;
    ++number;
  }
}

TEST(ManifestTest, AnyBytesAreRefusedOrWithinTheLimits) {
  const google::protobuf::LogSilencer silence;  // It reports every bad string.
  const std::string good = EncodeManifest(Good());
  int taken = 0;
  for (const uint64_t seed : TestSeeds(1, 20000)) {
    Random random(seed);
    std::string bytes = good;
    for (uint64_t left = random.Between(1, 4); left > 0; --left) {
      const size_t at = random.Below(bytes.size());
      switch (random.Below(4)) {
        case 0:
          bytes[at] = static_cast<char>(random.Next());
          break;
        case 1:
          bytes.insert(at, 1, static_cast<char>(random.Next()));
          break;
        case 2:
          bytes.erase(at, random.Between(1, 9));
          break;
        default:
          bytes.insert(at, bytes.substr(random.Below(bytes.size()), 20));
      }
      if (bytes.empty()) bytes = "x";
    }
    const auto manifest = DecodeManifest(bytes);
    if (!manifest.ok()) continue;
    ++taken;
    EXPECT_LE(manifest->files.size(), kMaxSnapshotFiles);
    EXPECT_LE(manifest->TotalBytes(), kMaxSnapshotBytes);
    for (const SnapshotFile& file : manifest->files) {
      EXPECT_EQ(file.name.find('/'), std::string::npos);
      EXPECT_NE(file.name[0], '.');
      EXPECT_EQ(file.checksum.size(), kSnapshotChecksumBytes);
    }
    ASSERT_NE(manifest->position.configuration, nullptr);
  }
  EXPECT_GT(taken, 100) << "changes that break everything show little";
}

}  // namespace
}  // namespace quorate::replication
