// An options file of FlexNet becomes the policy that it means, and every line
// of it is accounted for; what is wrong is refused by line. A file with all
// keywords is compared with what was checked by hand; then precedence is asked
// of what was read, and broken lines are tried one by one.

#include "server/policy_formats/flexnet_options.h"

#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"

#include "server/policy/decision.h"
#include "server/policy/seat_terms.h"
#include "server/policy_formats/dsls_policy.h"
#include "server/policy_formats/option_lines.h"
#include "server/policy_formats/toml_policy.h"

namespace quorate::policy {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::ElementsAre;
using testing::HasSubstr;

std::string ReadData(const std::string& name) {
  std::ifstream file(absl::StrCat(QUORATE_TESTDATA, "/", name));
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Show(const ImportedPolicy& imported) {
  std::string shown;
  for (const ImportRemark& remark : imported.remarks) {
    const char* const kind = remark.kind == RemarkKind::kFault     ? "FAULT"
                             : remark.kind == RemarkKind::kIgnored ? "none"
                                                                   : "effect";
    absl::StrAppend(&shown, remark.line, " ", kind, ": ", remark.text, "\n");
  }
  if (imported.policy.has_value()) {
    absl::StrAppend(&shown, "\n", WriteTomlPolicy(*imported.policy));
  }
  return shown;
}

TEST(FlexnetOptionsTest, ReadsAFileOfAllKeywords) {
  const ImportedPolicy imported = ReadFlexnetOptions(ReadData("acmed.opt"));
  ASSERT_TRUE(imported.policy.has_value()) << Show(imported);
  EXPECT_EQ(Show(imported), ReadData("acmed.golden"));
}

// The order of groups means nothing; DSLS's layout has those of users first.
std::string DifferenceOf(const internal::v1::Policy& got,
                         const internal::v1::Policy& want) {
  std::string difference;
  MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&difference);
  differencer.TreatAsSet(
      internal::v1::Policy::descriptor()->FindFieldByName("groups"));
  return differencer.Compare(want, got) ? "" : difference;
}

// What was imported, exported and imported again is the same policy.
TEST(FlexnetOptionsTest, ComesBackThroughTheFormatsThatSayEverything) {
  const ImportedPolicy imported = ReadFlexnetOptions(ReadData("acmed.opt"));
  ASSERT_TRUE(imported.policy.has_value());
  const std::string toml = WriteTomlPolicy(*imported.policy);
  const ImportedPolicy again = ReadTomlPolicy(toml, "acmed.toml");
  ASSERT_TRUE(again.policy.has_value());
  EXPECT_EQ(DifferenceOf(*again.policy, *imported.policy), "");
  const std::string xml = WriteDslsPolicy(*again.policy);
  const ImportedPolicy third = ReadDslsPolicy(xml);
  ASSERT_TRUE(third.policy.has_value());
  EXPECT_EQ(DifferenceOf(*third.policy, *imported.policy), "");
}

TEST(FlexnetOptionsTest, AccountsForEveryLine) {
  const std::string text = ReadData("acmed.opt");
  const ImportedPolicy imported = ReadFlexnetOptions(text);
  std::set<uint32_t> remarked;
  for (const ImportRemark& remark : imported.remarks)
    remarked.insert(remark.line);
  for (const OptionLine& line : SplitOptionLines(text, 1'000)) {
    EXPECT_EQ(remarked.count(line.number), 1u) << line.number;
  }
}

TEST(FlexnetOptionsTest, JoinsAndCutsLines) {
  const auto lines = SplitOptionLines(
      "# one\nGROUP g a \\\n  b\\\n c # d\n\n  MAX 1 \"f g\" USER \"a # b\"\\",
      10);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].number, 2u);
  EXPECT_THAT(lines[0].words, ElementsAre("GROUP", "g", "a", "b", "c"));
  EXPECT_EQ(lines[1].number, 6u);
  EXPECT_THAT(lines[1].words,
              ElementsAre("MAX", "1", "f g", "USER", "a # b\\"));
}

