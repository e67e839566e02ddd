// Whatever happened, answers are those of a twin that keeps a list of all
// events and adds up; and what a member writes does not depend on its batches
// or restarts. Random lives of some months with small limits, so that sweeps
// are under way most of the time, are applied to two stores and to the list.

#include "base/random.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "base/check.h"
#include "replication/storage/memory_state_store.h"
#include "server/history/denial_query.h"
#include "server/history/history.h"
#include "server/history/usage_query.h"
#include "tests/support/seed.h"

namespace quorate::history {
namespace {

using licensing::EntryTime;
using licensing::HistoryEvents;
using replication::MemoryStateStore;

constexpr int64_t kStartMs = 1'767'225'600'000 + 12'345;

// Applies entries as the replica does.
class Member {
 public:
  explicit Member(const HistoryLimits& limits)
      : limits_(limits), history_(*History::Restore(store_, limits)) {}

  void Apply(const HistoryEvents& events, const EntryTime& time) {
    if (history_.StepsAt(time)) Write();
    std::vector<licensing::RecordChange> changes;
    QUORATE_CHECK_OK(history_.Apply(events, time, store_, &changes));
    for (licensing::RecordChange& change : changes) {
      batch_[change.key] = change.value;
    }
  }

  void Write() {
    std::vector<replication::RecordChange> writes;
    for (const auto& [key, value] : batch_)
      writes.push_back({key, value});
    batch_.clear();
    store_.Write(writes, {});
  }

  void Restart() {
    Write();
    history_ = *History::Restore(store_, limits_);
  }

  // As an earlier version leaves it, which had no totals.
  void ForgetTotals() {
    Write();
    internal::v1::HistoryRecord record = history_.record();
    for (const auto& [key, value] : Records()) {
      if (absl::string_view("STfg").find(key[1]) == absl::string_view::npos) {
        continue;
      }
      batch_[key] = std::nullopt;
      const bool of_hours = key[1] == 'T' || key[1] == 'f';
      if (of_hours) record.set_hours(record.hours() - 1);
      if (!of_hours) record.set_days(record.days() - 1);
    }
    record.clear_totals_from_ms();
    batch_[HistoryStateKey()] = record.SerializeAsString();
    Restart();
  }

  const History& history() const { return history_; }

  const MemoryStateStore& store() const { return store_; }

  std::map<std::string, std::string> Records() const {
    std::map<std::string, std::string> records;
    QUORATE_CHECK_OK(
        store_.ForEach([&](absl::string_view key, absl::string_view value) {
          records[std::string(key)] = std::string(value);
          return absl::OkStatus();
        }));
    return records;
  }

 private:
  const HistoryLimits limits_;
  MemoryStateStore store_;
  History history_;
  std::map<std::string, std::optional<std::string>> batch_;
};

// What happened, as it happened.
struct Twin {
  struct Use {
    int64_t ended_ms;
    licensing::SeatUse use;
  };

  struct Refusal {
    int64_t at_ms;
    licensing::Denial denial;
  };

  struct Change {
    int64_t at_ms;
    licensing::LoadChange change;
  };

  std::vector<Use> uses;
  std::vector<Refusal> denials;
  std::vector<Change> loads;

  void Add(const HistoryEvents& events, int64_t now_ms) {
    for (const auto& use : events.uses)
      uses.push_back({now_ms, use});
    for (const auto& denial : events.denials)
      denials.push_back({now_ms, denial});
    for (const auto& load : events.loads)
      loads.push_back({now_ms, load});
  }
};

bool Within(int64_t ms, const Span& span) {
  return span.from_ms <= ms && ms < span.until_ms;
}

std::string NameOf(const licensing::HistorySubject& subject, UsageGroup group,
                   int64_t ms) {
  switch (group) {
    case UsageGroup::kUser:
      return subject.user;
    case UsageGroup::kHost:
      return subject.host;
    case UsageGroup::kProject:
      return subject.project;
    case UsageGroup::kHour:
      return std::to_string(FloorHour(ms));
    case UsageGroup::kDay:
      return std::to_string(FloorDay(ms));
    case UsageGroup::kFeature:
      return "";
  }
  return "";
}

struct Sums {
  uint64_t seats = 0;
  uint64_t unit_ms = 0;
  uint64_t waited_ms = 0;
  int64_t last_ms = 0;
  uint64_t denials = 0;
  uint64_t out_unit_ms = 0;
  uint64_t peak = 0;

