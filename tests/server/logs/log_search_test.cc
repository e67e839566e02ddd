// Pages of any size together are what a look at every line gives, in both
// orders, over files with torn lines and garbage, also where they are rotated
// between two pages. Random files and questions against a plain filter.

#include "server/logs/log_search.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "tests/server/logs/log_folder.h"

namespace quorate::server {
namespace {

// So that it can be printed.
std::string ShowAll(const std::vector<LogLine>& lines) {
  std::string text;
  for (const LogLine& line : lines) {
    absl::StrAppend(&text, line.time_ms, " ", LogLevelName(line.severity), " ",
                    line.area, " ", line.event, " ", line.fields[0].second,
                    "\n");
  }
  return text;
}

constexpr int64_t kBeginMs = 1'795'000'000'000;

LogLine LineAt(int64_t ms, const std::string& event = "made") {
  return {.time_ms = ms,
          .severity = LogLevel::kInfo,
          .area = "snapshot",
          .event = event,
          .member = "m1",
          .fields = {{"index", absl::StrCat(ms)}}};
}

std::string TextOf(const std::vector<LogLine>& lines) {
  std::string text;
  for (const LogLine& line : lines)
    absl::StrAppend(&text, EncodeLogLine(line), "\n");
  return text;
}

// All pages after the place that the question has.
std::vector<LogLine> AllPages(const LogFolder& folder, LogQuestion question) {
  std::vector<LogLine> all;
  for (int page = 0; page < 100'000; ++page) {
    const LogAnswer answer = SearchLog(folder.path(), question);
    EXPECT_LE(answer.lines.size(), question.limit);
    all.insert(all.end(), answer.lines.begin(), answer.lines.end());
    if (!answer.next.has_value()) return all;
    EXPECT_NE(question.after, answer.next);
    question.after = answer.next;
  }
  ADD_FAILURE() << "the pages do not end";
  return all;
}

// What a log holds, written as a plain list and as files.
class RandomLog {
 public:
  RandomLog(Random* random, const LogFolder* folder)
      : random_(random), folder_(folder) {
    const uint64_t files = random->Between(1, 5);
    for (uint64_t i = 0; i < files; ++i)
      Rotate();
  }

  // A new file; the names of the others change.
  void Rotate() {
    std::string text;
    const uint64_t count = random_->Below(200);
    for (uint64_t i = 0; i < count; ++i) {
      if (random_->OneIn(15)) AddGarbage(&text);
      lines_.push_back(RandomLine());
      absl::StrAppend(&text, EncodeLogLine(lines_.back()), "\n");
    }
    // A last line that is under way, and never ends.
    if (random_->OneIn(2)) text += EncodeLogLine(LineAt(0)).substr(0, 50);
    for (int age = files_++; age > 0; --age) {
      std::filesystem::rename(LogFilePath(folder_->path(), age - 1),
                              LogFilePath(folder_->path(), age));
    }
    folder_->Write(0, text);
  }

  // As SearchLog is to do it, without pages.
  std::vector<LogLine> Expect(const LogQuestion& question) const {
    std::vector<LogLine> found;
    for (const LogLine& line : lines_) {
      std::string all = line.event;
      for (const auto& [key, value] : line.fields)
        absl::StrAppend(&all, "\n", key, "\n", value);
      if (line.time_ms < question.from_ms ||
          line.time_ms >= question.until_ms.value_or(INT64_MAX) ||
          line.severity < question.least ||
          (!question.area.empty() && line.area != question.area) ||
          (!question.event.empty() && line.event != question.event) ||
          !absl::StrContains(absl::AsciiStrToLower(all),
                             absl::AsciiStrToLower(question.text))) {
        continue;
      }
      found.push_back(line);
    }
    if (!question.oldest_first) std::reverse(found.begin(), found.end());
    return found;
  }

