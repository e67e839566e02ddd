// Issues members' certificates.

#ifndef QUORATE_SERVER_JOIN_CERTIFICATE_AUTHORITY_H_
#define QUORATE_SERVER_JOIN_CERTIFICATE_AUTHORITY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace quorate::server {

// A request has one key and one signature, some hundred bytes.
inline constexpr size_t kMaxRequestBytes = 4 * 1024;

// Until certificates are renewed by themselves a member that nobody looks at
// should last, but not for ever.
inline constexpr absl::Duration kCertificateLife = absl::Hours(24 * 365);

// Everything that a certificate says beside the key. Nothing of it is taken
// from the request.
struct CertificateSubject {
  std::string common_name;         // For people; nothing is decided by it.
  std::vector<std::string> uris;   // Alternative names.
  std::vector<std::string> hosts;  // Names, and IPv4 or IPv6 addresses.
  bool client = false;             // Also good for connecting.
};

// The certificate and key of an authority. Immutable after construction.
// Thread-safe.
class CertificateAuthority {
 public:
  // INVALID_ARGUMENT where the first certificate of `ca_pem` and the key do
  // not belong together.
  static absl::StatusOr<std::unique_ptr<CertificateAuthority>> Create(
      absl::string_view ca_pem, absl::string_view key_pem);

  ~CertificateAuthority();

  // SHA-256 of the authority's SubjectPublicKeyInfo; 32 bytes.
  const std::string& pin() const { return pin_; }

  // A certificate in PEM for the key of `request` (PKCS#10 in DER), from a few
  // minutes before `now`. INVALID_ARGUMENT by CheckRequest, or where a name
  // cannot stand in a certificate.
  absl::StatusOr<std::string> Issue(absl::string_view request,
                                    const CertificateSubject& subject,
                                    absl::Time now) const;

 private:
  struct Secret;
  CertificateAuthority(std::unique_ptr<Secret> secret, std::string pin);

  const std::unique_ptr<Secret> secret_;
  const std::string pin_;
};

// OK where `request` is one in DER, of at most kMaxRequestBytes, signed by its
// own key, and that is one on P-256: what our own joiner makes.
// INVALID_ARGUMENT with a sentence.
absl::Status CheckRequest(absl::string_view request);

// SHA-256 of the SubjectPublicKeyInfo in a request that was checked.
std::string KeyHashOf(absl::string_view request);

// A fresh key on P-256 in PEM, and a request for it.
std::string NewPrivateKeyPem();
absl::StatusOr<std::string> NewRequest(absl::string_view private_key_pem);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_JOIN_CERTIFICATE_AUTHORITY_H_
