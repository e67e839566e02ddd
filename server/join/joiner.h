// A machine that has nothing becomes a member.

#ifndef QUORATE_SERVER_JOIN_JOINER_H_
#define QUORATE_SERVER_JOIN_JOINER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "server/rpc/join_token.h"

namespace quorate::server {

struct JoinOptions {
  JoinToken token;
  std::string name;
  std::string config_dir;
  std::string data_dir;
  std::string client_listen;  // "host:port"
  std::string peer_listen;

  // Where others reach it; empty: where it listens.
  std::string client_address;
  std::string peer_address;

  // Join ports; empty: the token's.
  std::vector<std::string> from;

  absl::Duration timeout = absl::Seconds(60);
};

// The configuration file that is left behind.
std::string ConfigFileOf(const JoinOptions& options);

// Makes keys, asks a member to let this machine in, and writes what it answers:
// certificates, root, configuration, and the data directory. The file
// config.toml comes last: while it is not there the same command may be run
// again, and goes on with the same keys. Blocks.
//
// Before the token's secret leaves this machine, whoever gets it has proved to
// be of the cluster that made the token.
// Errors: INVALID_ARGUMENT where an option is wrong; FAILED_PRECONDITION,
// PERMISSION_DENIED, ALREADY_EXISTS, NOT_FOUND where it is refused;
// UNAVAILABLE where nobody could answer in time, or the disk fails. The message
// says what to do.
absl::Status JoinCluster(const JoinOptions& options, const Clock& clock);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_JOIN_JOINER_H_
