// What a million checkouts leave on the disk, and how long a month's usage of
// one feature takes to tell: spread over fifty features, and all of one. Goes
// through the history's writer, its sweeps and RocksDB. Prints; no test.
//
//   history_size FOLDER [checkouts [users]]

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "base/check.h"
#include "base/clock.h"
#include "server/history/replay.h"
#include "server/history/usage_query.h"
#include "tests/server/history/recorded_month.h"

namespace quorate::history {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kUntilMs = 1'769'817'600'000;

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

void Measure(const std::string& folder, const MonthOptions& options,
             RecordedMonth* month) {
  const absl::Duration began = SystemClock().SinceBoot();
  month->Live();
  const double seconds = SecondsSince(began);
  const auto checkouts = static_cast<double>(options.checkouts);
  QUORATE_CHECK_OK(month->store()->Checkpoint(folder + "/checkpoint"));
  const uint64_t bytes = BytesIn(folder + "/checkpoint");
  const internal::v1::HistoryRecord& record = month->record();
  std::cout << "checkouts=" << options.checkouts
            << " features=" << options.features << " users=" << options.users
            << " bytes=" << bytes
            << " bytes_per_checkout=" << static_cast<double>(bytes) / checkouts
            << " records=" << record.uses() << "+" << record.hours() << "+"
            << record.days() << " entries_per_second="
            << static_cast<uint64_t>(checkouts / seconds) << "\n";
}

void Ask(const char* what, UsageGroup group, const Subject& subject,
         RecordedMonth* month) {
  const absl::Duration began = SystemClock().SinceBoot();
  const auto cursor = *month->store()->NewCursor();
  HistoryView view = *HistoryView::Open(cursor.get(), nullptr);
  const auto rows = QueryUsage({.group = group,
                                .feature = kAskedFeature,
                                .subject = subject,
                                .from_ms = kUntilMs - kMonthMs,
                                .until_ms = kUntilMs,
                                .now_ms = kUntilMs,
                                .limit = 1'000},
                               &view);
  QUORATE_CHECK_OK(rows.status());
  std::cout << "  a month of one feature by " << what
            << ": milliseconds=" << 1'000 * SecondsSince(began)
            << " rows=" << rows->rows.size() << "\n";
}

void PlayAgain(RecordedMonth* month) {
  const absl::Duration began = SystemClock().SinceBoot();
  const auto cursor = *month->store()->NewCursor();
  HistoryView view = *HistoryView::Open(cursor.get(), nullptr);
  const auto demands = ReadDemands(kAskedFeature, kUntilMs - kMonthMs, kUntilMs,
                                   kUntilMs, &view);
  if (!demands.ok()) {
    std::cout << "  replay: " << demands.status().message() << "\n";
    return;
  }
  const double read = SecondsSince(began);
  const auto policy = policy::CompiledPolicy::Empty();
  const ReplayOutcome outcome =
      Replay(kAskedFeature, *demands, {.units = 100, .policy = policy.get()});
  std::cout << "  replay of " << outcome.requests
            << ": read milliseconds=" << 1'000 * read
            << " played milliseconds=" << 1'000 * (SecondsSince(began) - read)
            << "\n";
}

void MeasureAndAsk(const std::string& folder, const MonthOptions& options) {
  fs::create_directories(folder);
  RecordedMonth month(folder, options);
  Measure(folder, options, &month);
  Ask("feature", UsageGroup::kFeature, {}, &month);
  Ask("user", UsageGroup::kUser, {}, &month);
  Ask("host", UsageGroup::kHost, {}, &month);
  Ask("project", UsageGroup::kProject, {}, &month);
  Ask("hour", UsageGroup::kHour, {}, &month);
  Ask("day", UsageGroup::kDay, {}, &month);
  Ask("hour, of one user", UsageGroup::kHour, {.user = "user7"}, &month);
  Ask("day, of one project", UsageGroup::kDay, {.project = "project7"}, &month);
  PlayAgain(&month);
}

}  // namespace
}  // namespace quorate::history

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const auto number = [&](int index, uint64_t otherwise) {
    return argc > index ? std::strtoull(argv[index], nullptr, 10) : otherwise;
  };
  for (const uint64_t features : {50, 1}) {
    quorate::history::MeasureAndAsk(absl::StrCat(argv[1], "/", features),
                                    {.checkouts = number(2, 1'000'000),
                                     .features = features,
                                     .users = number(3, 200),
                                     .until_ms = quorate::history::kUntilMs});
  }
  return 0;
}
