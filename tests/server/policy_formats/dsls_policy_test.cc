// A policy goes into a DSLS authorization file and comes back the same, byte
// for byte the second time; a file of Dassault's own layout is read; what is
// wrong, or made to do harm, is refused by line. By hand and from random
// policies.

#include "server/policy_formats/dsls_policy.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "server/policy_formats/toml_policy.h"
#include "tests/server/policy/policies.h"
#include "tests/support/seed.h"

namespace quorate::policy {
namespace {

using google::protobuf::util::MessageDifferencer;
using internal::v1::Policy;
using internal::v1::PolicyGroup;
using testing::ElementsAre;
using testing::HasSubstr;

// The first part is laid out as Dassault's documentation shows it.
constexpr char kFile[] =
    R"(<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<authorizations xsi:schemaLocation="http://www.3DS.com/DSLS DSLSAuthorizations.xsd" xmlns="http://www.3DS.com/DSLS" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <users> <user id="1">anna</user> <user id="2">bob</user> </users>
  <usergroups> <usergroup id="1"> <name>UsrGroup1</name> <user id="1"/> <!-- anna --> <user id="2"/> </usergroup> </usergroups>
  <hosts> <host id="1">computera</host> </hosts>
  <hostgroups> <hostgroup id="1"> <name>ComputerGroup</name> <host id="1"/> </hostgroup> </hostgroups>
  <ipranges> <iprange id="1" cidr="10.232.0.0/16">local10232</iprange>
             <iprange id="2" range="192.168.0.1-192.168.0.255"/>
             <iprange id="4" cidr="fd00::/10"/> </ipranges>
  <iprangegroups> <iprangegroup id="1"> <name>localgroupipv4</name> <iprange id="1"/> </iprangegroup> </iprangegroups>
  <rules ignoreCase="true">
    <rule type="Reserve" feature="cad" units="4" lend="true">
      <name>four for the group</name>
      <condition><usergroup id="1"/></condition>
      <condition not="true"><host id="1"/></condition>
      <condition><time>mon-fri 22:00-06:00</time></condition>
    </rule>
    <rule type="Deny">
      <name>not from there</name>
      <condition><iprange id="2"/><iprange id="4"/></condition>
    </rule>
    <rule type="Idle" feature="cad" span="5400" warning="300">
      <name>use it or lose it</name>
    </rule>
  </rules>
</authorizations>
)";

std::string Show(const ImportedPolicy& imported) {
  std::string shown;
  for (const ImportRemark& remark : imported.remarks)
    absl::StrAppend(&shown, remark.line, ": ", remark.text, "\n");
  return shown;
}

TEST(DslsPolicyTest, ReadsDassaultsLayout) {
  const ImportedPolicy imported = ReadDslsPolicy(kFile);
  ASSERT_TRUE(imported.policy.has_value()) << Show(imported);
  ASSERT_EQ(imported.remarks.size(), 1u);
  EXPECT_EQ(imported.remarks[0].line, 7u);
  EXPECT_EQ(imported.remarks[0].kind, RemarkKind::kIgnored);
  const Policy& policy = *imported.policy;
  EXPECT_TRUE(policy.ignore_case());
  ASSERT_EQ(policy.groups_size(), 3);
  EXPECT_THAT(policy.groups(0).members(), ElementsAre("anna", "bob"));
  EXPECT_THAT(policy.groups(2).members(), ElementsAre("10.232.0.0/16"));
  const internal::v1::PolicyRule& rule = policy.rules(0);
  EXPECT_EQ(rule.kind(), internal::v1::POLICY_RULE_KIND_RESERVE);
  EXPECT_EQ(rule.units(), 4u);
  EXPECT_EQ(policy.rules(2).kind(), internal::v1::POLICY_RULE_KIND_IDLE);
  EXPECT_EQ(policy.rules(2).span_ms(), 5'400'000);
  EXPECT_EQ(policy.rules(2).warning_ms(), 300'000);
  EXPECT_TRUE(rule.lend());
  EXPECT_THAT(rule.parts(0).values(), ElementsAre("UsrGroup1"));
  EXPECT_TRUE(rule.parts(1).negated());
  EXPECT_THAT(rule.parts(2).values(), ElementsAre("mon-fri 22:00-06:00"));
  EXPECT_THAT(policy.rules(1).parts(0).values(),
              ElementsAre("192.168.0.1-192.168.0.255", "fd00::/10"));
  EXPECT_EQ(policy.rules(1).feature(), "");
}

TEST(DslsPolicyTest, APackageHasANumber) {
  const std::string file = R"(<authorizations xmlns="http://www.3DS.com/DSLS">
  <features> <feature id="7">word</feature> <feature id="8">sheet</feature> </features>
  <featuregroups> <featuregroup id="3"> <name>office</name> <feature id="8"/> <feature id="7"/> </featuregroup> </featuregroups>
  <rules> <rule type="Deny" featuregroup="3"> <name>nobody</name> </rule> </rules>
</authorizations>
)";
  const ImportedPolicy imported = ReadDslsPolicy(file);
  ASSERT_TRUE(imported.policy.has_value()) << Show(imported);
  EXPECT_THAT(imported.policy->groups(0).members(),
              ElementsAre("sheet", "word"));
  EXPECT_EQ(imported.policy->rules(0).feature_group(), "office");
  const ImportedPolicy unknown = ReadDslsPolicy(absl::StrReplaceAll(
      file, {{"featuregroup=\"3\"", "featuregroup=\"4\""}}));
  ASSERT_EQ(unknown.remarks.size(), 1u);
  EXPECT_EQ(unknown.remarks[0].line, 4u);
  EXPECT_THAT(unknown.remarks[0].text, HasSubstr("no featuregroup 4"));
}

// "10.0.0.7" for "10.0.0.7-10.0.0.7".
void Shorten(std::string* value) {
  const size_t dash = value->find('-');
  if (dash != std::string::npos &&
      value->substr(0, dash) == value->substr(dash + 1)) {
    value->resize(dash);
  }
}

// Groups by kind and ranges of one address short, as they come back.
Policy Ordered(Policy policy) {
  for (auto& group : *policy.mutable_groups()) {
    for (std::string& member : *group.mutable_members())
      Shorten(&member);
  }
  for (auto& rule : *policy.mutable_rules()) {
    for (auto& part : *rule.mutable_parts()) {
      for (std::string& value : *part.mutable_values())
        Shorten(&value);
    }
  }
  std::vector<PolicyGroup> groups(policy.groups().begin(),
                                  policy.groups().end());
  std::stable_sort(groups.begin(), groups.end(),
                   [](const PolicyGroup& a, const PolicyGroup& b) {
                     return a.kind() < b.kind();
                   });
  policy.clear_groups();
  for (const PolicyGroup& group : groups)
    *policy.add_groups() = group;
  return policy;
}

TEST(DslsPolicyTest, ComesBackTheSameByteForByte) {
  for (const uint64_t seed : TestSeeds(1, 500)) {
    SCOPED_TRACE(ReplayLine(seed, "policy_formats_dsls_test", "*"));
    Random random(seed);
    Policy policy = RandomPolicy(&random);
    if (policy.rules_size() > 0) {
      policy.mutable_rules(0)->set_name(
          "<a> & \"b\" 'c' ]]> n\xC3\xA4me \xEF\xBF\xBD \xF0\x9F\xBF\xBE");
    }
    const std::string text = WriteDslsPolicy(policy);
    const ImportedPolicy imported = ReadDslsPolicy(text);
    ASSERT_TRUE(imported.policy.has_value()) << text << Show(imported);
    EXPECT_TRUE(imported.remarks.empty()) << Show(imported);
    EXPECT_TRUE(MessageDifferencer::Equals(*imported.policy, Ordered(policy)))
        << text;
    EXPECT_EQ(WriteDslsPolicy(*imported.policy), text);
    // And through the other format.
    const ImportedPolicy other =
        ReadTomlPolicy(WriteTomlPolicy(*imported.policy), "rules.toml");
    ASSERT_TRUE(other.policy.has_value());
    EXPECT_EQ(WriteTomlPolicy(*other.policy),
              WriteTomlPolicy(*imported.policy));
  }
}

TEST(DslsPolicyTest, RefusesEachWrongLineByNumber) {
  const struct {
    const char* from;
    const char* to;
    uint32_t line;
  } kCases[] = {
      {"<user id=\"2\">bob", "<user id=\"x\">bob", 3},
      {"<user id=\"2\">bob", "<user>bob", 3},
      {"<user id=\"2\">bob", "<user id=\"1\">bob", 3},
      {"<user id=\"2\">bob", "<user id=\"0\">bob", 3},
      {"<user id=\"2\"/>", "<user id=\"3\"/>", 4},
      {"<user id=\"2\"/>", "<host id=\"1\"/>", 4},
      {"<name>UsrGroup1</name>", "", 4},
      {"<host id=\"1\"/> </hostgroup>", "<user id=\"1\"/> </hostgroup>", 6},
      {"cidr=\"10.232.0.0/16\"", "cidr=\"10.232.0.0/99\"", 10},
      {"cidr=\"10.232.0.0/16\"", "", 7},
      {"range=\"192.168.0.1-192.168.0.255\"",
       "range=\"192.168.0.1-192.168.0.255\" cidr=\"10.0.0.0/8\"", 8},
      {"type=\"Reserve\"", "type=\"Keep\"", 12},
      {"type=\"Reserve\"", "", 12},
      {"units=\"4\"", "units=\"-4\"", 12},
      {"units=\"4\"", "units=\"0\"", 12},
      {"units=\"4\"", "units=\"99999999999\"", 12},
      {"lend=\"true\"", "lend=\"maybe\"", 12},
      {"lend=\"true\"", "lent=\"true\"", 12},
      {"feature=\"cad\"", "feature=\"c d\"", 12},
      {"<name>four for the group</name>", "", 14},
      {"<name>four for the group</name>", "<name>not from there</name>", 18},
      {"<condition><usergroup id=\"1\"/></condition>", "<condition/>", 14},
      {"<condition><usergroup id=\"1\"/></condition>",
       "<condition><usergroup id=\"1\"/><host id=\"1\"/></condition>", 14},
      {"<condition><usergroup id=\"1\"/></condition>",
       "<condition><usergroup id=\"7\"/></condition>", 14},
      {"mon-fri 22:00-06:00", "noon", 12},
      {"</rule>", "</rules>", 17},
      {"<rules ", "<laws ", 25},
  };

  for (const auto& each : kCases) {
    std::string text = kFile;
    const size_t at = text.find(each.from);
    ASSERT_NE(at, std::string::npos) << each.from;
    text.replace(at, std::string(each.from).size(), each.to);
    const ImportedPolicy imported = ReadDslsPolicy(text);
    EXPECT_FALSE(imported.policy.has_value()) << each.to;
    bool named = false;
    for (const ImportRemark& remark : imported.remarks)
      named |= remark.kind == RemarkKind::kFault && remark.line == each.line;
    EXPECT_TRUE(named) << each.from << " -> " << each.to << "\n"
                       << Show(imported);
  }
}

// The library counts the lines of elements in 16 bits: what lies farther down
// would be shown at the wrong line.
TEST(DslsPolicyTest, NamesTheLineAlsoOfTheLast) {
  const auto fault_after = [](size_t lines) {
    return ReadDslsPolicy(absl::StrReplaceAll(
        kFile, {{"<condition><usergroup id=\"1\"/>",
                 absl::StrCat(std::string(lines, '\n'),
                              "<condition><usergroup id=\"9\"/>")}}));
  };
  const ImportedPolicy last = fault_after(65'500);
  ASSERT_EQ(last.remarks.size(), 2u);
  EXPECT_EQ(last.remarks.back().line, 65'514u);
  EXPECT_EQ(last.remarks.back().text, "there is no usergroup 9");
  const ImportedPolicy more = fault_after(70'000);
  ASSERT_FALSE(more.policy.has_value());
  ASSERT_EQ(more.remarks.size(), 1u);
  EXPECT_EQ(more.remarks[0].text, "the file has more than 65535 lines");
}

TEST(DslsPolicyTest, RefusesWhatIsMadeToDoHarm) {
  const std::string body =
      "<authorizations xmlns=\"http://www.3DS.com/DSLS\"><users><user "
      "id=\"1\">&a;</user></users></authorizations>";
  std::string deep;
  for (int i = 0; i < 10'000; ++i)
    absl::StrAppend(&deep, "<a>");
  const std::vector<std::string> texts = {
      // Entities that grow, and one that reads a file.
      absl::StrCat("<!DOCTYPE x [<!ENTITY b \"bbbbbbbbbb\"><!ENTITY a "
                   "\"&b;&b;&b;&b;&b;&b;&b;&b;\">]>",
                   body),
      absl::StrCat("<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>",
                   body),
      absl::StrCat("<!DOCTYPE x SYSTEM \"http://127.0.0.1:9/x.dtd\">", body),
      body,  // An entity that is not there.
      deep,
      std::string(kMaxPolicyFileBytes + 1, ' '),
      "",
      "<",
      "no xml",
      "<authorizations/>",  // Of no namespace.
      std::string("<\0a/>", 5),
      "\xff\xfe<\0a\0/\0>\0",
      "<?xml version=\"1.0\" encoding=\"UTF-7\"?>+ADw-a/+AD4-",
      absl::StrReplaceAll(kFile, {{"anna", "\xc3"}}),
  };
  for (const std::string& text : texts) {
    const ImportedPolicy imported = ReadDslsPolicy(text);
    EXPECT_FALSE(imported.policy.has_value()) << text.substr(0, 80);
    EXPECT_FALSE(imported.remarks.empty()) << text.substr(0, 80);
  }
}

// A document names a schema of its own: it is not fetched, and not heeded.
TEST(DslsPolicyTest, HeedsNoSchemaOfTheDocument) {
  const ImportedPolicy imported = ReadDslsPolicy(
      "<authorizations xmlns=\"http://www.3DS.com/DSLS\" "
      "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
      "xsi:schemaLocation=\"http://www.3DS.com/DSLS file:///etc/passwd\">"
      "<rules/></authorizations>");
  EXPECT_TRUE(imported.policy.has_value()) << Show(imported);
}

}  // namespace
}  // namespace quorate::policy
