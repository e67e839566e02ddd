// Names that reach files, terminals and pages carry nothing that these would
// obey. Every byte is tried in every kind of name, and code points around each
// limit in the names of people.

#include "trust/names.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace quorate::trust {
namespace {

TEST(NamesTest, IdsHaveTheirAlphabet) {
  for (int c = 0; c < 256; ++c) {
    const std::string name =
        absl::StrCat("a", std::string(1, static_cast<char>(c)));
    const bool letter = absl::ascii_isalnum(static_cast<unsigned char>(c));
    EXPECT_EQ(IsFeatureName(name), letter || c == '_' || c == '-') << c;
    EXPECT_EQ(IsDocumentId(name), letter || c == '_' || c == '-' || c == '.')
        << c;
  }
}

TEST(NamesTest, IdsHaveALength) {
  for (const auto is_name : {IsFeatureName, IsDocumentId}) {
    EXPECT_FALSE(is_name(""));
    EXPECT_TRUE(is_name("a"));
    EXPECT_TRUE(is_name(std::string(64, 'a')));
    EXPECT_FALSE(is_name(std::string(65, 'a')));
  }
}

TEST(NamesTest, PartiesAreWrittenAsPeopleWriteThem) {
  for (const char* name : {"A", "ACME GmbH & Co. KG", "Åbo \"Tools\"",
                           "株式会社", "\xf0\x9f\x8f\xad", "O'Neill <x>"}) {
    EXPECT_TRUE(IsPartyName(name)) << name;
  }
  EXPECT_TRUE(IsPartyName(std::string(128, 'x')));
  EXPECT_FALSE(IsPartyName(std::string(129, 'x')));
  EXPECT_FALSE(IsPartyName(""));
  EXPECT_FALSE(IsPartyName(" a"));
  EXPECT_FALSE(IsPartyName("a "));
}

TEST(NamesTest, PartiesHaveNoControls) {
  for (int c = 0; c < 128; ++c) {
    EXPECT_EQ(IsPartyName(
                  absl::StrCat("a", std::string(1, static_cast<char>(c)), "b")),
              c >= 0x20 && c != 0x7f)
        << c;
  }
  for (const char* name : {"a\xc2\x80", "a\xc2\x9f", "a\xe2\x80\xa8",
                           "a\xe2\x80\xa9", "a\xe2\x80\xae", "a\xe2\x81\xa6",
                           "a\xe2\x80\x8b", "a\xef\xbb\xbf", "a\xd8\x9c"}) {
    EXPECT_FALSE(IsPartyName(absl::StrCat(name, "b"))) << name;
  }
}

TEST(NamesTest, PartiesAreUtf8) {
  for (const char* name :
       {"\x80", "\xc0\xaf", "\xc1\xbf", "\xc3", "\xe0\x80\xaf", "\xe2\x82",
        "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "\xc3\x28", "\xe2\x28\xa1"}) {
    EXPECT_FALSE(IsPartyName(absl::StrCat("a", name))) << name;
    EXPECT_FALSE(IsPartyName(absl::StrCat(name, "b"))) << name;
  }
  EXPECT_TRUE(IsPartyName("\xf4\x8f\xbf\xbf"));
  EXPECT_TRUE(IsPartyName("\xed\x9f\xbf"));
}

TEST(NamesTest, WhatIsQuotedIsShortAndPlain) {
  EXPECT_EQ(Quoted("a\x1b[2J\n"), "\"a\\x1b[2J\\n\"");
  EXPECT_EQ(Quoted(std::string(65, 'a')),
            absl::StrCat("\"", std::string(64, 'a'), "...\""));
}

}  // namespace
}  // namespace quorate::trust
