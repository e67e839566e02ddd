// The configuration file of a machine that joined.

#ifndef QUORATE_SERVER_JOIN_MEMBER_CONFIG_TEXT_H_
#define QUORATE_SERVER_JOIN_MEMBER_CONFIG_TEXT_H_

#include <string>

#include "quorate/internal/v1/join.pb.h"

#include "replication/raft/types.h"

namespace quorate::server {

// What the machine itself says.
struct MemberPlaces {
  std::string name;
  std::string data_dir;
  std::string client_listen;
  std::string peer_listen;
};

// TOML, as docs/operations.md shows it. The members have no ids: the file is
// none of a cluster's first ones (config.h).
std::string MemberConfigText(const MemberPlaces& places,
                             const raft::Configuration& members,
                             const internal::v1::JoinResponse& answer);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_JOIN_MEMBER_CONFIG_TEXT_H_