// FlexNet's documented precedence, by what it would do of a feature of ten.
TEST(FlexnetOptionsTest, DecidesByFlexnetsPrecedence) {
  const struct {
    const char* options;
    const char* user;
    uint64_t count;
    Verdict verdict;
  } kCases[] = {
      // Only an EXCLUDE list: everybody else is allowed.
      {"EXCLUDE f USER a", "a", 1, Verdict::kDenied},
      {"EXCLUDE f USER a", "b", 1, Verdict::kGranted},
      // Only an INCLUDE list: everybody else is denied.
      {"INCLUDE f USER a", "a", 1, Verdict::kGranted},
      {"INCLUDE f USER a", "b", 1, Verdict::kNotAllowed},
      // In both: EXCLUDE counts.
      {"INCLUDE f USER a\nEXCLUDE f USER a", "a", 1, Verdict::kDenied},
      // EXCLUDE before RESERVE.
      {"RESERVE 2 f USER a\nEXCLUDE f USER a", "a", 1, Verdict::kDenied},
      // RESERVE before MAX.
      {"MAX 1 f USER a\nRESERVE 2 f USER a", "a", 2, Verdict::kGranted},
      // MAX before INCLUDE.
      {"INCLUDE f USER a\nMAX 1 f USER a", "a", 2, Verdict::kOverLimit},
      // RESERVE before INCLUDE: what is kept for him he gets.
      {"INCLUDE f USER b\nRESERVE 2 f USER a", "a", 2, Verdict::kGranted},
      // What is kept for others he does not.
      {"RESERVE 9 f USER b", "a", 2, Verdict::kReserved},
      {"EXCLUDEALL USER a", "a", 1, Verdict::kDenied},
      {"GROUP g A\nEXCLUDE f GROUP g", "a", 1, Verdict::kGranted},
      {"GROUPCASEINSENSITIVE ON\nGROUP g A\nEXCLUDE f GROUP g", "a", 1,
       Verdict::kDenied},
  };

  for (const auto& each : kCases) {
    const ImportedPolicy imported = ReadFlexnetOptions(each.options);
    ASSERT_TRUE(imported.policy.has_value()) << each.options;
    std::vector<PolicyFault> faults;
    const auto compiled = CompiledPolicy::Compile(*imported.policy, &faults);
    const Subject folded = compiled->Folded({.user = each.user});
    const Decision decision = Decide(*compiled, RuleUse(),
                                     {.folded = &folded,
                                      .feature = "f",
                                      .count = each.count,
                                      .calendar_ms = 1,
                                      .total = 10},
                                     nullptr);
    EXPECT_EQ(decision.verdict, each.verdict) << each.options;
  }
}

// What its manuals say of borrowing: EXCLUDE_BORROW first; whom no
// INCLUDE_BORROW names does not borrow, where there are some; the last
// MAX_BORROW_HOURS counts.
TEST(FlexnetOptionsTest, BorrowsByFlexnetsPrecedence) {
  constexpr int64_t kHour = 3'600'000;
  const BorrowTerms no = {.allowed = false};

  const struct {
    const char* options;
    const char* user;
    std::optional<BorrowTerms> terms;
  } kCases[] = {
      {"EXCLUDE_BORROW f USER a", "a", no},
      {"EXCLUDE_BORROW f USER a", "b", std::nullopt},
      {"INCLUDE_BORROW f USER a", "a", BorrowTerms()},
      {"INCLUDE_BORROW f USER a", "b", no},
      {"INCLUDE_BORROW f USER a\nEXCLUDE_BORROW f USER a", "a", no},
      {"GROUP g a\nEXCLUDE_BORROW f GROUP g\nINCLUDE_BORROW f USER ALL_USERS",
       "a", no},
      {"GROUP g a\nEXCLUDE_BORROW f GROUP g\nINCLUDE_BORROW f USER ALL_USERS",
       "b", BorrowTerms()},
      {"EXCLUDE_BORROW g USER a", "a", std::nullopt},
      {"MAX_BORROW_HOURS f 9\nMAX_BORROW_HOURS f 24", "a",
       BorrowTerms{.span_ms = 24 * kHour}},
      {"BORROW_LOWWATER f 3", "a", BorrowTerms{.low_water = 3}},
      {"BORROW_LOWWATER f 3\nINCLUDE_BORROW f USER a\nMAX_BORROW_HOURS f 8",
       "a", BorrowTerms{.span_ms = 8 * kHour, .low_water = 3}},
      {"MAX_BORROW_HOURS f 8\nEXCLUDE_BORROW f USER a", "a", no},
  };

  for (const auto& each : kCases) {
    const ImportedPolicy imported = ReadFlexnetOptions(each.options);
    ASSERT_TRUE(imported.policy.has_value()) << Show(imported);
    std::vector<PolicyFault> faults;
    const auto compiled = CompiledPolicy::Compile(*imported.policy, &faults);
    auto terms = FindBorrowTerms(*compiled, {.user = each.user}, "f", 1);
    if (terms.has_value()) terms->rule = 0;
    EXPECT_EQ(terms, each.terms) << each.options;
  }
}

