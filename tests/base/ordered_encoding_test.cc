// The bytes of two numbers compare as the numbers do, and parse back. Edges of
// each byte and random pairs are compared.

#include "base/ordered_encoding.h"

#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "base/random.h"

namespace quorate {
namespace {

std::vector<uint64_t> Numbers() {
  constexpr uint64_t kSeed = 17;
  std::vector<uint64_t> numbers = {0, 1, UINT64_MAX - 1, UINT64_MAX};
  for (int bit = 8; bit < 64; bit += 8) {
    const uint64_t edge = uint64_t{1} << bit;
    numbers.insert(numbers.end(), {edge - 1, edge, edge + 1});
  }
  Random random(kSeed);
  for (int i = 0; i < 100; ++i)
    numbers.push_back(random.Next() >> random.Below(64));
  return numbers;
}

TEST(OrderedEncodingTest, BytesSortAsNumbers) {
  for (const uint64_t a : Numbers()) {
    for (const uint64_t b : Numbers()) {
      EXPECT_EQ(Ordered64(a) < Ordered64(b), a < b) << a << " " << b;
    }
  }
}

TEST(OrderedEncodingTest, ParsesBack) {
  for (const uint64_t number : Numbers()) {
    EXPECT_EQ(ParseOrdered64(Ordered64(number)), number);
  }
}

TEST(OrderedEncodingTest, AppendsBehindWhatIsThere) {
  std::string key = "e";
  AppendOrdered64(0x0102030405060708, &key);
  EXPECT_EQ(key, "e\x01\x02\x03\x04\x05\x06\x07\x08");
}

TEST(OrderedEncodingTest, RefusesOtherLengths) {
  for (size_t length = 0; length < 20; ++length) {
    EXPECT_EQ(ParseOrdered64(std::string(length, 'x')).has_value(),
              length == 8);
  }
}

}  // namespace
}  // namespace quorate
