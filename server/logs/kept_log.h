// A member's log on its own disk: what it prints, kept in files of bounded
// number and size.

#ifndef QUORATE_SERVER_LOGS_KEPT_LOG_H_
#define QUORATE_SERVER_LOGS_KEPT_LOG_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "server/logs/log_line.h"

namespace quorate::server {

// Who logs hands a line over and goes on; a thread of its own writes it, and
// gives all that waited to the kernel at once. So a process that is killed
// loses some milliseconds of its log, a machine without power what the kernel
// had not written by then (some thirty seconds): nothing here is synced, since
// that would slow the disk down for the log that counts.
//
// A disk that is full or fails ends nothing: it is said once on standard error,
// lines are counted and thrown away, and the files are opened again every few
// seconds. When that goes, a line says how many are missing.
//
// The files are spdlog's rotating ones (log_files.h). Thread-safe.
class KeptLog final : public LogKeeper {
 public:
  struct Options {
    std::string folder;  // Made where it is not there; its parent must be.
    std::string member;  // Stands in each line.
    uint64_t file_bytes = uint64_t{8} * 1024 * 1024;
    int files = 8;  // At most kMaxLogFiles, the one that grows among them.
    absl::Duration retry = kRetry;        // After a failure.
    const Clock* clock = &SystemClock();  // Not owned.
  };

  // Between two attempts after the disk failed.
  static constexpr absl::Duration kRetry = absl::Seconds(5);

  // Lines that wait for the thread: some seconds of the busiest log that was
  // seen, some MiB.
  static constexpr size_t kMaxWaiting = 8192;

  // Begins at once; what cannot be written is said on standard error.
  explicit KeptLog(Options options);

  // Writes what waits.
  ~KeptLog() override;

  KeptLog(const KeptLog&) = delete;
  KeptLog& operator=(const KeptLog&) = delete;

  void Keep(LogLevel level, absl::string_view area, absl::string_view event,
            const LogFields& fields) override;
  void Flush(absl::Duration limit) override;

 private:
  class Files;

  void Run();
  void Write(const std::vector<LogLine>& lines);
  bool WriteAll(const std::vector<LogLine>& lines, uint64_t lost);
  bool Open();
  void Fail();
  int64_t NowMs() const;

  const Options options_;
  BoundedQueue<LogLine> queue_;

  // Confined to the thread.
  std::unique_ptr<Files> files_;  // Null while the disk fails.
  absl::Duration next_attempt_;   // SinceBoot.
  bool failing_ = false;          // And it was said.

  Mutex mu_;
  CondVar written_changed_;
  uint64_t given_ ABSL_GUARDED_BY(mu_) = 0;    // Taken into the queue.
  uint64_t written_ ABSL_GUARDED_BY(mu_) = 0;  // Of these, done with.
  uint64_t lost_ ABSL_GUARDED_BY(mu_) = 0;     // Not said in the log yet.

  std::thread thread_;
};

// The events by which a member begins and ends: its own stop, or why not.
inline constexpr char kRunArea[] = "server";
inline constexpr char kRunBegins[] = "starting";
inline constexpr char kRunEnds[] = "stopped";
inline constexpr char kRunFails[] = "ended";

// The begin of the last run, as the log tells it, where it did not end in
// order: it was killed, or its machine was. Before another begins.
std::optional<LogLine> UnfinishedRun(absl::string_view folder);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_LOGS_KEPT_LOG_H_
