// The section [mail] of a member's configuration.

#ifndef QUORATE_SERVER_MAIL_CONFIG_H_
#define QUORATE_SERVER_MAIL_CONFIG_H_

#include <string>

#include "absl/time/time.h"

#include "server/toml_section.h"

namespace quorate::server {

// How this member reaches a mail server; each member has its own.
struct MailConfig {
  std::string server;  // "smtps://host:port", "smtp://host:port".
  bool starttls = true;
  std::string sender;
  std::string user;
  // Paths, as they stand in the file.
  std::string password_file;
  std::string ca;
  absl::Duration timeout = absl::Seconds(10);
};

// Reads and checks the section, and closes it.
MailConfig ReadMailConfig(TomlSection* section);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_MAIL_CONFIG_H_
