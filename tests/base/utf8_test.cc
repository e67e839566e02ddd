// Exactly the byte sequences of RFC 3629 are UTF-8. Every code point is written
// and read back, and the table of broken forms is refused.

#include "base/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace quorate {
namespace {

std::string Written(uint32_t point) {
  const auto tail = [point](int shift) {
    return static_cast<char>(0x80 | (point >> shift & 0x3f));
  };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xc0 | point >> 6), tail(0)};
  if (point < 0x10000) {
    return {static_cast<char>(0xe0 | point >> 12), tail(6), tail(0)};
  }
  return {static_cast<char>(0xf0 | point >> 18), tail(12), tail(6), tail(0)};
}

TEST(Utf8Test, EveryCodePointIsReadBack) {
  for (uint32_t point = 0; point <= 0x110000; ++point) {
    const bool valid = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
    const std::string text = Written(point) + "x";
    absl::string_view left = text;
    const auto taken = TakeCodePoint(&left);
    ASSERT_EQ(taken.has_value(), valid) << point;
    ASSERT_EQ(left, valid ? "x" : absl::string_view(text)) << point;
    ASSERT_EQ(taken.value_or(point), point);
    ASSERT_EQ(IsUtf8(text), valid) << point;
  }
}

TEST(Utf8Test, BrokenFormsAreRefused) {
  for (const char* bytes :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3x", "\xe0\x9f\xbf",
        "\xe2\x82", "\xe2\x82x", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "good, then \xfe"}) {
    EXPECT_FALSE(IsUtf8(bytes)) << bytes;
  }
  EXPECT_TRUE(IsUtf8(""));
}

TEST(Utf8Test, KnowsWhatSteersTerminals) {
  for (const uint32_t point : {0x0u, 0xau, 0x1bu, 0x7fu, 0x80u, 0x9bu, 0x9fu,
                               0x2028u, 0x202eu, 0x2066u, 0x2069u}) {
    EXPECT_TRUE(SteersTerminals(point)) << point;
  }
  for (const uint32_t point :
       {0x20u, 0x7eu, 0xa0u, 0xe9u, 0x20acu, 0x2026u, 0x2070u, 0x1f600u}) {
    EXPECT_FALSE(SteersTerminals(point)) << point;
  }
}

}  // namespace
}  // namespace quorate
