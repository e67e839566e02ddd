// Answers from the kept log: read on a thread of their own, so that no other
// call waits for the disk.

#ifndef QUORATE_SERVER_RPC_LOG_READER_H_
#define QUORATE_SERVER_RPC_LOG_READER_H_

#include <functional>
#include <string>
#include <thread>

#include "absl/time/time.h"

#include "base/bounded_queue.h"
#include "server/logs/log_search.h"
#include "server/rpc/member_calls.h"

namespace quorate::server {

// Questions that wait; each takes some ten milliseconds at most, unless the
// disk is slow.
inline constexpr size_t kMaxLogQuestions = 32;

// Questions are answered one after another; one that comes while too many wait
// is refused with OVERLOADED. Thread-safe. Outlives the calls that it took, as
// MemberCalls does.
class LogReader {
 public:
  // `calls` is not owned. No `folder`: nothing is kept.
  LogReader(MemberCalls* calls, std::string folder);
  ~LogReader();

  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

  bool keeps() const { return !folder_.empty(); }

  // Runs `fill` on this object's thread, then finishes the call with success;
  // or refuses it.
  void Search(const UnaryCall& call, LogQuestion question,
              std::function<void(const LogAnswer&)> fill);

  // Answers what waits, and takes nothing more. Idempotent.
  void Stop();

 private:
  struct Waiting {
    UnaryCall call;
    absl::Duration deadline;  // Since boot.
    LogQuestion question;
    std::function<void(const LogAnswer&)> fill;
  };

  void Run();
  void Reply(const Waiting& waiting);

  MemberCalls* const calls_;
  const std::string folder_;
  BoundedQueue<Waiting> queue_;
  std::thread thread_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_LOG_READER_H_
