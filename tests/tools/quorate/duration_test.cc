// Durations of flags: Abseil's forms and whole days, over nothing and bounded.
// By examples of what is read and what is not.

#include "tools/quorate/duration.h"

#include "gtest/gtest.h"

namespace quorate::cli {
namespace {

TEST(DurationTest, ReadsAbseilsFormsAndDays) {
  EXPECT_EQ(ParseDuration("500ms"), absl::Milliseconds(500));
  EXPECT_EQ(ParseDuration("1h30m"), absl::Minutes(90));
  EXPECT_EQ(ParseDuration("7d"), absl::Hours(7 * 24));
  EXPECT_EQ(ParseDuration("400d"), absl::Hours(400 * 24));
}

TEST(DurationTest, RefusesTheRest) {
  for (const char* text :
       {"", "d", "7", "7w", "0d", "-1d", "1.5d", "0s", "-5s", "inf", "-inf",
        "36501d", "9223372036854775807d", "99999999999d", "900000h", "d7"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
  EXPECT_EQ(ParsePositiveDuration("--for", "7w").status().message(),
            "--for \"7w\" is not a duration: write 500ms, 30s, 1h30m or 7d");
}

}  // namespace
}  // namespace quorate::cli