  auto operator<=>(const Sums&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Sums& sums) {
  return out << "seats " << sums.seats << " unit_ms " << sums.unit_ms
             << " waited " << sums.waited_ms << " last " << sums.last_ms
             << " denials " << sums.denials << " out " << sums.out_unit_ms
             << " peak " << sums.peak;
}

using SumsByName = std::map<std::string, Sums>;

// Walks from change to change, and over each border of an hour.
void AddLoads(const Twin& twin, const UsageQuestion& question, const Span& span,
              SumsByName* sums) {
  const int64_t end_ms = std::min(span.until_ms, question.now_ms);
  uint64_t out = 0;
  int64_t at_ms = 0;
  const auto go_on = [&](int64_t until_ms) {
    at_ms = std::max(at_ms, span.from_ms);
    while (at_ms < until_ms) {
      const int64_t to_ms = std::min(until_ms, FloorHour(at_ms) + kHourMs);
      if (out > 0) {
        Sums& sum = (*sums)[NameOf({}, question.group, at_ms)];
        sum.out_unit_ms += out * static_cast<uint64_t>(to_ms - at_ms);
        sum.peak = std::max(sum.peak, out);
      }
      at_ms = to_ms;
    }
  };
  for (const auto& [changed_ms, change] : twin.loads) {
    if (change.feature != question.feature) continue;
    go_on(std::min(changed_ms, end_ms));
    out = change.out;
    // Also for no time at all.
    if (Within(changed_ms, span) && out > 0) {
      Sums& sum = (*sums)[NameOf({}, question.group, changed_ms)];
      sum.peak = std::max(sum.peak, out);
    }
  }
  go_on(end_ms);
}

SumsByName Expected(const Twin& twin, const UsageQuestion& question,
                    const Span& span) {
  SumsByName sums;
  for (const auto& [ended_ms, use] : twin.uses) {
    if (use.feature != question.feature || !Within(ended_ms, span)) continue;
    Sums& sum = sums[NameOf(use.subject, question.group, ended_ms)];
    ++sum.seats;
    sum.unit_ms += use.count * static_cast<uint64_t>(ended_ms - use.begun_ms);
    sum.waited_ms += static_cast<uint64_t>(use.waited_ms);
    sum.last_ms = std::max(sum.last_ms, ended_ms);
  }
  for (const auto& [at_ms, denial] : twin.denials) {
    if (denial.feature != question.feature || !Within(at_ms, span)) continue;
    ++sums[NameOf(denial.subject, question.group, at_ms)].denials;
  }
  const bool of_time = question.group == UsageGroup::kFeature ||
                       question.group == UsageGroup::kHour ||
                       question.group == UsageGroup::kDay;
  if (of_time) AddLoads(twin, question, span, &sums);
  return sums;
}

UsageRows Ask(const Member& member, const UsageQuestion& question) {
  const auto cursor = *member.store().NewCursor();
  HistoryView view = *HistoryView::Open(cursor.get(), nullptr);
  auto rows = QueryUsage(question, &view);
  QUORATE_CHECK_OK(rows.status());
  return *std::move(rows);
}

SumsByName Answered(const UsageRows& answer, UsageGroup group) {
  SumsByName sums;
  for (const UsageRow& row : answer.rows) {
    const bool named = group == UsageGroup::kUser ||
                       group == UsageGroup::kHost ||
                       group == UsageGroup::kProject;
    const std::string name = named ? row.name : NameOf({}, group, row.begin_ms);
    sums[name] = {.seats = row.usage.seats(),
                  .unit_ms = row.usage.unit_ms(),
                  .waited_ms = row.usage.waited_ms(),
                  .last_ms = row.usage.last_ms(),
                  .denials = row.denials,
                  .out_unit_ms = row.out_unit_ms,
                  .peak = row.peak};
  }
  return sums;
}

class Life {
 public:
  Life(uint64_t seed, const HistoryLimits& limits)
      : random_(seed), limits_(limits), one_(limits), other_(limits) {}

