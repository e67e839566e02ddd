// Checks of a member's certificates, before gRPC gets them: its own message for
// a wrong one is a failed handshake.

#ifndef QUORATE_SERVER_CERTIFICATE_CHECK_H_
#define QUORATE_SERVER_CERTIFICATE_CHECK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace quorate::server {

// OK where `pem` holds at least one certificate.
absl::Status CheckAuthorities(absl::string_view pem);

// OK where the first certificate of `cert_pem` and the key belong together, its
// time has not ended, and `uri` (where not empty) is among its alternative
// names. INVALID_ARGUMENT with a sentence without the file's name.
absl::Status CheckCertificate(absl::string_view cert_pem,
                              absl::string_view key_pem, absl::string_view uri);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_CERTIFICATE_CHECK_H_
