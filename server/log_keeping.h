// Whether and where a member keeps its log.

#ifndef QUORATE_SERVER_LOG_KEEPING_H_
#define QUORATE_SERVER_LOG_KEEPING_H_

#include <memory>

#include "server/config.h"
#include "server/logs/kept_log.h"

namespace quorate::server {

// While it lives, what the process logs is kept as the configuration says.
// There must be one at a time. Thread-compatible.
class LogKeeping {
 public:
  // Says in the log that a run begins, and whether the one before it did not
  // end in order. A data directory in which there is nothing stays so: a
  // machine that never was a member can still join.
  explicit LogKeeping(const Config& config);
  ~LogKeeping();

  LogKeeping(const LogKeeping&) = delete;
  LogKeeping& operator=(const LogKeeping&) = delete;

 private:
  std::unique_ptr<KeptLog> log_;  // Null: nothing is kept.
};

// The folder that a member's log is kept in; empty where it is not.
std::string KeptLogFolder(const Config& config);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_LOG_KEEPING_H_
