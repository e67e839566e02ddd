#include "server/logs/kept_log.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "spdlog/pattern_formatter.h"
#include "spdlog/sinks/rotating_file_sink.h"
#include "spdlog/spdlog.h"

#include "server/logs/log_files.h"
#include "server/logs/log_search.h"

namespace quorate::server {
namespace {

// Between two looks whether it is to end; closing the queue wakes it.
constexpr absl::Duration kLook = absl::Seconds(1);

// A start is looked for so far back, some MiB at a time: hundreds of MiB, on
// the way to serving, would not be worth it.
constexpr int kMaxLooks = 8;

// A crash can leave a line without its end; the next one begins anew.
bool EndLastLine(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
  if (descriptor < 0) return errno == ENOENT;
  const off_t size = lseek(descriptor, 0, SEEK_END);
  char last = '\n';
  bool good = size >= 0;
  if (size > 0) good = pread(descriptor, &last, 1, size - 1) == 1;
  if (good && last != '\n') good = write(descriptor, "\n", 1) == 1;
  close(descriptor);
  return good;
}

}  // namespace

// The files while they can be written. After a failure it is thrown away:
// spdlog's sink is of no use once a file did not open. Confined to the thread.
class KeptLog::Files {
 public:
  explicit Files(const Options& options) {
    const std::string path = LogFilePath(options.folder, 0);
    if ((mkdir(options.folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) ||
        !EndLastLine(path)) {
      error_ = std::generic_category().message(errno);
      return;
    }
    // Of a configuration that kept more.
    for (int age = options.files; age < kMaxLogFiles; ++age) {
      unlink(LogFilePath(options.folder, age).c_str());
    }
    try {
      logger_ = std::make_shared<spdlog::logger>(
          "kept", std::make_shared<spdlog::sinks::rotating_file_sink_st>(
                      path, options.file_bytes,
                      static_cast<size_t>(options.files - 1)));
    } catch (const spdlog::spdlog_ex& error) {  // Its only way to say so.
      error_ = error.what();
      return;
    }
    logger_->set_formatter(std::make_unique<spdlog::pattern_formatter>(
        "%v", spdlog::pattern_time_type::utc, "\n"));
    logger_->set_error_handler(
        [this](const std::string& error) { error_ = error; });
  }

  // Of each, false from the first failure on.
  bool Write(const std::string& line) {
    if (good()) logger_->info(spdlog::string_view_t(line));
    return good();
  }

  bool Flush() {
    if (good()) logger_->flush();
    return good();
  }

  bool good() const { return error_.empty(); }

  const std::string& error() const { return error_; }

 private:
  std::string error_;
  std::shared_ptr<spdlog::logger> logger_;  // The type that spdlog has.
};

KeptLog::KeptLog(Options options)
    : options_(std::move(options)),
      queue_(kMaxWaiting),
      thread_([this] { Run(); }) {}

KeptLog::~KeptLog() {
  queue_.Close();
  thread_.join();
}

void KeptLog::Keep(LogLevel level, absl::string_view area,
                   absl::string_view event, const LogFields& fields) {
  LogLine line = {.time_ms = NowMs(),
                  .severity = level,
                  .area = std::string(area),
                  .event = std::string(event),
                  .member = options_.member,
                  .fields = {}};
  line.fields.reserve(fields.size());
  for (const LogField& field : fields) {
    line.fields.emplace_back(field.key,
                             field.value.substr(0, kMaxLogValueBytes + 1));
  }
  const bool taken = queue_.TryPush(std::move(line));
  MutexLock lock(&mu_);
  ++(taken ? given_ : lost_);
}

void KeptLog::Flush(absl::Duration limit) {
  const absl::Duration end = options_.clock->SinceBoot() + limit;
  MutexLock lock(&mu_);
  const uint64_t wanted = given_;
  while (written_ < wanted) {
    const absl::Duration left = end - options_.clock->SinceBoot();
    if (left <= absl::ZeroDuration()) return;
    written_changed_.WaitFor(&mu_, left);
  }
}

void KeptLog::Run() {
  while (true) {
    const std::vector<LogLine> lines = queue_.TakeAll(kLook);
    if (lines.empty() && queue_.closed()) return;
    if (!lines.empty()) Write(lines);
  }
}

bool KeptLog::Open() {
  if (files_ != nullptr) return true;
  if (failing_ && options_.clock->SinceBoot() < next_attempt_) return false;
  files_ = std::make_unique<Files>(options_);
  return files_->good();
}

// What was lost, where something was, before what is there.
bool KeptLog::WriteAll(const std::vector<LogLine>& lines, uint64_t lost) {
  if (!Open()) return false;
  if (lost > 0) {
    files_->Write(EncodeLogLine({.time_ms = NowMs(),
                                 .severity = LogLevel::kWarn,
                                 .area = "log",
                                 .event = "lines_not_kept",
                                 .member = options_.member,
                                 .fields = {{"count", absl::StrCat(lost)}}}));
  }
  for (const LogLine& line : lines) {
    if (!files_->Write(EncodeLogLine(line))) return false;
  }
  return files_->Flush();
}

void KeptLog::Fail() {
  if (files_ == nullptr) return;  // Not tried.
  const std::string error = files_->error();
  files_.reset();
  next_attempt_ = options_.clock->SinceBoot() + options_.retry;
  if (std::exchange(failing_, true)) return;
  LogWarn("log", "not_kept", {{"folder", options_.folder}, {"error", error}});
}

void KeptLog::Write(const std::vector<LogLine>& lines) {
  uint64_t lost = 0;
  {
    MutexLock lock(&mu_);
    lost = std::exchange(lost_, 0);
  }
  const bool good = WriteAll(lines, lost);
  if (good) {
    failing_ = false;
  } else {
    Fail();
  }
  MutexLock lock(&mu_);
  // Some of them may stand in the file all the same.
  if (!good) lost_ += lost + lines.size();
  written_ += lines.size();
  written_changed_.NotifyAll();
}

int64_t KeptLog::NowMs() const {
  return std::max<int64_t>(absl::ToUnixMillis(options_.clock->Calendar()), 0);
}

std::optional<LogLine> UnfinishedRun(absl::string_view folder) {
  LogQuestion question = {.area = std::string(kRunArea)};
  for (int look = 0; look < kMaxLooks; ++look) {
    LogAnswer answer = SearchLog(folder, question);
    for (LogLine& line : answer.lines) {
      if (line.event == kRunBegins) return std::move(line);
      if (line.event == kRunEnds || line.event == kRunFails) {
        return std::nullopt;
      }
    }
    if (!answer.next.has_value()) break;
    question.after = answer.next;
  }
  return std::nullopt;
}

}  // namespace quorate::server
