#include "server/log_keeping.h"

#include <filesystem>
#include <optional>
#include <system_error>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "server/logs/log_files.h"

namespace quorate::server {

std::string KeptLogFolder(const Config& config) {
  return config.keep_log ? LogFolderOf(config.data_dir) : std::string();
}

LogKeeping::LogKeeping(const Config& config) {
  const std::string folder = KeptLogFolder(config);
  std::error_code error;
  const bool empty = std::filesystem::is_empty(config.data_dir, error);
  std::optional<LogLine> unfinished;
  if (!folder.empty() && !error && !empty) {
    unfinished = UnfinishedRun(folder);
    log_ = std::make_unique<KeptLog>(
        KeptLog::Options{.folder = folder,
                         .member = config.self.name,
                         .file_bytes = config.log_file_mib << 20,
                         .files = config.log_files});
    SetLogKeeper(log_.get());
  }
  LogInfo(kRunArea, kRunBegins, {{"pid", absl::StrCat(getpid())}});
  if (!unfinished.has_value()) return;
  LogWarn(kRunArea, "last_run_did_not_end",
          {{"began", absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ",
                                      absl::FromUnixMillis(unfinished->time_ms),
                                      absl::UTCTimeZone())}});
}

LogKeeping::~LogKeeping() {
  SetLogKeeper(nullptr);
}

}  // namespace quorate::server
