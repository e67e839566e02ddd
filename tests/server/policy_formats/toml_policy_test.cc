// A policy goes into its file and comes back the same, and what is wrong with a
// file is named by line, all of it. Files are written by hand and from random
// policies.

#include "server/policy_formats/toml_policy.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "tests/server/policy/policies.h"
#include "tests/support/seed.h"

namespace quorate::policy {
namespace {

using google::protobuf::util::MessageDifferencer;
using internal::v1::Policy;
using internal::v1::PolicyPart;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kFile[] = R"(# The rules of the house.
ignore_case = true

[[group]]
name = "night shift"
kind = "users"
members = ["ann", "Jürgen"]

[[rule]]
name = "four for the night shift"
kind = "reserve"
feature = "cad"
units = 4
lend = true
user_group = "night shift"
not_host = ["pc1", "pc2"]
time = "mon-fri 22:00-06:00"

[[rule]]
name = "two each"
kind = "limit"
units = 2
each = "user"

[[rule]]
name = "not from there"
kind = "deny"
address = ["10.9.0.0/16", "fd00::/8"]

[[rule.part]]
field = "address"
not = true
values = ["10.9.7.1"]

[[rule.part]]
field = "address"
values = ["10.0.0.0/8"]

[[rule]]
name = "use it or lose it"
kind = "idle"
feature = "cad"
span = "1h30m"
warning = "5m"
)";

TEST(TomlPolicyTest, ReadsWhatPeopleWrite) {
  const ImportedPolicy imported = ReadTomlPolicy(kFile, "rules.toml");
  ASSERT_TRUE(imported.policy.has_value())
      << imported.remarks.at(0).line << imported.remarks.at(0).text;
  const Policy& policy = *imported.policy;
  EXPECT_TRUE(policy.ignore_case());
  EXPECT_THAT(policy.groups(0).members(), ElementsAre("ann", "Jürgen"));
  const internal::v1::PolicyRule& first = policy.rules(0);
  EXPECT_EQ(first.kind(), internal::v1::POLICY_RULE_KIND_RESERVE);
  EXPECT_EQ(first.feature(), "cad");
  EXPECT_EQ(first.units(), 4u);
  EXPECT_TRUE(first.lend());
  ASSERT_EQ(first.parts_size(), 3);
  EXPECT_EQ(first.parts(0).field(), internal::v1::POLICY_FIELD_USER_GROUP);
  EXPECT_TRUE(first.parts(1).negated());
  EXPECT_THAT(first.parts(1).values(), ElementsAre("pc1", "pc2"));
  EXPECT_EQ(policy.rules(1).each(), internal::v1::POLICY_EACH_USER);
  EXPECT_EQ(policy.rules(1).feature(), "");
  ASSERT_EQ(policy.rules(2).parts_size(), 3);
  EXPECT_TRUE(policy.rules(2).parts(1).negated());
  EXPECT_EQ(policy.rules(3).kind(), internal::v1::POLICY_RULE_KIND_IDLE);
  EXPECT_EQ(policy.rules(3).span_ms(), 5'400'000);
  EXPECT_EQ(policy.rules(3).warning_ms(), 300'000);
}

TEST(TomlPolicyTest, ReadsAPackage) {
  const ImportedPolicy imported = ReadTomlPolicy(R"(
[[group]]
name = "office"
kind = "features"
members = ["word", "sheet"]

[[rule]]
name = "not for guests"
kind = "deny"
feature_group = "office"
user = "guest"
)",
                                                 "rules.toml");
  ASSERT_TRUE(imported.policy.has_value())
      << imported.remarks.at(0).line << imported.remarks.at(0).text;
  EXPECT_EQ(imported.policy->groups(0).kind(),
            internal::v1::POLICY_GROUP_KIND_FEATURES);
  EXPECT_EQ(imported.policy->rules(0).feature_group(), "office");
}

TEST(TomlPolicyTest, AnEmptyFileIsAPolicyWithoutARule) {
  const ImportedPolicy imported = ReadTomlPolicy("", "rules.toml");
  ASSERT_TRUE(imported.policy.has_value());
  EXPECT_EQ(imported.policy->rules_size(), 0);
}

TEST(TomlPolicyTest, NamesAllThatIsWrongByLine) {
  const ImportedPolicy imported = ReadTomlPolicy(R"([[rule]]
name = "a"
kind = "forbid"
users = "ann"

[[rule]]
kind = "limit"
units = -1
each = "project"

[[group]]
name = "g"
kind = "users"
members = [1, 2]
)",
                                                 "rules.toml");
  EXPECT_FALSE(imported.policy.has_value());
  std::vector<std::string> remarks;
  for (const ImportRemark& remark : imported.remarks) {
    EXPECT_EQ(remark.kind, RemarkKind::kFault);
    remarks.push_back(absl::StrCat(remark.line, " ", remark.text));
  }
  EXPECT_THAT(remarks,
              testing::UnorderedElementsAre(
                  HasSubstr("14 group.members must be a text"),
                  HasSubstr("3 rule.kind must be one of \"deny\", \"reserve\""),
                  HasSubstr("4 unknown key rule.users"),
                  HasSubstr("6 rule.name is missing"),
                  HasSubstr("8 rule.units must be a number"),
                  HasSubstr("9 rule.each must be")));
}

