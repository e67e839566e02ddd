// One member's transport as a process: transport_peer_process FOLDER ID PEER
// PORT speaks as member ID, with the certificates in FOLDER, to member PEER at
// PORT. It prints its own port, then "connected" when PEER hears it, and runs
// until its input ends.

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/numbers.h"

#include "base/clock.h"
#include "tests/replication/transport/transport_peer.h"

namespace quorate::replication {
namespace {

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

int Run(const std::string& folder, raft::MemberId id, raft::MemberId peer,
        int port) {
  auto transport =
      GrpcTransport::Create({.id = id,
                             .listen = "127.0.0.1:0",
                             .tls = {.ca_pem = Contents(folder + "/ca"),
                                     .cert_pem = Contents(folder + "/cert"),
                                     .key_pem = Contents(folder + "/key"),
                                     .cluster_id = kTestCluster},
                             .clock = &SystemClock()});
  if (!transport.ok()) {
    std::fprintf(stderr, "%s\n", transport.status().ToString().c_str());
    return 1;
  }
  RecordingSink sink;
  (*transport)
      ->SetConfiguration(
          ConfigurationOf({{id, (*transport)->port()}, {peer, port}}));
  (*transport)->Start(&sink, nullptr);
  std::printf("%d\n", (*transport)->port());
  std::fflush(stdout);
  if (!sink.WaitForReachable(1)) return 1;
  std::printf("connected\n");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}

}  // namespace
}  // namespace quorate::replication

int main(int argc, char** argv) {
  uint64_t id = 0;
  uint64_t peer = 0;
  int port = 0;
  if (argc != 5 || !absl::SimpleAtoi(argv[2], &id) ||
      !absl::SimpleAtoi(argv[3], &peer) || !absl::SimpleAtoi(argv[4], &port)) {
    return 2;
  }
  return quorate::replication::Run(argv[1], quorate::raft::MemberId(id),
                                   quorate::raft::MemberId(peer), port);
}
