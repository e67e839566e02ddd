// What a person copies from one terminal to another is read as it was written,
// or not at all. Tokens are drawn, printed, changed and parsed.

#include "server/rpc/join_token.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"

namespace quorate::server {
namespace {

JoinDescription Place() {
  return {.endpoints = {"10.0.0.1:7421", "[2001:db8::1]:7421"},
          .ca_pin = std::string(32, '\xfe')};
}

TEST(JoinTokenTest, IsReadAsItWasWritten) {
  const JoinToken token = DrawJoinToken(Place());
  const std::string text = FormatJoinToken(token);
  const auto parsed = ParseJoinToken(text);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->id, token.id);
  EXPECT_EQ(parsed->secret, token.secret);
  EXPECT_EQ(parsed->join.ca_pin, token.join.ca_pin);
  EXPECT_EQ(parsed->join.endpoints, token.join.endpoints);
  EXPECT_EQ(text.find_first_of(" '\"$&|;<>()*?!~`#\\"), std::string::npos)
      << "a shell would change " << text;
}

TEST(JoinTokenTest, NoTwoAreTheSame) {
  const JoinToken one = DrawJoinToken(Place());
  const JoinToken two = DrawJoinToken(Place());
  EXPECT_NE(one.id, two.id);
  EXPECT_NE(one.secret, two.secret);
  EXPECT_EQ(one.secret.size(), 32U);
}

TEST(JoinTokenTest, NothingElseIsAToken) {
  const std::string good = FormatJoinToken(DrawJoinToken(Place()));
  const std::string cases[] = {"",
                               "qjoin1.",
                               "qjoin2." + good.substr(7),
                               good.substr(0, good.find('@')),
                               good.substr(0, good.find('@') + 1),
                               good.substr(0, good.size() - 5),
                               absl::StrReplaceAll(good, {{"@", ".x@"}}),
                               "qjoin1.G" + good.substr(8),
                               "qjoin1." + good.substr(9),
                               good + ",",
                               good + " "};
  for (const std::string& text : cases) {
    const auto parsed = ParseJoinToken(text);
    EXPECT_TRUE(absl::IsInvalidArgument(parsed.status())) << text;
    // A secret in part is still a secret.
    EXPECT_FALSE(
        absl::StrContains(parsed.status().message(), good.substr(24, 20)));
  }
}

}  // namespace
}  // namespace quorate::server
