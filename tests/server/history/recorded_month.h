// A month of checkouts, written by the history itself into a member's store.

#ifndef QUORATE_TESTS_SERVER_HISTORY_RECORDED_MONTH_H_
#define QUORATE_TESTS_SERVER_HISTORY_RECORDED_MONTH_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "replication/storage/rocksdb_state_store.h"
#include "server/history/history.h"

namespace quorate::history {

inline constexpr int64_t kMonthMs = 30 * kDayMs;

// The one that is asked about; with several, there are feature_1 and so on.
inline constexpr char kAskedFeature[] = "feature_0";

struct MonthOptions {
  uint64_t checkouts = 1'000'000;
  uint64_t features = 50;
  uint64_t users = 200;
  int64_t until_ms = 0;  // Its end, by the calendar.
};

// Goes through the history's writer, its sweeps and RocksDB. The same options
// make the same records. Thread-compatible. Fails by a check: for tools that
// print figures.
class RecordedMonth {
 public:
  // Opens `state/` in `data_dir`, and deletes what history is there.
  RecordedMonth(const std::string& data_dir, const MonthOptions& options);

  // Writes all of it; the last sweep is done, too.
  void Live();

  replication::RocksDbStateStore* store() { return store_.get(); }

  const internal::v1::HistoryRecord& record() const {
    return history_->record();
  }

 private:
  void DeleteHistory();
  licensing::HistoryEvents Checkout(int64_t now_ms, uint64_t number);
  void Apply(const licensing::HistoryEvents& events, int64_t now_ms);
  void Write();

  const MonthOptions options_;
  const std::unique_ptr<replication::RocksDbStateStore> store_;
  const replication::AppliedPosition position_;  // Stays as it is.
  std::optional<History> history_;
  Random random_{1};
  std::map<std::string, uint64_t> out_;
  std::map<std::string, std::optional<std::string>> batch_;
  std::vector<licensing::RecordChange> changes_;
  uint64_t entries_ = 0;
};

}  // namespace quorate::history

#endif  // QUORATE_TESTS_SERVER_HISTORY_RECORDED_MONTH_H_
