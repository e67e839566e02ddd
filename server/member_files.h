// The files beside the configuration: certificates and the pinned root.

#ifndef QUORATE_SERVER_MEMBER_FILES_H_
#define QUORATE_SERVER_MEMBER_FILES_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

#include "server/config.h"
#include "server/mail/smtp_client.h"
#include "trust/license_verifier.h"

namespace quorate::server {

// Contents of a [tls.…] section, as PEM.
struct TlsContents {
  std::string ca;
  std::string cert;
  std::string key;
  std::string ca_key;  // Empty where there is none.
};

// What a member needs beside its data. Everything was checked when it was read.
struct MemberFiles {
  TlsContents client_tls;
  TlsContents peer_tls;
  std::string trust_root;  // The root document, for machines that join.
  std::unique_ptr<trust::LicenseVerifier> verifier;
  // Nothing where the configuration has no [mail].
  std::optional<mail::MailAccess> mail;
};

// Reads and checks all files of a configuration: a certificate and its key
// belong together and its time has not ended, a peer's certificate names this
// member of this cluster, the root verifies by itself, and nobody but its owner
// may read the password of [mail]. INVALID_ARGUMENT with
// the file, what is wrong with it, and what to do.
absl::StatusOr<MemberFiles> ReadMemberFiles(const Config& config);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_MEMBER_FILES_H_