  LogQuestion RandomQuestion() {
    LogQuestion question;
    if (random_->OneIn(2)) question.from_ms = RandomMs();
    if (random_->OneIn(2)) question.until_ms = RandomMs();
    question.least = static_cast<LogLevel>(random_->Below(4));
    if (random_->OneIn(4)) question.area = "raft";
    if (random_->OneIn(4)) question.event = "e3";
    if (random_->OneIn(3)) question.text = random_->OneIn(2) ? "VaLuE-1" : "e2";
    question.oldest_first = random_->OneIn(2);
    question.limit = random_->Between(1, 30);
    if (random_->OneIn(2)) question.read_limit = random_->Between(1, 3'000);
    if (random_->OneIn(4)) question.answer_limit = random_->Between(1, 500);
    return question;
  }

 private:
  int64_t RandomMs() {
    // That of a line, half of the time: the ends of a span are to be met.
    if (!lines_.empty() && random_->OneIn(2)) {
      return lines_[random_->Below(lines_.size())].time_ms;
    }
    return kBeginMs + static_cast<int64_t>(random_->Below(100'000));
  }

  LogLine RandomLine() {
    // The clock goes on, and is set back now and then.
    now_ms_ = random_->OneIn(50) ? RandomMs() : now_ms_ + 300;
    return {.time_ms = now_ms_,
            .severity = static_cast<LogLevel>(random_->Below(4)),
            .area = random_->OneIn(2) ? "raft" : "storage",
            .event = absl::StrCat("e", random_->Below(6)),
            .member = "m1",
            .fields = {{"key", absl::StrCat("Value-", random_->Below(30))}}};
  }

  void AddGarbage(std::string* text) {
    switch (random_->Below(5)) {
      case 0:
        absl::StrAppend(text, "\n");
        break;
      case 1:
        absl::StrAppend(text, EncodeLogLine(RandomLine()).substr(0, 60), "\n");
        break;
      case 2:
        text->append(random_->Below(300), '\0');
        *text += '\n';
        break;
      case 3:
        absl::StrAppend(text, std::string(random_->Below(70'000), '{'), "\n");
        break;
      default:
        if (random_->OneIn(4)) text->append(600'000, 'x');
        absl::StrAppend(text, "\xff\xfe\n");
    }
  }

  Random* const random_;
  const LogFolder* const folder_;
  int64_t now_ms_ = kBeginMs;
  std::vector<LogLine> lines_;  // The oldest first.
  int files_ = 0;
};

TEST(LogSearchTest, PagesAreWhatALookAtEachLineGives) {
  const uint64_t seed = SystemRandomId();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  Random random(seed);
  for (int round = 0; round < 40; ++round) {
    const LogFolder folder;
    RandomLog log(&random, &folder);
    for (int i = 0; i < 15; ++i) {
      const LogQuestion question = log.RandomQuestion();
      ASSERT_EQ(ShowAll(AllPages(folder, question)),
                ShowAll(log.Expect(question)));
    }
  }
}

TEST(LogSearchTest, GoesOnWhereItWasAfterARotation) {
  const uint64_t seed = SystemRandomId();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  Random random(seed);
  for (int round = 0; round < 100; ++round) {
    const LogFolder folder;
    RandomLog log(&random, &folder);
    LogQuestion question = log.RandomQuestion();
    std::vector<LogLine> expected = log.Expect(question);
    const LogAnswer first = SearchLog(folder.path(), question);
    if (!first.next.has_value()) continue;
    log.Rotate();
    if (question.oldest_first) expected = log.Expect(question);
    question.after = first.next;
    std::vector<LogLine> all = first.lines;
    for (LogLine& line : AllPages(folder, question))
      all.push_back(std::move(line));
    ASSERT_EQ(ShowAll(all), ShowAll(expected));
  }
}

TEST(LogSearchTest, SaysThatAFileIsGone) {
  const LogFolder folder;
  folder.Write(2, TextOf({LineAt(1'000), LineAt(2'000)}));
  folder.Write(1, TextOf({LineAt(3'000), LineAt(4'000)}));
  folder.Write(0, TextOf({LineAt(5'000)}));
  for (const bool oldest_first : {true, false}) {
    LogQuestion question = {.oldest_first = oldest_first, .limit = 1};
    if (!oldest_first) question.limit = 4;
    question.after = SearchLog(folder.path(), question).next;
    ASSERT_TRUE(question.after.has_value());
    std::filesystem::rename(LogFilePath(folder.path(), 2),
                            folder.path() + "/away");
    const LogAnswer answer = SearchLog(folder.path(), question);
    std::filesystem::rename(folder.path() + "/away",
                            LogFilePath(folder.path(), 2));
    EXPECT_TRUE(answer.gone);
    if (oldest_first) {
      ASSERT_EQ(answer.lines.size(), 1U);
      EXPECT_EQ(answer.lines[0].time_ms, 3'000);
    } else {
      EXPECT_TRUE(answer.lines.empty());
      EXPECT_FALSE(answer.next.has_value());
    }
  }
}

TEST(LogSearchTest, CountsWhatCannotBeRead) {
  const LogFolder folder;
  folder.Write(
      1, absl::StrCat("nonsense\n", TextOf({LineAt(1'000)}), "{\"time\":\"20"));
  folder.Write(0, absl::StrCat(TextOf({LineAt(2'000)}), "{\"time\":\"20"));
  for (const bool oldest_first : {true, false}) {
    const LogAnswer answer =
        SearchLog(folder.path(), {.oldest_first = oldest_first});
    EXPECT_EQ(answer.lines.size(), 2U);
    // The last line of the file that grows may be under way.
    EXPECT_EQ(answer.skipped, 2U);
  }
}

TEST(LogSearchTest, LooksAtABoundedPartEachTime) {
  const LogFolder folder;
  const std::vector<LogLine> many(5'000, LineAt(1'000));
  // Two files shorter than what one look takes, and one far longer.
  folder.Write(1, TextOf(many));
  folder.Write(2, TextOf(many));
  for (int i = 0; i < 4; ++i)
    folder.Append(0, TextOf(many));
  for (const bool oldest_first : {true, false}) {
    LogQuestion question = {.text = "nowhere",
                            .oldest_first = oldest_first,
                            .read_limit = 1'000'000};
    int pages = 1;
    while (true) {
      const LogAnswer answer = SearchLog(folder.path(), question);
      EXPECT_TRUE(answer.lines.empty());
      if (!answer.next.has_value()) break;
      question.after = answer.next;
      ++pages;
    }
    // About 4 MB.
    EXPECT_GE(pages, 4);
    EXPECT_LE(pages, 6);
  }
}

TEST(LogSearchTest, NothingIsThere) {
  const LogFolder folder;
  for (const std::string& path : {folder.path(), folder.path() + "/none"}) {
    const LogAnswer answer = SearchLog(path, {});
    EXPECT_TRUE(answer.lines.empty());
    EXPECT_FALSE(answer.next.has_value());
    EXPECT_FALSE(answer.gone);
  }
  // A pipe of that name is not waited for, a link is not followed.
  folder.Write(0, TextOf({LineAt(1'000)}));
  const LogFolder others;
  others.Write(0, TextOf({LineAt(2'000)}));
  std::filesystem::create_symlink(LogFilePath(others.path(), 0),
                                  LogFilePath(folder.path(), 1));
  ASSERT_EQ(mkfifo(LogFilePath(folder.path(), 2).c_str(), 0600), 0);
  std::filesystem::create_directory(LogFilePath(folder.path(), 3));
  EXPECT_EQ(SearchLog(folder.path(), {}).lines.size(), 1U);
}

}  // namespace
}  // namespace quorate::server