TEST(TomlPolicyTest, NamesTheRuleOfAWrongValue) {
  const ImportedPolicy imported = ReadTomlPolicy(R"(
[[rule]]
name = "a"
kind = "deny"

[[rule]]
name = "b"
kind = "deny"
user = "ann"
not_time = ["mon", "noon"]
)",
                                                 "rules.toml");
  ASSERT_EQ(imported.remarks.size(), 1u);
  EXPECT_EQ(imported.remarks[0].line, 6u);
  EXPECT_THAT(imported.remarks[0].text,
              HasSubstr("rule \"b\": not_time \"noon\": must be days"));
}

// What XML cannot hold would be exported to a file that cannot be read back.
TEST(TomlPolicyTest, RefusesWhatXmlCannotHoldAndNamesTheRule) {
  for (const std::string name : {"a\\uFFFE", "a\\uFFFF", "a\\u001F"}) {
    const ImportedPolicy imported = ReadTomlPolicy(
        absl::StrCat("\n[[rule]]\nname = \"", name, "\"\nkind = \"deny\"\n"),
        "rules.toml");
    ASSERT_EQ(imported.remarks.size(), 1u) << name;
    EXPECT_EQ(imported.remarks[0].line, 2u);
    EXPECT_THAT(imported.remarks[0].text, HasSubstr("rule \"a"));
    EXPECT_THAT(imported.remarks[0].text, HasSubstr("name: must be 1 to 64"));
  }
  // All others it holds.
  EXPECT_TRUE(ReadTomlPolicy("[[rule]]\nname = \"a\\uFFFD \\U0001FFFE "
                             "\\u2028\"\nkind = \"deny\"\n",
                             "rules.toml")
                  .policy.has_value());
}

TEST(TomlPolicyTest, RefusesWhatIsNoSuchFile) {
  const std::vector<std::string> texts = {
      "[[rule]",
      "rule = 7",
      "rule = []",
      "[rule]\nname = \"a\"",
      "ignore_case = \"yes\"",
      "x = 1",
      "\xff\xfe",
      "r\xc3\xbcle = 1",
      std::string(kMaxPolicyFileBytes + 1, '\n'),
      "[[rule]]\nname = \"a\\u0001\"\nkind = \"deny\"\n",
      "[[rule]]\nname = \"a\"\nkind = \"deny\"\nuser = \"\"\n",
      "[[rule]]\nname = \"a\"\nkind = \"deny\"\nuser = [[\"b\"]]\n"};
  for (const std::string& text : texts) {
    const ImportedPolicy imported = ReadTomlPolicy(text, "rules.toml");
    EXPECT_FALSE(imported.policy.has_value()) << text.substr(0, 40);
    EXPECT_FALSE(imported.remarks.empty()) << text.substr(0, 40);
  }
}

TEST(TomlPolicyTest, NamesTheLineThatIsNoToml) {
  const ImportedPolicy imported =
      ReadTomlPolicy("ignore_case = true\n[[rule]\n", "rules.toml");
  ASSERT_EQ(imported.remarks.size(), 1u);
  EXPECT_EQ(imported.remarks[0].line, 2u);
  EXPECT_EQ(imported.remarks[0].text.find("rules.toml"), std::string::npos);
}

