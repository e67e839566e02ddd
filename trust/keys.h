// Ed25519 keys, by OpenSSL only.
//
// RFC 8032 (Ed25519), RFC 8410 (its SubjectPublicKeyInfo and PKCS #8 forms).

#ifndef QUORATE_TRUST_KEYS_H_
#define QUORATE_TRUST_KEYS_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quorate::trust {

// The length of every Ed25519 signature (RFC 8032, section 5.1.6).
inline constexpr size_t kSignatureSize = 64;

// The length of a key id.
inline constexpr size_t kKeyIdSize = 16;

// A public key. Immutable after construction.
class PublicKey {
 public:
  // From SubjectPublicKeyInfo, DER. INVALID_ARGUMENT for anything but the one
  // DER form of an Ed25519 key without trailing bytes, for a coordinate that
  // is not reduced, and for a point of small order: under such a key one
  // signature is good for many messages.
  static absl::StatusOr<PublicKey> FromSpki(absl::string_view der);

  PublicKey(const PublicKey&) = default;
  PublicKey& operator=(const PublicKey&) = default;

  const std::string& spki() const { return spki_; }

  // First 16 bytes of SHA-256 of the SPKI: a hint, not an identity.
  std::string KeyId() const;

  // True where `signature` (64 bytes) is this key's over `message`. Any other
  // length, and an S that is not reduced (RFC 8032, section 8.4), is false.
  bool Verify(absl::string_view message, absl::string_view signature) const;

 private:
  explicit PublicKey(std::string spki) : spki_(std::move(spki)) {}

  std::string spki_;
};

// A private key; the bytes are wiped on destruction. Immutable after
// construction.
class PrivateKey {
 public:
  static absl::StatusOr<PrivateKey> Generate();

  // PKCS #8 PEM (RFC 5958, RFC 8410), unencrypted, nothing before or after
  // it. INVALID_ARGUMENT for anything else.
  static absl::StatusOr<PrivateKey> FromPem(absl::string_view pem);

  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;
  ~PrivateKey();

  // The caller wipes it (WipeSecret) when it has been written.
  std::string ToPem() const;
  PublicKey Public() const;

  // 64 bytes.
  absl::StatusOr<std::string> Sign(absl::string_view message) const;

 private:
  struct Secret;
  explicit PrivateKey(std::unique_ptr<Secret> secret);

  std::unique_ptr<Secret> secret_;
};

// SHA-256, 32 bytes.
std::string Sha256(absl::string_view bytes);

// Overwrites the bytes in a way that the compiler may not leave out, and
// empties the string.
void WipeSecret(std::string* secret);

}  // namespace quorate::trust

#endif  // QUORATE_TRUST_KEYS_H_
