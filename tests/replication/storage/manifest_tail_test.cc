// A record that a power loss tore is told from a whole one and from a damaged
// one. Records are written by the format's description, cut at each byte and
// filled up with zeros, and damaged at each bit.

#include "replication/storage/manifest_tail.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"

namespace quorate::replication {
namespace {

using Kind = ManifestTail::Kind;

constexpr size_t kHead = 7;

// CRC-32C and its mask, as RocksDB's util/crc32c.h describes them.
uint32_t MaskedCrc32c(absl::string_view bytes) {
  uint32_t crc = 0xffffffff;
  for (const char byte : bytes) {
    for (int bit = 0; bit < 8; ++bit) {
      const uint32_t in = (static_cast<uint8_t>(byte) >> bit) & 1;
      crc = (crc & 1) == in ? crc >> 1 : (crc >> 1) ^ 0x82f63b78;
    }
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
}

std::string Record(const std::string& payload) {
  const std::string checked = '\1' + payload;
  const uint32_t crc = MaskedCrc32c(checked);
  std::string record;
  for (int shift = 0; shift < 32; shift += 8) {
    record.push_back(static_cast<char>(crc >> shift));
  }
  record.push_back(static_cast<char>(payload.size()));
  record.push_back(static_cast<char>(payload.size() >> 8));
  return record + checked;
}

const std::string& First() {
  static const auto* const kRecord = new std::string(Record("the first"));
  return *kRecord;
}

TEST(ManifestTailTest, WholeOnesAreWhole) {
  const std::string zeros(3, '\0');
  for (const std::string& last : {Record("v"), Record("v" + zeros),
                                  Record(std::string(300, 'v') + zeros)}) {
    EXPECT_EQ(ReadManifestTail(First() + last).kind, Kind::kWhole);
    // Cut short without zeros: RocksDB takes that for the end.
    const std::string cut = last.substr(0, last.size() - 1);
    EXPECT_NE(ReadManifestTail(First() + cut).kind, Kind::kTorn);
  }
  EXPECT_EQ(ReadManifestTail("").kind, Kind::kWhole);
}

TEST(ManifestTailTest, OneThatRunsIntoZerosIsTorn) {
  const std::string last = Record(std::string(300, 'v'));
  for (size_t cut = 0; cut < last.size(); ++cut) {
    for (const size_t more : {0, 1, 5000}) {
      const std::string zeros(last.size() - cut + more, '\0');
      const ManifestTail tail =
          ReadManifestTail(First() + last.substr(0, cut) + zeros);
      EXPECT_EQ(tail.kind, Kind::kTorn) << cut << " " << more;
      EXPECT_EQ(tail.whole_bytes, First().size()) << cut << " " << more;
    }
  }
}

TEST(ManifestTailTest, AWrongBitIsNeverTakenForATear) {
  const std::string whole =
      First() + Record(std::string(300, 'v') + std::string(3, '\0'));
  for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    const Kind kind = ReadManifestTail(damaged).kind;
    EXPECT_NE(kind, Kind::kTorn) << bit;
    // In what comes before its zeros, nothing else would see it.
    if (bit / 8 >= First().size() + kHead && bit / 8 + 1 < whole.size()) {
      EXPECT_EQ(kind, Kind::kDamaged) << bit;
    }
  }
}

}  // namespace
}  // namespace quorate::replication
