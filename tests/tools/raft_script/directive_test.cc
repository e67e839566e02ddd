// Property: scripts are taken apart as written, and what is no script is
// refused with its place. Method: small scripts, part by part.

#include "tools/raft_script/directive.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace quorate::raft_script {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<std::vector<Directive>> Parse(absl::string_view text) {
  return ParseScript("script.txt", SplitLines(text));
}

TEST(DirectiveTest, TakesArgumentsApart) {
  const auto script =
      Parse("do 1 2 flag n=3 list=(4, 5) two=(6 7) none= \\\n  more\n----\n");
  ASSERT_TRUE(script.ok()) << script.status();
  ASSERT_EQ(script->size(), 1u);
  const Directive& directive = script->front();
  EXPECT_EQ(directive.command, "do");
  EXPECT_THAT(directive.Positional(), ElementsAre(1, 2));
  EXPECT_NE(directive.Find("flag"), nullptr);
  EXPECT_NE(directive.Find("more"), nullptr);
  EXPECT_EQ(directive.Find("other"), nullptr);
  EXPECT_THAT(*directive.Find("list"), ElementsAre("4", "5"));
  EXPECT_THAT(*directive.Find("two"), ElementsAre("6", "7"));
  EXPECT_EQ(directive.Text("n", ""), "3");
  EXPECT_EQ(directive.Text("list", ""), "4,5");
  EXPECT_EQ(directive.Text("none", "x"), "");
  EXPECT_EQ(directive.Text("other", "x"), "x");
}

TEST(DirectiveTest, TellsWhereItStands) {
  const auto script = Parse("# A comment.\n\nfirst\n----\n\n  \nsecond\n----");
  ASSERT_TRUE(script.ok()) << script.status();
  ASSERT_EQ(script->size(), 2u);
  EXPECT_EQ((*script)[0].position, "script.txt:3");
  EXPECT_EQ((*script)[1].position, "script.txt:7");
}

TEST(DirectiveTest, KeepsInputAndOutputAsTheyAre) {
  const auto script =
      Parse("do\nin 1\n in 2\n----\n out 1\nout 2\n\nnext\n----");
  ASSERT_TRUE(script.ok()) << script.status();
  ASSERT_EQ(script->size(), 2u);
  EXPECT_EQ((*script)[0].input, "in 1\n in 2\n");
  EXPECT_EQ((*script)[0].expected, " out 1\nout 2\n");
}

TEST(DirectiveTest, DoubledSeparatorsHoldEmptyLines) {
  const auto script =
      Parse("do\n----\n----\na\n\n----\nb\n----\n----\n\nnext\n----\nc");
  ASSERT_TRUE(script.ok()) << script.status();
  ASSERT_EQ(script->size(), 2u);
  EXPECT_EQ((*script)[0].expected, "a\n\n----\nb\n");
  EXPECT_EQ((*script)[1].expected, "c\n");
}

TEST(DirectiveTest, RefusesWhatIsNoScript) {
  for (const absl::string_view text :
       {"do\nno separator\n", "do =1\n----\n", "do list=(1, 2\n----\n"}) {
    const auto script = Parse(text);
    EXPECT_EQ(script.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(script.status().message(), HasSubstr("script.txt:1"));
  }
}

TEST(DirectiveTest, RefusesWhatIsNoNumber) {
  const auto script = Parse("do n=3x\n----\n");
  ASSERT_TRUE(script.ok()) << script.status();
  EXPECT_THAT(ParseNumber(script->front(), "3x").status().message(),
              HasSubstr("script.txt:1"));
  EXPECT_EQ(*ParseNumber(script->front(), "3"), 3u);
}

}  // namespace
}  // namespace quorate::raft_script
