// However many names clients make up, an hour has a bounded number of records,
// and what is not kept is counted. Entries with ever new features are applied
// to a store with small limits.

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/check.h"
#include "replication/storage/memory_state_store.h"
#include "server/history/history.h"

namespace quorate::history {
namespace {

constexpr int64_t kStartMs = 1'767'225'600'000;

class HistoryLimitsTest : public testing::Test {
 protected:
  // One refusal of this feature to this user.
  void Deny(const std::string& feature, const std::string& user) {
    licensing::HistoryEvents events;
    events.denials.push_back({.feature = feature,
                              .reason = type::v1::ERROR_REASON_FEATURE_UNKNOWN,
                              .count = 1,
                              .subject = {.user = user}});
    time_.cluster_ms += 1;
    time_.calendar_ms += 1;
    std::vector<licensing::RecordChange> changes;
    QUORATE_CHECK_OK(history_.Apply(events, time_, store_, &changes));
    std::vector<replication::RecordChange> writes;
    for (const licensing::RecordChange& change : changes)
      writes.push_back({change.key, change.value});
    store_.Write(writes, {});
  }

  size_t RecordCount() const {
    size_t count = 0;
    QUORATE_CHECK_OK(store_.ForEach([&](absl::string_view, absl::string_view) {
      ++count;
      return absl::OkStatus();
    }));
    return count;
  }

  uint64_t lost() const { return history_.record().lost_denials(); }

  const HistoryLimits limits_ = {.denials_of_hour = 16};
  replication::MemoryStateStore store_;
  History history_ = *History::Restore(store_, limits_);
  licensing::EntryTime time_ = {.cluster_ms = 1, .calendar_ms = kStartMs};
};

TEST_F(HistoryLimitsTest, UnknownFeaturesAreBounded) {
  for (int n = 0; n < 1'000; ++n)
    Deny(absl::StrCat("made-up-", n), "mallory");
  // 16 told apart, 2 of slack; each with the total of its feature; the state.
  EXPECT_EQ(RecordCount(), (16U + 2U) * 2 + 1);
  EXPECT_EQ(lost(), 1'000U - 18U);
  EXPECT_EQ(history_.record().hours(), 18U * 2);
}

TEST_F(HistoryLimitsTest, MoreUsersOfAFeatureAreCountedTogether) {
  for (int n = 0; n < 1'000; ++n)
    Deny("cad", absl::StrCat("user-", n));
  EXPECT_EQ(RecordCount(), 16U + 1U + 1U + 1U);
  EXPECT_EQ(lost(), 0U);
}

TEST_F(HistoryLimitsTest, WhatIsKnownCountsOnAndTheNextHourBegins) {
  for (int n = 0; n < 100; ++n)
    Deny(absl::StrCat("made-up-", n), "mallory");
  const uint64_t lost_by_then = lost();
  Deny("made-up-3", "mallory");
  EXPECT_EQ(lost(), lost_by_then);
  time_.calendar_ms += kHourMs;
  Deny("cad", "ann");
  EXPECT_EQ(lost(), lost_by_then);
  EXPECT_EQ(history_.record().denials_of_hour(), 1U);
}

}  // namespace
}  // namespace quorate::history
