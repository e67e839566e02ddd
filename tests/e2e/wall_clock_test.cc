// Property: the wall clock of one member, a day off, back or in 2038, ends no
// lease and no licence and moves no date, and the alarm says whose it is; a
// great leap of all of them waits for a person. Method: a preloaded library
// gives each member's process a wall clock that the test sets, while a session
// of short TTL is held.

#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdlib.h>
#include <string>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "client/client.h"
#include "tests/e2e/api.h"
#include "tests/e2e/failover_report.h"
#include "tests/e2e/test_client.h"
#include "tests/e2e/test_cluster.h"
#include <nlohmann/json.hpp>

namespace quorate::e2e {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);

// What `quorate status` says, as far as it matters here.
struct Seen {
  std::string skewed;  // "m1" where CLOCK_SKEW names it; "" where none rings.
  bool held = false;
  bool behind = false;
  absl::Time calendar = absl::InfinitePast();
  bool serving = false;
};

class WallClockTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        std::filesystem::temp_directory_path() / "quorate-clocks-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    clocks_ = pattern;
    auto cluster =
        TestCluster::Start(3, {{"LD_PRELOAD", QUORATE_WALL_CLOCK_SHIM},
                               {"QUORATE_WALL_CLOCKS", clocks_}});
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
  }

  void TearDown() override {
    cluster_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(clocks_, ignored);
  }

  void SetClockOff(const std::string& member, absl::Duration off) {
    const std::string path =
        absl::StrCat(clocks_, "/", cluster_->Member(member).pid);
    const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    ASSERT_GE(file, 0) << path;
    const int64_t nanos = absl::ToInt64Nanoseconds(off);
    EXPECT_EQ(pwrite(file, &nanos, sizeof(nanos), 0),
              static_cast<ssize_t>(sizeof(nanos)));
    close(file);
  }

  Seen Look() {
    const CommandResult status = cluster_->Quorate({"status", "-o", "json"});
    const auto json = nlohmann::json::parse(status.output, nullptr,
                                            /*allow_exceptions=*/false);
    Seen seen;
    if (!json.is_object()) return seen;
    seen.serving = json.value("serving", false);
    for (const auto& alarm : json["alarms"]) {
      const std::string kind = alarm.value("kind", "");
      seen.held = seen.held || kind == "ALARM_KIND_CALENDAR_HELD";
      seen.behind = seen.behind || kind == "ALARM_KIND_CALENDAR_BEHIND";
      if (kind == "ALARM_KIND_CLOCK_SKEW") {
        absl::StrAppend(&seen.skewed, alarm.value("member", ""));
      }
    }
    if (json["calendar"].is_object()) {
      std::string error;
      EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full,
                                  json["calendar"].value("time", ""),
                                  &seen.calendar, &error))
          << error;
    }
    return seen;
  }

  // Looks until a leader answers, and shows what is wanted.
  Seen Await(const std::function<bool(const Seen&)>& wanted) {
    const absl::Duration end = SystemClock().SinceBoot() + kPatience;
    Seen seen;
    do {
      seen = Look();
    } while (SystemClock().SinceBoot() < end &&
             (seen.calendar == absl::InfinitePast() || !wanted(seen)));
    EXPECT_TRUE(wanted(seen));
    return seen;
  }

  Seen AwaitSkew(const std::string& skewed) {
    const Seen seen =
        Await([&](const Seen& now) { return now.skewed == skewed; });
    EXPECT_EQ(seen.skewed, skewed);
    return seen;
  }

  int Accept(absl::Time up_to) {
    return cluster_
        ->Quorate(
            {"clock", "accept", "--to",
             absl::FormatTime("%Y-%m-%d %H:%M:%S", up_to, absl::UTCTimeZone())})
        .exit_code;
  }

  std::string clocks_;
  std::unique_ptr<TestCluster> cluster_;
};

TEST_F(WallClockTest, OneWrongClockEndsNothing) {
  auto client = MakeClient(cluster_->environment());
  SessionOptions options;
  options.ttl = absl::Seconds(10);
  auto session = client->OpenSession(options);
  ASSERT_TRUE(session.ok()) << session.status();
  auto seat = (*session)->Checkout("cad", 2);
  ASSERT_TRUE(seat.ok()) << seat.status();
  AwaitSkew("");
  const absl::Time now = SystemClock().Calendar();
  const absl::Duration offs[] = {absl::Hours(24), -absl::Hours(24),
                                 absl::FromUnixSeconds(int64_t{1} << 31) - now};
  for (const absl::Duration off : offs) {
    for (const bool of_leader : {false, true}) {
      const std::string leader = WaitForLeader(*cluster_);
      const std::string wrong =
          of_leader ? leader : (leader == "m1" ? "m2" : "m1");
      SCOPED_TRACE(absl::StrCat(wrong, of_leader ? " leads, off by " : " by ",
                                absl::FormatDuration(off)));
      const absl::Duration began = SystemClock().SinceBoot();
      SetClockOff(wrong, off);
      const Seen seen = AwaitSkew(wrong);
      std::printf("%s%s off by %s: seen after %.1f s\n", wrong.c_str(),
                  of_leader ? " (leader)" : "",
                  absl::FormatDuration(off).c_str(),
                  absl::ToDoubleSeconds(SystemClock().SinceBoot() - began));
      EXPECT_TRUE(seen.serving);
      EXPECT_LT(absl::AbsDuration(seen.calendar - SystemClock().Calendar()),
                absl::Seconds(10));
      EXPECT_TRUE(seat->IsValid());
      auto another = (*session)->Checkout("cad");
      EXPECT_TRUE(another.ok()) << another.status();
      SetClockOff(wrong, absl::ZeroDuration());
      AwaitSkew("");
    }
  }
  EXPECT_TRUE(seat->IsValid());
}

TEST_F(WallClockTest, AGreatLeapOfAllWaitsForAPerson) {
  auto client = MakeClient(cluster_->environment());
  auto session = client->OpenSession(SessionOptions());
  ASSERT_TRUE(session.ok()) << session.status();
  auto seat = (*session)->Checkout("cad");
  ASSERT_TRUE(seat.ok()) << seat.status();
  constexpr absl::Duration kLeap = absl::Hours(48);
  constexpr absl::Duration kNear = absl::Seconds(30);
  for (const char* member : {"m1", "m2", "m3"}) {
    SetClockOff(member, kLeap);
  }
  const Seen held = Await([](const Seen& now) { return now.held; });
  const absl::Time now = SystemClock().Calendar();
  EXPECT_LT(absl::AbsDuration(held.calendar - now), kNear);
  EXPECT_EQ(Accept(now + kLeap - absl::Hours(1)), 7);
  EXPECT_EQ(Accept(now + kLeap + absl::Minutes(10)), 0);
  const Seen made = Await([](const Seen& seen) { return !seen.held; });
  EXPECT_LT(absl::AbsDuration(made.calendar - (now + kLeap)), kNear);
  for (const char* member : {"m1", "m2", "m3"}) {
    SetClockOff(member, absl::ZeroDuration());
  }
  const Seen behind = Await([](const Seen& seen) { return seen.behind; });
  EXPECT_GE(behind.calendar, made.calendar);
  EXPECT_TRUE(seat->IsValid());
  EXPECT_TRUE((*session)->Checkout("cad").ok());
}

}  // namespace
}  // namespace quorate::e2e