  void Step() {
    time_.cluster_ms += static_cast<int64_t>(random_.Below(60));
    // Mostly some seconds pass, at times hours, rarely days.
    const uint64_t leap = random_.Below(200);
    time_.calendar_ms +=
        static_cast<int64_t>(leap == 0  ? random_.Below(3 * kDayMs)
                             : leap < 4 ? random_.Below(5 * kHourMs)
                                        : random_.Below(60'000));
    const HistoryEvents events = Events();
    twin_.Add(events, time_.calendar_ms);
    one_.Apply(events, time_);
    one_.Write();
    other_.Apply(events, time_);
    if (random_.OneIn(5)) other_.Write();
    if (random_.OneIn(50)) other_.Restart();
  }

  void ForgetTotals() {
    one_.ForgetTotals();
    other_.ForgetTotals();
  }

  void Compare(bool subjects) {
    other_.Write();
    ASSERT_EQ(one_.Records(), other_.Records());
    ASSERT_EQ(one_.history().record().lost_uses(), 0U);
    const UsageGroup groups[] = {UsageGroup::kFeature, UsageGroup::kHour,
                                 UsageGroup::kDay,     UsageGroup::kUser,
                                 UsageGroup::kHost,    UsageGroup::kProject};
    for (const UsageGroup group : groups) {
      if (!subjects && group >= UsageGroup::kUser &&
          group <= UsageGroup::kProject) {
        continue;
      }
      const int64_t days_from_ms = one_.history().record().days_from_ms();
      const int64_t from_ms =
          days_from_ms +
          static_cast<int64_t>(random_.Below(
              static_cast<uint64_t>(time_.calendar_ms - days_from_ms)));
      const UsageQuestion question = {
          .group = group,
          .feature = Feature(),
          .from_ms = from_ms,
          .until_ms = from_ms + static_cast<int64_t>(random_.Below(
                                    time_.calendar_ms - from_ms + kDayMs)),
          .now_ms = time_.calendar_ms,
          .limit = 100'000};
      const UsageRows answer = Ask(one_, question);
      EXPECT_LE(answer.rows.size(), question.limit);
      ASSERT_EQ(Answered(answer, group), Expected(twin_, question, answer.span))
          << "group " << static_cast<int>(group) << " of " << question.feature
          << " from " << answer.span.from_ms << " until "
          << answer.span.until_ms << " days from " << answer.span.day_from_ms
          << " until " << answer.span.day_until_ms << "\n"
          << one_.history().record().DebugString();
      ComparePages(question, answer);
    }
    CompareDenials();
  }

  const internal::v1::HistoryRecord& record() const {
    return one_.history().record();
  }

 private:
  std::string Feature() {
    return std::string("feature_") + static_cast<char>('a' + random_.Below(3));
  }

  licensing::HistorySubject AnySubject() {
    const auto any = [this](const char* what) {
      return what + std::to_string(random_.Below(3));
    };
    return {.user = any("user"),
            .host = any("host"),
            .project = any("project"),
            .application = "app"};
  }

  HistoryEvents Events() {
    HistoryEvents events;
    while (random_.OneIn(3)) {
      const int64_t held_ms = static_cast<int64_t>(random_.Below(2 * kDayMs));
      events.uses.push_back(
          {.feature = Feature(),
           .handle = ++handle_,
           .count = static_cast<uint32_t>(random_.Between(1, 5)),
           .begun_ms = time_.calendar_ms - held_ms,
           .waited_ms = static_cast<int64_t>(random_.Below(2) * 1'000),
           .subject = AnySubject()});
    }
    while (random_.OneIn(4)) {
      events.denials.push_back(
          {.feature = Feature(),
           .reason = random_.OneIn(2) ? type::v1::ERROR_REASON_POOL_EXHAUSTED
                                      : type::v1::ERROR_REASON_POLICY_DENIED,
           .count = 1,
           .subject = AnySubject()});
    }
    if (random_.OneIn(3)) {
      const std::string feature = Feature();
      uint64_t& out = out_[feature];
      const uint64_t after = random_.Below(20);
      if (after != out) {
        events.loads.push_back(
            {.feature = feature, .before = out, .out = after, .total = 20});
        out = after;
      }
    }
    return events;
  }

  // Page by page the same rows.
  void ComparePages(UsageQuestion question, const UsageRows& whole) {
    question.limit = 1 + random_.Below(10);
    size_t seen = 0;
    while (true) {
      const UsageRows page = Ask(one_, question);
      for (const UsageRow& row : page.rows) {
        ASSERT_LT(seen, whole.rows.size());
        EXPECT_EQ(row.place, whole.rows[seen].place);
        EXPECT_EQ(row.usage.seats(), whole.rows[seen].usage.seats());
        ++seen;
      }
      if (!page.more) break;
      question.after = page.rows.back().place;
      if (seen > 100) return;
    }
    EXPECT_EQ(seen, whole.rows.size());
  }

  void CompareDenials() {
    const auto cursor = *one_.store().NewCursor();
    HistoryView view = *HistoryView::Open(cursor.get(), nullptr);
    DenialQuestion question = {.from_ms = record().days_from_ms(),
                               .until_ms = time_.calendar_ms + 1,
                               .limit = 1 + random_.Below(50)};
    uint64_t denials = 0;
    int64_t from_ms = 0;
    while (true) {
      const auto page = QueryDenials(question, &view);
      ASSERT_TRUE(page.ok()) << page.status();
      from_ms = page->span.from_ms;
      for (const DenialRow& row : page->rows) {
        denials += row.record.denials();
        EXPECT_LE(row.record.first_ms(), row.record.last_ms());
        EXPECT_EQ(row.record.application(), "app");
      }
      if (!page->more) break;
      question.after = page->last;
    }
    const auto expected =
        std::count_if(twin_.denials.begin(), twin_.denials.end(),
                      [from_ms](const Twin::Refusal& refusal) {
                        return refusal.at_ms >= from_ms;
                      });
    EXPECT_EQ(denials, static_cast<uint64_t>(expected));
  }

  Random random_;
  const HistoryLimits limits_;
  Member one_;
  Member other_;
  Twin twin_;
  EntryTime time_ = {.cluster_ms = 1, .calendar_ms = kStartMs};
  uint64_t handle_ = 0;
  std::map<std::string, uint64_t> out_;
};

TEST(HistoryRandomTest, AnswersLikeAListOfAllEvents) {
  const HistoryLimits limits = {.uses_ms = 3 * kDayMs,
                                .hours_ms = 9 * kDayMs,
                                .days_ms = 40 * kDayMs,
                                .records_of_step = 25};
  for (const uint64_t seed : TestSeeds(1, 4)) {
    SCOPED_TRACE(ReplayLine(seed, "history_random_test",
                            "HistoryRandomTest.AnswersLikeAListOfAllEvents"));
    Life life(seed, limits);
    for (int i = 1; i <= 6'000; ++i) {
      life.Step();
      if (i % 200 == 0) life.Compare(/*subjects=*/true);
      if (HasFatalFailure()) return;
    }
    // Something of each kind was deleted.
    EXPECT_LT(life.record().uses(), 2'000U);
    EXPECT_GT(life.record().days_from_ms(), kStartMs);
  }
}

TEST(HistoryRandomTest, GoesOnFromAHistoryWithoutTotals) {
  const HistoryLimits limits = {.hours_ms = 9 * kDayMs, .records_of_step = 25};
  for (const uint64_t seed : TestSeeds(1, 3)) {
    SCOPED_TRACE(
        ReplayLine(seed, "history_random_test",
                   "HistoryRandomTest.GoesOnFromAHistoryWithoutTotals"));
    Life life(seed, limits);
    for (int i = 1; i <= 2'000; ++i) {
      life.Step();
      if (i == 700) life.ForgetTotals();
      if (i % 100 == 0) life.Compare(/*subjects=*/true);
      if (HasFatalFailure()) return;
    }
    EXPECT_GT(life.record().totals_from_ms(), kStartMs);
  }
}

TEST(HistoryRandomTest, TooMuchMakesRoomAndLosesNoCount) {
  HistoryLimits limits = {.uses = 300,
                          .hours = 400,
                          .days = 3'000,
                          .records_of_step = 60,
                          .step_ms = 1};
  for (const uint64_t seed : TestSeeds(100, 3)) {
    SCOPED_TRACE(
        ReplayLine(seed, "history_random_test",
                   "HistoryRandomTest.TooMuchMakesRoomAndLosesNoCount"));
    Life life(seed, limits);
    uint64_t most_uses = 0;
    uint64_t most_hours = 0;
    for (int i = 1; i <= 6'000; ++i) {
      life.Step();
      most_uses = std::max(most_uses, life.record().uses());
      most_hours = std::max(most_hours, life.record().hours());
      // Names may be lost, sums are not.
      if (i % 200 == 0) life.Compare(/*subjects=*/false);
      if (HasFatalFailure()) return;
    }
    EXPECT_LE(most_uses, limits.uses + limits.uses / kSlackDivisor);
    EXPECT_LE(most_hours, 2 * limits.hours);
    EXPECT_LT(life.record().days(), 2 * limits.days);
  }
}

}  // namespace
}  // namespace quorate::history
