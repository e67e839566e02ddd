// The thread that makes appends durable.

#ifndef QUORATE_REPLICATION_NODE_LOG_WRITER_H_
#define QUORATE_REPLICATION_NODE_LOG_WRITER_H_

#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/latency_book.h"
#include "replication/node/inbox.h"
#include "replication/raft/ready.h"
#include "replication/storage/log_store.h"
#include "replication/transport/transport.h"

namespace quorate::replication {

// Group commit without a timer: while one synced write is under way the next
// appends gather, and all of them make the next write (raft.md, §4.3). What
// waited for a write is sent after it, then the core is told.
//
// Thread-safe, but works are to be pushed by one thread, in order.
class LogWriter {
 public:
  // Not owned; all outlive Stop.
  struct Deps {
    LogStore* log = nullptr;
    Transport* transport = nullptr;
    Inbox* inbox = nullptr;
    const Clock* clock = nullptr;
    LatencyBook* latencies = nullptr;  // Null: nothing is measured.

    // Replaces the state machine's state by the snapshot of this position, once
    // the log begins after it. Ends the process where it cannot.
    std::function<void(const raft::SnapshotPosition&)> install;
  };

  explicit LogWriter(const Deps& deps);
  ~LogWriter();

  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  void Start();
  void Push(raft::AppendWork work);

  // True while so much waits for the disk that nothing should be added to it.
  bool Backlogged() const;

  // Writes what is queued, then ends the thread. Idempotent.
  void Stop();

 private:
  void Run();
  void Write(std::vector<raft::AppendWork> works);
  void Append(const LogWrite& write);

  const Deps deps_;
  BoundedQueue<raft::AppendWork> queue_;
  std::thread thread_;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_LOG_WRITER_H_
