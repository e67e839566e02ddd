// A stretch of network that can break: forwards TCP to one port of this
// machine, and goes silent or resets when told to.

#ifndef QUORATE_TESTS_REPLICATION_TRANSPORT_TCP_PROXY_H_
#define QUORATE_TESTS_REPLICATION_TRANSPORT_TCP_PROXY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <poll.h>
#include <string>
#include <thread>
#include <vector>

namespace quorate::replication {

// Thread-safe.
class TcpProxy {
 public:
  TcpProxy();
  ~TcpProxy();

  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  // Where it listens; from its construction on.
  int port() const { return port_; }

  // Where it forwards to. Connections wait until it is told.
  void ForwardTo(int port) { target_ = port; }

  // While silent nothing is read, sent, accepted or closed: as if the machine
  // on the other side had lost its power.
  void SetSilent(bool silent) { silent_ = silent; }

  // Resets all connections once `bytes` more have been forwarded to the target.
  void CutAfter(int64_t bytes) {
    cut_at_ = forwarded_ + bytes;
    cut_ = false;
  }

  // Whether the last CutAfter has come true.
  bool cut() const { return cut_; }

  // Bytes that came from those who connect.
  int64_t forwarded() const { return forwarded_; }

 private:
  struct Way {
    int from = -1;
    int to = -1;
    std::string waiting;
  };

  struct Connection {
    Way there;
    Way back;
  };

  void Run();
  void Accept();
  void Poll();
  bool Move(Way* way, bool there);
  void CutAll();

  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> target_ = 0;
  std::atomic<bool> silent_ = false;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> cut_ = false;
  std::atomic<int64_t> forwarded_ = 0;
  std::atomic<int64_t> cut_at_ = INT64_MAX;

  std::list<Connection> connections_;  // The thread's.
  std::thread thread_;
};

}  // namespace quorate::replication

#endif  // QUORATE_TESTS_REPLICATION_TRANSPORT_TCP_PROXY_H_
