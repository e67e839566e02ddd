// What a million checkouts leave on the disk, and how long a month's usage of
// one feature takes to tell: spread over fifty features, and all of one. Goes
// through the history's writer, its sweeps and RocksDB. Prints; no test.
//
//   history_size FOLDER [checkouts]

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "replication/storage/rocksdb_state_store.h"
#include "server/history/history.h"
#include "server/history/replay.h"
#include "server/history/usage_query.h"

namespace quorate::history {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kStartMs = 1'767'225'600'000;
constexpr int64_t kMonthMs = 30 * kDayMs;
constexpr int kEntriesOfBatch = 64;

uint64_t BytesIn(const std::string& folder) {
  uint64_t bytes = 0;
  for (const auto& item : fs::recursive_directory_iterator(folder)) {
    if (item.is_regular_file()) bytes += item.file_size();
  }
  return bytes;
}

double SecondsSince(absl::Duration begin) {
  return absl::ToDoubleSeconds(SystemClock().SinceBoot() - begin);
}

class Month {
 public:
  Month(const std::string& folder, uint64_t features)
      : folder_(folder),
        features_(features),
        store_(*replication::RocksDbStateStore::Open(
            folder, replication::StateStoreOptions())),
        history_(*History::Restore(*store_)) {}

  void Live(uint64_t checkouts) {
    const absl::Duration began = SystemClock().SinceBoot();
    for (uint64_t i = 0; i < checkouts; ++i) {
      Apply(kStartMs + static_cast<int64_t>(i * kMonthMs / checkouts), i);
    }
    Write();
    const double seconds = SecondsSince(began);
    QUORATE_CHECK_OK(store_->Checkpoint(folder_ + "/checkpoint"));
    const uint64_t bytes = BytesIn(folder_ + "/checkpoint");
    std::cout << "checkouts=" << checkouts << " features=" << features_
              << " bytes=" << bytes << " bytes_per_checkout="
              << static_cast<double>(bytes) / static_cast<double>(checkouts)
              << " records=" << history_.record().uses() << "+"
              << history_.record().hours() << "+" << history_.record().days()
              << " entries_per_second="
              << static_cast<uint64_t>(static_cast<double>(checkouts) / seconds)
              << "\n";
  }

  void Ask(const char* what, UsageGroup group) {
    const absl::Duration began = SystemClock().SinceBoot();
    const auto cursor = *store_->NewCursor();
    HistoryView view = *HistoryView::Open(cursor.get(), nullptr);
    const auto rows = QueryUsage({.group = group,
                                  .feature = "feature_0",
                                  .from_ms = kStartMs,
                                  .until_ms = kStartMs + kMonthMs,
                                  .now_ms = kStartMs + kMonthMs,
                                  .limit = 1'000},
                                 &view);
    QUORATE_CHECK_OK(rows.status());
    std::cout << "  a month of one feature by " << what
              << ": milliseconds=" << 1'000 * SecondsSince(began)
              << " rows=" << rows->rows.size() << "\n";
  }

  void PlayAgain() {
    const absl::Duration began = SystemClock().SinceBoot();
    const auto cursor = *store_->NewCursor();
    HistoryView view = *HistoryView::Open(cursor.get(), nullptr);
    const auto demands = ReadDemands("feature_0", kStartMs, kStartMs + kMonthMs,
                                     kStartMs + kMonthMs, &view);
    if (!demands.ok()) {
      std::cout << "  replay: " << demands.status().message() << "\n";
      return;
    }
    const double read = SecondsSince(began);
    const auto policy = policy::CompiledPolicy::Empty();
    const ReplayOutcome outcome =
        Replay("feature_0", *demands, {.units = 100, .policy = policy.get()});
    std::cout << "  replay of " << outcome.requests
              << ": read milliseconds=" << 1'000 * read
              << " played milliseconds=" << 1'000 * (SecondsSince(began) - read)
              << "\n";
  }

 private:
  void Apply(int64_t now_ms, uint64_t number) {
    const std::string feature =
        absl::StrCat("feature_", random_.Below(features_));
    const uint64_t user = random_.Below(200);
    licensing::HistoryEvents events;
    events.uses.push_back(
        {.feature = feature,
         .handle = number,
         .count = 1,
         .begun_ms = now_ms - static_cast<int64_t>(random_.Below(4 * kHourMs)),
         .subject = {.user = absl::StrCat("user", user),
                     .host = absl::StrCat("ws", user + random_.Below(3),
                                          ".example.com"),
                     .project = absl::StrCat("project", user % 10),
                     .application = "sketch"}});
    uint64_t& out = out_[feature];
    const uint64_t after = random_.Below(100);
    events.loads.push_back(
        {.feature = feature, .before = out, .out = after, .total = 100});
    out = after;
    const licensing::EntryTime time = {.cluster_ms = now_ms - kStartMs,
                                       .calendar_ms = now_ms};
    if (history_.StepsAt(time)) Write();
    changes_.clear();
    QUORATE_CHECK_OK(history_.Apply(events, time, *store_, &changes_));
    for (licensing::RecordChange& change : changes_) {
      batch_[change.key] = std::move(change.value);
    }
    if (++entries_ % kEntriesOfBatch == 0) Write();
  }

  void Write() {
    std::vector<replication::RecordChange> writes;
    for (auto& [key, value] : batch_)
      writes.push_back({key, std::move(value)});
    batch_.clear();
    store_->Write(writes, {});
  }

  const std::string folder_;
  const uint64_t features_;
  std::unique_ptr<replication::RocksDbStateStore> store_;
  History history_;
  Random random_{1};
  std::map<std::string, uint64_t> out_;
  std::map<std::string, std::optional<std::string>> batch_;
  std::vector<licensing::RecordChange> changes_;
  uint64_t entries_ = 0;
};

}  // namespace
}  // namespace quorate::history

int main(int argc, char** argv) {
  using quorate::history::UsageGroup;
  if (argc < 2) return 2;
  const uint64_t checkouts =
      argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  for (const uint64_t features : {50, 1}) {
    const std::string folder = absl::StrCat(argv[1], "/", features);
    std::filesystem::create_directories(folder);
    quorate::history::Month month(folder, features);
    month.Live(checkouts);
    month.Ask("feature", UsageGroup::kFeature);
    month.Ask("user", UsageGroup::kUser);
    month.Ask("hour", UsageGroup::kHour);
    month.Ask("day", UsageGroup::kDay);
    month.PlayAgain();
  }
  return 0;
}
