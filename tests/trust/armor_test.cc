// One document has one text, and only line ends may differ. Round trips over
// many lengths, and one example for every way in which a text can be wrong.

#include "trust/armor.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"

#include "trust/bounded_parse.h"
#include "trust/refusal.h"

namespace quorate::trust {
namespace {

constexpr ArmorLabel kLabels[] = {
    ArmorLabel::kRoot, ArmorLabel::kKeyCertificate, ArmorLabel::kLicense};

std::string SomeBytes(size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) {
    bytes.push_back(static_cast<char>(i * 37 + size));
  }
  return bytes;
}

TEST(ArmorTest, ComesBackAtEveryLength) {
  for (const ArmorLabel label : kLabels) {
    for (size_t size = 1; size < 200; ++size) {
      const std::string text = Armor(label, SomeBytes(size));
      EXPECT_EQ(ArmorLabelOf(text), label);
      const auto bytes = Dearmor(label, text);
      ASSERT_TRUE(bytes.ok()) << bytes.status();
      EXPECT_EQ(*bytes, SomeBytes(size));
    }
  }
}

TEST(ArmorTest, HasTheFormOfRfc7468) {
  EXPECT_EQ(
      Armor(ArmorLabel::kLicense, std::string(50, '\0')),
      absl::StrCat("-----BEGIN QUORATE LICENSE-----\n", std::string(64, 'A'),
                   "\nAAA=\n", "-----END QUORATE LICENSE-----\n"));
}

TEST(ArmorTest, LineEndsMayDiffer) {
  const std::string text = Armor(ArmorLabel::kRoot, SomeBytes(100));
  for (const std::string& same :
       {absl::StrReplaceAll(text, {{"\n", "\r\n"}}), text + "\n",
        text + "\r\n\r\n", text.substr(0, text.size() - 1)}) {
    const auto bytes = Dearmor(ArmorLabel::kRoot, same);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    EXPECT_EQ(*bytes, SomeBytes(100));
    EXPECT_EQ(ArmorLabelOf(same), ArmorLabel::kRoot);
  }
}

TEST(ArmorTest, OneLabelIsNotAnother) {
  for (const ArmorLabel label : kLabels) {
    for (const ArmorLabel other : kLabels) {
      EXPECT_EQ(Dearmor(other, Armor(label, "x")).ok(), label == other);
    }
  }
  EXPECT_EQ(ArmorLabelOf(""), std::nullopt);
  EXPECT_EQ(ArmorLabelOf("-----BEGIN PRIVATE KEY-----\n"), std::nullopt);
}

TEST(ArmorTest, RefusesEveryOtherText) {
  const std::string begin = "-----BEGIN QUORATE ROOT-----\n";
  const std::string end = "-----END QUORATE ROOT-----\n";
  const std::string full(64, 'A');
  ASSERT_TRUE(
      Dearmor(ArmorLabel::kRoot, absl::StrCat(begin, full, "\n", end)).ok());
  const std::vector<std::string> bodies = {
      "",                                       // Nothing at all.
      "\n",                                     // An empty line.
      absl::StrCat(full, "\n\n"),               // A blank line at the end,
      absl::StrCat("\n", full, "\n"),           // and at the beginning.
      absl::StrCat(full, "AAAA\n"),             // Too long a line.
      absl::StrCat("AAAA\n", full, "\n"),       // Too short a first line.
      absl::StrCat(" ", full.substr(1), "\n"),  // A space inside,
      absl::StrCat(full.substr(4), " \n"),      // and at the end.
      "AAAAA\n",                                // No whole bytes.
      "AA\n",
      "AAA\n",
      "AA=\n",  // Padding left out.
      "AB==\n",
      "AAB=\n",  // Padding bits not zero.
      "AA==AAAA\n",
      "====\n",
      "AAAA====\n",                                 // Padding inside.
      "AA-_\n",                                     // The other alphabet.
      absl::StrCat(full, "\n", begin, full, "\n"),  // Armour in armour.
      absl::StrCat("Version: 1\n\n", full, "\n"),   // Headers as in PEM.
  };
  for (const std::string& body : bodies) {
    const auto bytes =
        Dearmor(ArmorLabel::kRoot, absl::StrCat(begin, body, end));
    EXPECT_EQ(RefusalOf(bytes.status()), Refusal::kForm) << body;
  }
  const std::string good = absl::StrCat(begin, full, "\n", end);
  for (const std::string& text :
       {std::string(), begin, begin + end, absl::StrCat(" ", good),
        absl::StrCat("\n", good), absl::StrCat("\xef\xbb\xbf", good),
        absl::StrCat(good, "x"), absl::StrCat(good, good),
        absl::StrCat(begin, full, "\n"), absl::StrCat(full, "\n", end),
        absl::StrReplaceAll(good, {{"\n", "\r"}}),
        absl::StrReplaceAll(good, {{"END QUORATE ROOT", "END QUORATE"}})}) {
    EXPECT_EQ(RefusalOf(Dearmor(ArmorLabel::kRoot, text).status()),
              Refusal::kForm)
        << text;
  }
}

TEST(ArmorTest, ATextHasALimit) {
  std::string text = Armor(ArmorLabel::kRoot, SomeBytes(100));
  text.resize(kMaxDocumentBytes, '\n');
  EXPECT_TRUE(Dearmor(ArmorLabel::kRoot, text).ok());
  text.push_back('\n');
  EXPECT_EQ(RefusalOf(Dearmor(ArmorLabel::kRoot, text).status()),
            Refusal::kSize);
}

}  // namespace
}  // namespace quorate::trust
