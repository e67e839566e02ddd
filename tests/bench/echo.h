// A gRPC server that does nothing, and load on it: the limit of what a server
// on this library and this machine may reach.

#ifndef QUORATE_TESTS_BENCH_ECHO_H_
#define QUORATE_TESTS_BENCH_ECHO_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "tests/bench/measured_system.h"

namespace quorate::bench {

// Serves on two free ports of loopback until this process is killed: with the
// TLS settings of a member's client port, and without TLS. Says the ports in
// one line on stdout. `directory` is a cluster's; its first member's
// certificate is shown.
absl::Status ServeEcho(const std::string& directory);

// Calls of the server that DIR/members.json names "tls" or "plain".
// Thread-compatible.
class EchoLoad {
 public:
  static absl::StatusOr<std::unique_ptr<EchoLoad>> Create(
      const ClusterAccess* access);

  Slots TlsSlots(size_t count);
  Slots PlainSlots(size_t count);

  std::vector<pid_t> pids() const { return pids_; }

 private:
  EchoLoad() = default;

  std::vector<std::shared_ptr<grpc::Channel>> tls_;
  std::vector<std::shared_ptr<grpc::Channel>> plain_;
  std::vector<pid_t> pids_;
};

}  // namespace quorate::bench

#endif  // QUORATE_TESTS_BENCH_ECHO_H_
