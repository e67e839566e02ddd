// A running cluster as the scripts in tools/dev left it: who is there, and how
// one connects. Ours, etcd's and the echo servers' directories look alike.

#ifndef QUORATE_TESTS_BENCH_CLUSTER_ACCESS_H_
#define QUORATE_TESTS_BENCH_CLUSTER_ACCESS_H_

#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"

namespace quorate::bench {

struct BenchMember {
  std::string name;
  std::string endpoint;
  pid_t pid = -1;
};

// DIR/members.json and DIR/tls/{ca.pem,client.pem,client.key}. Immutable after
// construction.
class ClusterAccess {
 public:
  static absl::StatusOr<ClusterAccess> Read(const std::string& directory);

  const std::string& directory() const { return directory_; }

  // As the file says now: a restarted member has another process.
  absl::StatusOr<std::vector<BenchMember>> Members() const;

  // A connection of its own by mTLS, shared with no other channel. Comes back
  // within half a second after its server does.
  std::shared_ptr<grpc::Channel> Connect(const std::string& endpoint) const;

 private:
  ClusterAccess() = default;

  std::string directory_;
  std::shared_ptr<grpc::ChannelCredentials> credentials_;
};

// The same without TLS.
std::shared_ptr<grpc::Channel> ConnectPlain(const std::string& endpoint);

// Gives the call a deadline.
void SetDeadline(grpc::ClientContext* context, absl::Duration limit);

absl::Status ToAbsl(const grpc::Status& status);

absl::StatusOr<std::string> ReadFile(const std::string& path);

}  // namespace quorate::bench

#endif  // QUORATE_TESTS_BENCH_CLUSTER_ACCESS_H_
