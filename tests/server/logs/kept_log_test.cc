// What is logged is kept in files of bounded number and size, over restarts and
// torn lines; a disk that does not take it is said once and ends nothing. Real
// files; a device that is always full stands for the full disk.

#include "server/logs/kept_log.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/logs/log_search.h"
#include "tests/server/logs/log_folder.h"

namespace quorate::server {
namespace {

using testing::ElementsAre;

namespace fs = std::filesystem;

constexpr absl::Duration kPatience = absl::Seconds(30);

class KeptLogTest : public testing::Test {
 protected:
  void Begin() {
    log_ = std::make_unique<KeptLog>(options_);
    SetLogKeeper(log_.get());
  }

  void End() {
    SetLogKeeper(nullptr);
    log_.reset();
  }

  ~KeptLogTest() override { End(); }

  // The oldest first.
  std::vector<std::string> Events() const {
    std::vector<std::string> events;
    for (const LogLine& line :
         SearchLog(folder_.path(), {.oldest_first = true, .limit = 100'000})
             .lines) {
      events.push_back(line.event);
    }
    return events;
  }

  LogFolder folder_;
  KeptLog::Options options_ = {
      .folder = folder_.path(), .member = "m1", .retry = absl::ZeroDuration()};
  std::unique_ptr<KeptLog> log_;
};

TEST_F(KeptLogTest, KeepsWhatIsPrintedOverRestarts) {
  ConfigureLog(LogLevel::kInfo, "member=m1");
  Begin();
  LogInfo("raft", "one", {{"user", "a\nb\x1b[2J\"é"}, {"n", "7"}});
  LogDebug("raft", "not_printed");
  log_->Flush(kPatience);
  EXPECT_THAT(Events(), ElementsAre("one"));
  End();
  LogInfo("raft", "not_kept");
  Begin();
  LogWarn("raft", "two");
  End();
  EXPECT_THAT(Events(), ElementsAre("one", "two"));
  const LogAnswer answer = SearchLog(folder_.path(), {.text = "2j"});
  ASSERT_EQ(answer.lines.size(), 1U);
  EXPECT_EQ(answer.lines[0].fields[0].second, "a\nb\x1b[2J\"é");
  EXPECT_EQ(answer.lines[0].member, "m1");
  EXPECT_EQ(answer.lines[0].severity, LogLevel::kInfo);
}

TEST_F(KeptLogTest, TakesBoundedRoom) {
  ConfigureLog(LogLevel::kOff, "");
  options_.file_bytes = 10'000;
  options_.files = 3;
  // What a configuration with more files left.
  folder_.Write(4, "old\n");
  Begin();
  for (int i = 0; i < 2'000; ++i) {
    log_->Keep(LogLevel::kInfo, "raft", "made", {{"n", absl::StrCat(i)}});
    // No more than may wait.
    if (i % 100 == 0) log_->Flush(kPatience);
  }
  End();
  uint64_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    ++files;
    EXPECT_LE(entry.file_size(), 10'000U) << entry.path();
  }
  EXPECT_EQ(files, 3U);
  const LogAnswer answer = SearchLog(folder_.path(), {.limit = 100'000});
  EXPECT_EQ(answer.skipped, 0U);
  ASSERT_GE(answer.lines.size(), 100U);
  // The newest, without a hole.
  for (size_t i = 0; i < answer.lines.size(); ++i) {
    ASSERT_EQ(answer.lines[i].fields[0].second, absl::StrCat(1'999 - i));
  }
}

TEST_F(KeptLogTest, BeginsAnewAfterATornLine) {
  ConfigureLog(LogLevel::kInfo, "");
  Begin();
  LogInfo("raft", "one");
  LogInfo("raft", "torn");
  End();
  const std::string text = folder_.Read(0);
  folder_.Write(0, text.substr(0, text.size() - 10));
  Begin();
  LogInfo("raft", "two");
  End();
  EXPECT_THAT(Events(), ElementsAre("one", "two"));
  EXPECT_EQ(SearchLog(folder_.path(), {}).skipped, 1U);
}

TEST_F(KeptLogTest, AFullDiskIsSaidOnceAndCounted) {
  ConfigureLog(LogLevel::kInfo, "");
  fs::create_symlink("/dev/full", LogFilePath(folder_.path(), 0));
  testing::internal::CaptureStderr();
  Begin();
  for (int i = 0; i < 50; ++i) {
    LogInfo("raft", "lost");
    log_->Flush(kPatience);
  }
  const std::string said = testing::internal::GetCapturedStderr();
  const size_t first = said.find(" W log not_kept folder=");
  ASSERT_NE(first, std::string::npos) << said;
  EXPECT_EQ(said.find("not_kept", first + 20), std::string::npos) << said;
  EXPECT_TRUE(absl::StrContains(said, "No space left")) << said;
  // All were printed.
  EXPECT_TRUE(absl::StrContains(said.substr(said.size() - 20), "raft lost"));
  // There is room again.
  fs::remove(LogFilePath(folder_.path(), 0));
  LogInfo("raft", "kept");
  End();
  const LogAnswer answer = SearchLog(folder_.path(), {.oldest_first = true});
  ASSERT_EQ(answer.lines.size(), 2U);
  EXPECT_EQ(answer.lines[0].event, "lines_not_kept");
  // 50, and the one that says it.
  EXPECT_EQ(answer.lines[0].fields[0].second, "51");
  EXPECT_EQ(answer.lines[1].event, "kept");
}

TEST_F(KeptLogTest, AFolderThatCannotBeMadeEndsNothing) {
  ConfigureLog(LogLevel::kInfo, "");
  std::ofstream(folder_.path() + "/file") << "in the way";
  for (const char* name : {"/file", "/no/parent"}) {
    options_.folder = folder_.path() + name;
    testing::internal::CaptureStderr();
    Begin();
    LogInfo("raft", "printed");
    log_->Flush(kPatience);
    End();
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_TRUE(absl::StrContains(said, " W log not_kept")) << said;
    EXPECT_TRUE(absl::StrContains(said, " I raft printed")) << said;
  }
}

TEST_F(KeptLogTest, WhatIsTooMuchAtOnceIsCounted) {
  ConfigureLog(LogLevel::kOff, "");
  options_.file_bytes = uint64_t{1} << 30;
  Begin();
  const std::string value(900, 'x');
  constexpr uint64_t kLines = 20 * KeptLog::kMaxWaiting;
  for (uint64_t i = 0; i < kLines; ++i) {
    log_->Keep(LogLevel::kDebug, "raft", "event", {{"value", value}});
  }
  log_->Flush(kPatience);
  log_->Keep(LogLevel::kDebug, "raft", "last", {});
  End();
  uint64_t counted = 0;
  LogQuestion question = {.limit = 1'000'000,
                          .read_limit = size_t{1} << 40,
                          .answer_limit = size_t{1} << 40};
  for (const LogLine& line : SearchLog(folder_.path(), question).lines) {
    const bool lost = line.event == "lines_not_kept";
    counted += lost ? std::stoull(line.fields[0].second) : 1;
  }
  EXPECT_EQ(counted, kLines + 1);
}

TEST_F(KeptLogTest, TellsARunThatDidNotEnd) {
  ConfigureLog(LogLevel::kInfo, "");
  EXPECT_EQ(UnfinishedRun(folder_.path()), std::nullopt);
  Begin();
  LogInfo(kRunArea, kRunBegins);
  LogInfo(kRunArea, "ready");
  log_->Flush(kPatience);
  const auto run = UnfinishedRun(folder_.path());
  ASSERT_TRUE(run.has_value());
  EXPECT_EQ(run->event, kRunBegins);
  for (const char* end : {kRunEnds, kRunFails}) {
    LogInfo(kRunArea, end);
    LogInfo("storage", "closed");
    log_->Flush(kPatience);
    EXPECT_EQ(UnfinishedRun(folder_.path()), std::nullopt);
    LogInfo(kRunArea, kRunBegins);
    log_->Flush(kPatience);
    EXPECT_NE(UnfinishedRun(folder_.path()), std::nullopt);
  }
}

}  // namespace
}  // namespace quorate::server
