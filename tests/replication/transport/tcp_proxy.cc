#include "tests/replication/transport/tcp_proxy.h"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

namespace quorate::replication {
namespace {

constexpr size_t kPieceBytes = 64 * 1024;

// The commands are looked at so often.
constexpr int kPollMs = 10;

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void Reset(int fd) {
  const linger hard = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  close(fd);
}

void SetNoDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

}  // namespace

TcpProxy::TcpProxy() {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  QUORATE_CHECK(listener_ >= 0);
  QUORATE_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) ==
                0);
  QUORATE_CHECK(listen(listener_, 64) == 0);
  QUORATE_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address),
                            &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Run(); });
}

TcpProxy::~TcpProxy() {
  stop_ = true;
  thread_.join();
  CutAll();
  close(listener_);
}

void TcpProxy::Run() {
  while (!stop_) {
    if (silent_ || target_ == 0) {
      poll(nullptr, 0, kPollMs);
      continue;
    }
    Poll();
    if (forwarded_ >= cut_at_) {
      cut_at_ = INT64_MAX;
      CutAll();
      cut_ = true;
    }
  }
}

void TcpProxy::Accept() {
  const int client =
      accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (client < 0) return;
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  QUORATE_CHECK(server >= 0);
  const sockaddr_in address = Loopback(target_);
  if (connect(server, reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) != 0) {
    Reset(client);
    close(server);
    return;
  }
  SetNoDelay(client);
  SetNoDelay(server);
  connections_.push_back({.there = {.from = client, .to = server},
                          .back = {.from = server, .to = client}});
}

void TcpProxy::Poll() {
  std::vector<pollfd> fds = {{.fd = listener_, .events = POLLIN}};
  for (const Connection& each : connections_) {
    for (const Way* way : {&each.there, &each.back}) {
      if (way->waiting.empty()) {
        fds.push_back({.fd = way->from, .events = POLLIN});
      } else {
        fds.push_back({.fd = way->to, .events = POLLOUT});
      }
    }
  }
  poll(fds.data(), fds.size(), kPollMs);
  size_t next = 1;
  for (auto it = connections_.begin(); it != connections_.end();) {
    const bool there = fds[next++].revents != 0;
    const bool back = fds[next++].revents != 0;
    if ((there && !Move(&it->there, true)) ||
        (back && !Move(&it->back, false))) {
      Reset(it->there.from);
      Reset(it->there.to);
      it = connections_.erase(it);
    } else {
      ++it;
    }
  }
  if (fds[0].revents != 0) Accept();
}

// False where the connection has ended.
bool TcpProxy::Move(Way* way, bool there) {
  if (way->waiting.empty()) {
    way->waiting.resize(kPieceBytes);
    const ssize_t read =
        recv(way->from, way->waiting.data(), kPieceBytes, MSG_DONTWAIT);
    way->waiting.resize(read > 0 ? static_cast<size_t>(read) : 0);
    if (read < 0 && errno == EAGAIN) return true;
    if (read <= 0) return false;
    if (there) forwarded_ += read;
  }
  const ssize_t sent = send(way->to, way->waiting.data(), way->waiting.size(),
                            MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN;
  way->waiting.erase(0, static_cast<size_t>(sent));
  return true;
}

void TcpProxy::CutAll() {
  for (const Connection& each : connections_) {
    Reset(each.there.from);
    Reset(each.there.to);
  }
  connections_.clear();
}

}  // namespace quorate::replication
