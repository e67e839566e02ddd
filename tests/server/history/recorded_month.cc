#include "tests/server/history/recorded_month.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "base/check.h"

namespace quorate::history {
namespace {

constexpr int kEntriesOfBatch = 64;
constexpr size_t kDeletesOfBatch = 10'000;
constexpr int64_t kLongestHeldMs = 4 * kHourMs;
constexpr uint64_t kUnits = 100;

}  // namespace

RecordedMonth::RecordedMonth(const std::string& data_dir,
                             const MonthOptions& options)
    : options_(options),
      store_(*replication::RocksDbStateStore::Open(
          data_dir, replication::StateStoreOptions())),
      position_(*store_->ReadPosition()) {
  DeleteHistory();
  history_.emplace(*History::Restore(*store_));
}

void RecordedMonth::DeleteHistory() {
  const auto cursor = *store_->NewCursor();
  for (cursor->Seek(std::string(1, kHistoryFamily));
       cursor->Valid() && IsHistoryKey(cursor->key()); cursor->Next()) {
    batch_[std::string(cursor->key())] = std::nullopt;
    if (batch_.size() == kDeletesOfBatch) Write();
  }
  QUORATE_CHECK_OK(cursor->status());
  Write();
}

void RecordedMonth::Live() {
  const int64_t from_ms = options_.until_ms - kMonthMs;
  for (uint64_t i = 0; i < options_.checkouts; ++i) {
    const int64_t now_ms =
        from_ms + static_cast<int64_t>(i * kMonthMs / options_.checkouts);
    Apply(Checkout(now_ms, i), now_ms);
  }
  // Else it would go on in the member's cluster time, which is another.
  for (int64_t i = 0; history_->record().has_sweep(); ++i) {
    Apply({}, options_.until_ms + i * HistoryLimits().step_ms);
  }
  Write();
}

licensing::HistoryEvents RecordedMonth::Checkout(int64_t now_ms,
                                                 uint64_t number) {
  const std::string feature =
      absl::StrCat("feature_", random_.Below(options_.features));
  const uint64_t user = random_.Below(options_.users);
  const auto held_ms = static_cast<int64_t>(random_.Below(kLongestHeldMs));
  licensing::HistoryEvents events;
  events.uses.push_back(
      {.feature = feature,
       .handle = number,
       .count = 1,
       .begun_ms = now_ms - held_ms,
       .subject = {
           .user = absl::StrCat("user", user),
           .host = absl::StrCat("ws", user + random_.Below(3), ".example.com"),
           .project = absl::StrCat("project", user % 10),
           .application = "sketch"}});
  uint64_t& out = out_[feature];
  const uint64_t after = random_.Below(kUnits);
  events.loads.push_back(
      {.feature = feature, .before = out, .out = after, .total = kUnits});
  out = after;
  return events;
}

void RecordedMonth::Apply(const licensing::HistoryEvents& events,
                          int64_t now_ms) {
  const licensing::EntryTime time = {
      .cluster_ms = now_ms - options_.until_ms + kMonthMs,
      .calendar_ms = now_ms};
  if (history_->StepsAt(time)) Write();
  changes_.clear();
  QUORATE_CHECK_OK(history_->Apply(events, time, *store_, &changes_));
  for (licensing::RecordChange& change : changes_) {
    batch_[change.key] = std::move(change.value);
  }
  if (++entries_ % kEntriesOfBatch == 0) Write();
}

void RecordedMonth::Write() {
  std::vector<replication::RecordChange> writes;
  for (auto& [key, value] : batch_)
    writes.push_back({key, std::move(value)});
  batch_.clear();
  store_->Write(writes, position_);
}

}  // namespace quorate::history
