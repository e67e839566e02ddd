// A member's configuration file.

#ifndef QUORATE_SERVER_CONFIG_H_
#define QUORATE_SERVER_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "base/log.h"
#include "replication/raft/types.h"
#include "server/mail_config.h"

namespace quorate::server {

// Paths are absolute, or relative to the working directory.
struct TlsFiles {
  std::string ca;
  std::string cert;
  std::string key;
  std::string ca_key;  // Empty: this member issues no certificates.
};

// Everything that a member is told; docs/operations.md shows a file. Each value
// is checked by itself and against the others. Immutable once it is read.
struct Config {
  std::string cluster_id;  // 32 lower-case hex digits.
  uint32_t cluster_epoch = 1;

  // The initial ones, by id; whom to ask where this one has to rejoin. Ids are
  // kNobody in the file of a machine that joined: it is no initial member.
  std::vector<raft::MemberAddress> members;

  raft::MemberAddress self;  // The one of them that this member is.
  std::string data_dir;

  std::string client_listen;
  std::string peer_listen;
  std::string join_listen;  // Empty: no machine joins here.
  TlsFiles client_tls;
  TlsFiles peer_tls;
  std::string trust_root;

  absl::Duration tick = absl::Milliseconds(50);
  int heartbeat_ticks = 2;
  int election_ticks = 10;

  // A snapshot is made, and the log shortened, after so much was applied.
  uint64_t snapshot_entries = 100'000;
  uint64_t snapshot_mib = 64;

  // Whether a member whose data is damaged comes back by itself.
  bool heal = true;

  // Below so much free room on the disk new work is refused; so much is kept
  // in a file for what must be written all the same. 0: by the disk's size.
  uint64_t disk_low_mib = 0;
  uint64_t disk_reserve_mib = 0;

  // Names in client certificates that are administrators on this member,
  // whatever the accounts say.
  std::vector<std::string> administrators;

  // Nothing: this member sends no mails.
  std::optional<MailConfig> mail;

  LogLevel log_level = LogLevel::kInfo;

  // Whether the log is also kept in the data directory, and how much of it:
  // tens of MiB are weeks of a cluster that is well.
  bool keep_log = true;
  uint64_t log_file_mib = 8;
  int log_files = 8;
};

// Reads a TOML file. INVALID_ARGUMENT with one line for each fault,
// "file:line: what is wrong, and what to do"; a key that we do not know is a
// fault.
absl::StatusOr<Config> ReadConfig(const std::string& path);

// The same on a text. `name` stands in messages, relative paths are taken from
// `directory`.
absl::StatusOr<Config> ParseConfig(absl::string_view text,
                                   absl::string_view name,
                                   absl::string_view directory);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_CONFIG_H_
