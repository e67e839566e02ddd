#include "server/mail_config.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"

#include "server/licensing/alert_book.h"

namespace quorate::server {
namespace {

// Nothing else of what a URL may have: no user, path or query.
bool IsMailServer(absl::string_view url) {
  absl::string_view rest = url;
  if (absl::StartsWith(rest, "smtps://")) {
    rest.remove_prefix(8);
  } else if (absl::StartsWith(rest, "smtp://")) {
    rest.remove_prefix(7);
  } else {
    return false;
  }
  const size_t colon = rest.rfind(':');
  int port = 0;
  if (colon == absl::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(rest.substr(colon + 1), &port) || port < 1 ||
      port > 65535) {
    return false;
  }
  const absl::string_view host = rest.substr(0, colon);
  return std::all_of(host.begin(), host.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::string_view(".-:[]").find(c) != absl::string_view::npos;
  });
}

}  // namespace

MailConfig ReadMailConfig(TomlSection* section) {
  MailConfig config;
  config.server = section->RequiredText("server");
  if (!config.server.empty() && !IsMailServer(config.server)) {
    section->Fault("server",
                   "must be \"smtps://host:465\" or \"smtp://host:587\", with "
                   "its port");
  }
  const bool implicit = absl::StartsWith(config.server, "smtps://");
  const std::string starttls = section->TextOr("starttls", "required");
  if (starttls != "required" && starttls != "off") {
    section->Fault("starttls", "must be \"required\" or \"off\"");
  }
  config.starttls = starttls == "required";
  if (implicit && !config.starttls) {
    section->Fault("starttls", "is of smtp:// only; smtps:// is TLS anyhow");
  }
  config.sender = section->RequiredText("sender");
  if (!config.sender.empty() && !licensing::IsMailAddress(config.sender)) {
    section->Fault("sender", "must be a mail address");
  }
  config.user = section->TextOr("user", "");
  config.password_file = section->TextOr("password_file", "");
  if (config.user.empty() != config.password_file.empty()) {
    section->Fault("user", "and password_file go together");
  }
  if (!config.user.empty() && !implicit && !config.starttls) {
    section->Fault("user",
                   "would send its password in the clear: use smtps://, "
                   "or starttls = \"required\"");
  }
  config.ca = section->TextOr("ca", "");
  config.timeout = section->DurationOr("timeout", config.timeout,
                                       absl::Seconds(1), absl::Minutes(1));
  section->Close();
  return config;
}

}  // namespace quorate::server
