// One line an event: constant text, then key=value fields.
//
//   LogInfo("raft", "became_leader", {{"term", "7"}, {"votes", "2/3"}});
//
// prints `2026-11-22T12:03:44.120Z I raft became_leader term=7 votes=2/3`.
// The text is constant so that it can be searched for; values with spaces,
// quotes or control characters are quoted and escaped. Secrets never go in.
// error: an operator must act; warn: degraded, heals by itself; info: a state
// changed; debug: for developers.

#ifndef QUORATE_BASE_LOG_H_
#define QUORATE_BASE_LOG_H_

#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace quorate {

enum class LogLevel { kDebug, kInfo, kWarn, kError, kOff };

struct LogField {
  absl::string_view key;
  std::string value;
};

using LogFields = std::initializer_list<LogField>;

// Sets the least level that is printed, and the fields (already formatted,
// like "member=m1") that every line of this process carries. Call once, before
// other threads start. The default prints info and above.
void ConfigureLog(LogLevel least, absl::string_view process_fields);

// The level named debug, info, warn, error or off; false for another word.
bool ParseLogLevel(absl::string_view word, LogLevel* level);

// The word for a level, as ParseLogLevel takes it.
absl::string_view LogLevelName(LogLevel level);

// Gets every event that is printed, beside stderr. Thread-safe; must not block,
// and must not log.
class LogKeeper {
 public:
  virtual ~LogKeeper() = default;

  // The arguments live until it returns.
  virtual void Keep(LogLevel level, absl::string_view area,
                    absl::string_view event, const LogFields& fields) = 0;

  // Waits until what was given to it is out of this process's hands, at most
  // for `limit`.
  virtual void Flush(absl::Duration limit) = 0;
};

// Who keeps events from now on; null for nobody. Not owned. The one before is
// not used any more when this returns.
void SetLogKeeper(LogKeeper* keeper);

// Before the process ends without its destructors. Waits a moment at most.
void FlushLog();

// Thread-safe. Lines go to stderr, whole.
void Log(LogLevel level, absl::string_view area, absl::string_view event,
         LogFields fields);

// The escaped form of one value, as it stands in a line.
std::string EscapeLogValue(absl::string_view value);

inline void LogDebug(absl::string_view area, absl::string_view event,
                     LogFields fields = {}) {
  Log(LogLevel::kDebug, area, event, fields);
}

inline void LogInfo(absl::string_view area, absl::string_view event,
                    LogFields fields = {}) {
  Log(LogLevel::kInfo, area, event, fields);
}

inline void LogWarn(absl::string_view area, absl::string_view event,
                    LogFields fields = {}) {
  Log(LogLevel::kWarn, area, event, fields);
}

inline void LogError(absl::string_view area, absl::string_view event,
                     LogFields fields = {}) {
  Log(LogLevel::kError, area, event, fields);
}

}  // namespace quorate

#endif  // QUORATE_BASE_LOG_H_