TEST(FlexnetOptionsTest, RefusesWrongLinesByNumber) {
  const std::vector<std::string> lines = {
      "INCLUDES f USER a",
      "INCLUDE f USER",
      "INCLUDE f USER a b",
      "INCLUDE",
      "INCLUDE f PERSON a",
      "INCLUDE f GROUP g",
      "INCLUDE f HOST_GROUP g",
      "INCLUDE f INTERNET pc1",
      "INCLUDE f INTERNET 10.*.1.2",
      "INCLUDE f INTERNET *.*.*.*",
      "INCLUDE f INTERNET 10.0.0.256",
      "INCLUDE f.g USER a",
      "INCLUDE \"\" USER a",
      "INCLUDEALL f USER a",
      "EXCLUDE f USER \"\"",
      "EXCLUDE f USER a\x01",
      "RESERVE f USER a",
      "RESERVE 0 f USER a",
      "RESERVE -1 f USER a",
      "RESERVE +1 f USER a",
      "RESERVE 1.5 f USER a",
      "RESERVE 99999999999 f USER a",
      "RESERVE 99999999999999999999999 f USER a",
      "RESERVE 1 f USER ALL_USERS",
      "MAX x f USER a",
      "EXCLUDE_BORROW f USER",
      "EXCLUDE_BORROW f PERSON a",
      "EXCLUDE_BORROW f GROUP g",
      "INCLUDE_BORROW \"\" USER a",
      "INCLUDE_BORROW f.g USER a",
      "MAX_BORROW_HOURS f",
      "MAX_BORROW_HOURS f 0",
      "MAX_BORROW_HOURS f -1",
      "MAX_BORROW_HOURS f 8785",
      "MAX_BORROW_HOURS f 99999999999",
      "BORROW_LOWWATER f",
      "BORROW_LOWWATER f x",
      "BORROW_LOWWATER \"\" 3",
      "BORROW_LOWWATER f 99999999999",
      "MAX 1 f",
      "GROUP",
      "HOST_GROUP",
      "GROUPCASEINSENSITIVE",
      "GROUPCASEINSENSITIVE MAYBE",
      "FQDN_MATCHING",
      "FQDN_MATCHING some",
      "\"",
      absl::StrCat("EXCLUDE f USER ", std::string(300, 'a')),
      absl::StrCat("GROUP g ", std::string(4'000, 'a')),
      absl::StrCat("GROUP ", std::string(65, 'a'), " b"),
      absl::StrCat("INCLUDE ", std::string(65, 'f'), " USER a"),
  };
  for (const std::string& line : lines) {
    const ImportedPolicy imported =
        ReadFlexnetOptions(absl::StrCat("# first\n", line, "\nMAX 1 f USER z"));
    EXPECT_FALSE(imported.policy.has_value()) << line;
    bool named = false;
    for (const ImportRemark& remark : imported.remarks)
      named |= remark.kind == RemarkKind::kFault && remark.line == 2;
    EXPECT_TRUE(named) << line << "\n" << Show(imported);
  }
}

TEST(FlexnetOptionsTest, RefusesWhatIsNoSuchFile) {
  EXPECT_FALSE(ReadFlexnetOptions("EXCLUDE f USER \xff").policy.has_value());
  EXPECT_FALSE(ReadFlexnetOptions(std::string(kMaxPolicyFileBytes + 1, '\n'))
                   .policy.has_value());
  std::string many;
  for (size_t i = 0; i <= kMaxOptionLines; ++i)
    absl::StrAppend(&many, "NOLOG IN\n");
  EXPECT_FALSE(ReadFlexnetOptions(many).policy.has_value());
  EXPECT_TRUE(ReadFlexnetOptions("").policy.has_value());
}

}  // namespace
}  // namespace quorate::policy
