// A line is whole and stands on one line, whatever its values hold. Lines are
// read back from the process's standard error.

#include "base/log.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace quorate {
namespace {

using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

// What is logged by `log`, which may be several lines.
template <typename Function>
std::string Captured(Function log) {
  testing::internal::CaptureStderr();
  log();
  return testing::internal::GetCapturedStderr();
}

TEST(LogTest, WritesTimeLevelAreaEventAndFields) {
  ConfigureLog(LogLevel::kInfo, "member=m1");
  const std::string line = Captured([] {
    LogInfo("raft", "became_leader", {{"term", "7"}, {"x", "a b"}});
  });
  EXPECT_THAT(line, MatchesRegex("[0-9-]+T[0-9:.]+Z I raft became_leader "
                                 "member=m1 term=7 x=\"a b\"\n"));
}

TEST(LogTest, LeavesOutWhatIsBelowTheLevel) {
  ConfigureLog(LogLevel::kWarn, "");
  EXPECT_THAT(Captured([] { LogInfo("raft", "became_leader"); }), IsEmpty());
  EXPECT_THAT(Captured([] { LogWarn("raft", "disk_slow"); }),
              EndsWith(" W raft disk_slow\n"));
  ConfigureLog(LogLevel::kOff, "");
  EXPECT_THAT(Captured([] { LogError("raft", "disk_failed"); }), IsEmpty());
}

TEST(LogTest, TakesBracesForText) {
  ConfigureLog(LogLevel::kInfo, "");
  EXPECT_THAT(Captured([] {
                LogInfo("rpc", "refused", {{"user", "{}{0}"}});
              }),
              EndsWith("user={}{0}\n"));
}

TEST(LogTest, EscapesWhatWouldForgeALine) {
  EXPECT_EQ(EscapeLogValue("plain-7.5"), "plain-7.5");
  EXPECT_EQ(EscapeLogValue(""), "\"\"");
  EXPECT_EQ(EscapeLogValue("a=b"), "\"a=b\"");
  EXPECT_EQ(EscapeLogValue("say \"hi\"\\"), "\"say \\\"hi\\\"\\\\\"");
  EXPECT_EQ(EscapeLogValue("x\nI raft became_leader"),
            "\"x\\x0aI raft became_leader\"");
  EXPECT_EQ(EscapeLogValue("\x1b[31m\x7f"), "\"\\x1b[31m\\x7f\"");
  // The second set's CSI, a mark of direction, and what is no UTF-8.
  EXPECT_EQ(EscapeLogValue("\xc2\x9b\x31m"), "\"\\xc2\\x9b1m\"");
  EXPECT_EQ(EscapeLogValue("\xe2\x80\xae"), "\"\\xe2\\x80\\xae\"");
  EXPECT_EQ(EscapeLogValue("\xc3\xa9\xff"), "\"\xc3\xa9\\xff\"");
}

TEST(LogTest, ParsesTheNamesOfLevelsOnly) {
  LogLevel level = LogLevel::kOff;
  EXPECT_TRUE(ParseLogLevel("debug", &level));
  EXPECT_EQ(level, LogLevel::kDebug);
  EXPECT_TRUE(ParseLogLevel("error", &level));
  EXPECT_EQ(level, LogLevel::kError);
  EXPECT_FALSE(ParseLogLevel("Error", &level));
  EXPECT_FALSE(ParseLogLevel("", &level));
  EXPECT_EQ(level, LogLevel::kError);
}

}  // namespace
}  // namespace quorate