// One broken rule among sound ones is found, by its line, whatever is broken.
TEST(TomlPolicyTest, NamesEachOfThreeHundredBrokenRules) {
  const std::vector<std::string> broken = {
      "kind = \"forbid\"",
      "kind = 7",
      "kind = \"deny\"\nunits = 3",
      "kind = \"deny\"\nlend = true",
      "kind = \"deny\"\neach = \"user\"",
      "kind = \"deny\"\nfeature = \"c d\"",
      "kind = \"deny\"\nfeature = 4",
      "kind = \"deny\"\nuser = \"\"",
      "kind = \"deny\"\nuser = 4",
      "kind = \"deny\"\nuser = [\"a\", 4]",
      "kind = \"deny\"\nuser = \"a\\u0007b\"",
      "kind = \"deny\"\nuser_group = \"nobody\"",
      "kind = \"deny\"\naddress = \"10.0.0.0/33\"",
      "kind = \"deny\"\naddress = \"10.0.0.9-10.0.0.1\"",
      "kind = \"deny\"\nnot_address = \"fd00::/129\"",
      "kind = \"deny\"\nversion = \"9..1\"",
      "kind = \"deny\"\ntime = \"mon-fry\"",
      "kind = \"deny\"\ntime = \"25:00-26:00\"",
      "kind = \"deny\"\ncolour = \"red\"",
      "kind = \"limit\"\nunits = -1",
      "kind = \"limit\"\nunits = 99999999999",
      "kind = \"limit\"\nunits = \"3\"",
      "kind = \"limit\"\neach = \"project\"",
      "kind = \"limit\"\nlend = true",
      "kind = \"reserve\"\nunits = 3",
      "kind = \"reserve\"\nuser = \"a\"",
      "kind = \"reserve\"\nuser = \"a\"\nunits = 1\nlend = 1",
      "kind = \"allow\"\nunits = 1",
      "kind = \"allow\"\n[[rule.part]]\nfield = \"shoe\"\nvalues = [\"4\"]",
      "kind = \"allow\"\n[[rule.part]]\nfield = \"user\"",
  };
  int tried = 0;
  for (int before = 0; before < 10; ++before) {
    for (const std::string& body : broken) {
      std::string text;
      for (int i = 0; i < before; ++i) {
        absl::StrAppend(&text, "[[rule]]\nname = \"s", i,
                        "\"\nkind = \"deny\"\n");
      }
      absl::StrAppend(&text, "[[rule]]\nname = \"b\"\n", body, "\n");
      const auto first = static_cast<uint32_t>(3 * before + 1);
      const auto last =
          static_cast<uint32_t>(std::count(text.begin(), text.end(), '\n'));
      const ImportedPolicy imported = ReadTomlPolicy(text, "rules.toml");
      EXPECT_FALSE(imported.policy.has_value()) << body;
      ASSERT_FALSE(imported.remarks.empty()) << body;
      for (const ImportRemark& remark : imported.remarks) {
        EXPECT_GE(remark.line, first) << body << remark.text;
        EXPECT_LE(remark.line, last) << body << remark.text;
      }
      ++tried;
    }
  }
  EXPECT_EQ(tried, 300);
}

// Parts in the order of the file.
Policy Ordered(Policy policy) {
  for (auto& rule : *policy.mutable_rules()) {
    std::vector<PolicyPart> parts(rule.parts().begin(), rule.parts().end());
    std::sort(parts.begin(), parts.end(),
              [](const PolicyPart& a, const PolicyPart& b) {
                return a.SerializeAsString() < b.SerializeAsString();
              });
    rule.clear_parts();
    for (const PolicyPart& part : parts)
      *rule.add_parts() = part;
  }
  return policy;
}

TEST(TomlPolicyTest, ComesBackTheSame) {
  for (const uint64_t seed : TestSeeds(1, 500)) {
    SCOPED_TRACE(ReplayLine(seed, "policy_formats_toml_test", "*"));
    Random random(seed);
    Policy policy = RandomPolicy(&random);
    if (policy.rules_size() > 0) {
      policy.mutable_rules(0)->set_name("a \"quoted\" \\ näme");
    }
    const std::string text = WriteTomlPolicy(policy);
    const ImportedPolicy imported = ReadTomlPolicy(text, "rules.toml");
    ASSERT_TRUE(imported.policy.has_value())
        << text << imported.remarks.at(0).text;
    EXPECT_TRUE(
        MessageDifferencer::Equals(Ordered(*imported.policy), Ordered(policy)))
        << text;
    EXPECT_EQ(WriteTomlPolicy(*imported.policy), text);
  }
}

}  // namespace
}  // namespace quorate::policy
