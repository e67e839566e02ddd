// A line that is written is read back as it was, is short and has no control
// character, whatever its values hold; other texts are refused. Random values,
// and a table of texts that come close.

#include "server/logs/log_line.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "base/utf8.h"

namespace quorate::server {
namespace {

constexpr char kGood[] =
    R"({"time":"2026-11-22T12:03:44.120Z","severity":"warn","area":"raft",)"
    R"("event":"leader_lost","member":"m1","fields":{"term":"7"}})";

LogLine Good() {
  return {.time_ms = 1'795'349'024'120,
          .severity = LogLevel::kWarn,
          .area = "raft",
          .event = "leader_lost",
          .member = "m1",
          .fields = {{"term", "7"}}};
}

std::string Bytes(Random* random, size_t limit) {
  std::string bytes(random->Below(limit), '\0');
  // Of text, of control characters, or anything.
  const uint64_t kind = random->Below(3);
  for (char& byte : bytes) {
    byte = static_cast<char>(kind == 0   ? random->Between('a', 'z')
                             : kind == 1 ? random->Below(32)
                                         : random->Below(256));
  }
  return bytes;
}

TEST(LogLineTest, IsWrittenAsDocumented) {
  EXPECT_EQ(EncodeLogLine(Good()), kGood);
  EXPECT_EQ(DecodeLogLine(kGood), Good());
  EXPECT_EQ(TimeOfLogLine(kGood), Good().time_ms);
}

TEST(LogLineTest, AnyValuesMakeOneShortLineThatIsReadBack) {
  const uint64_t seed = SystemRandomId();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  Random random(seed);
  for (int i = 0; i < 3'000; ++i) {
    LogLine line = Good();
    line.time_ms = static_cast<int64_t>(random.Below(253'402'300'799'999));
    line.area = Bytes(&random, 40);
    const uint64_t count = random.Below(random.OneIn(20) ? 60 : 6);
    for (uint64_t n = 0; n < count; ++n) {
      line.fields.emplace_back(absl::StrCat("k", n, Bytes(&random, 8)),
                               Bytes(&random, random.OneIn(4) ? 5'000 : 50));
    }
    const std::string text = EncodeLogLine(line);
    ASSERT_LE(text.size(), kMaxLogLineBytes);
    ASSERT_TRUE(IsUtf8(text));
    for (const char c : text)
      ASSERT_GE(static_cast<unsigned char>(c), 0x20);
    const std::optional<LogLine> read = DecodeLogLine(text);
    ASSERT_TRUE(read.has_value()) << text;
    ASSERT_EQ(read->time_ms, line.time_ms);
    ASSERT_EQ(TimeOfLogLine(text), line.time_ms);
    // What was read is written as it was.
    ASSERT_EQ(EncodeLogLine(*read), text);
    for (size_t n = 0; n < line.fields.size(); ++n) {
      const std::string& value = line.fields[n].second;
      if (read->fields.size() != line.fields.size() || !IsUtf8(value) ||
          value.size() > 64) {
        continue;
      }
      ASSERT_EQ(read->fields[n].second, value);
    }
  }
}

TEST(LogLineTest, LongValuesAreCutBetweenCharacters) {
  LogLine line = Good();
  std::string euros;
  while (euros.size() <= kMaxLogValueBytes)
    euros += "\xe2\x82\xac";
  line.fields = {{"text", euros}};
  const std::optional<LogLine> read = DecodeLogLine(EncodeLogLine(line));
  ASSERT_TRUE(read.has_value());
  const std::string& value = read->fields[0].second;
  EXPECT_LE(value.size(), kMaxLogValueBytes);
  EXPECT_EQ(value.substr(value.size() - 5), "[cut]");
  EXPECT_EQ(value.find("\xef\xbf\xbd"), std::string::npos);
}

// Each value is short enough, all of them together are not.
TEST(LogLineTest, ManyLongValuesAreCutMore) {
  LogLine line = Good();
  line.fields.clear();
  for (int i = 0; i < 30; ++i) {
    line.fields.emplace_back(absl::StrCat("k", i), std::string(1'000, 'x'));
  }
  const std::optional<LogLine> read = DecodeLogLine(EncodeLogLine(line));
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->fields.size(), 30U);
  EXPECT_EQ(read->fields[29].second, std::string(59, 'x') + "[cut]");
}

TEST(LogLineTest, OtherTextsAreRefused) {
  const std::string good = kGood;
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{
           {"}}", "}"},
           {"}}", "}}}"},
           {"\"warn\"", "\"off\""},
           {"\"warn\"", "\"WARN\""},
           {"\"warn\"", "7"},
           {"2026", "1969"},
           {"120Z", "120"},
           {"T12", "t12"},
           {"\"raft\"", "null"},
           {"\"area\"", "\"Area\""},
           {"{\"term\":\"7\"}", "[]"},
           {"{\"term\":\"7\"}", "{\"term\":7}"},
           {"leader", "\xff"},
           {"leader", "\n"}}) {
    const std::string bad = absl::StrReplaceAll(good, {{from, to}});
    ASSERT_NE(bad, good) << from;
    EXPECT_EQ(DecodeLogLine(bad), std::nullopt) << bad;
  }
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(DecodeLogLine(good.substr(0, size)), std::nullopt) << size;
  }
  EXPECT_EQ(DecodeLogLine(std::string(kMaxLogLineBytes, '[')), std::nullopt);
  EXPECT_EQ(
      DecodeLogLine(absl::StrCat(good, std::string(kMaxLogLineBytes, ' '))),
      std::nullopt);
}

}  // namespace
}  // namespace quorate::server
