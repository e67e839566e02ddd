// From a pinned root to a product key.
//
// Root N is believed because it is pinned; N+1 because enough keys of N and
// enough keys of N+1 signed it (TUF, section 5.3); a key certificate because
// enough keys of the newest root did. Nothing here reads a clock: a signature
// counts by the times that the documents name.

#ifndef QUORATE_TRUST_CHAIN_H_
#define QUORATE_TRUST_CHAIN_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "quorate/document/v1/document.pb.h"

#include "trust/envelope.h"

namespace quorate::trust {

// A root that is believed, with its keys as VerifyEnvelope takes them.
struct TrustedRoot {
  document::v1::Root document;
  TrustedKeys keys;
};

// A product key that is believed.
struct TrustedProductKey {
  document::v1::KeyCertificate certificate;
  TrustedKeys keys;
};

// Reads a root that is believed because of where it stands. It must keep the
// rules and be signed by its own keys: that finds damage, not forgery.
absl::StatusOr<TrustedRoot> ReadPinnedRoot(
    const document::v1::Envelope& envelope);

// The same from a file, in text armour.
absl::StatusOr<TrustedRoot> ReadPinnedRootFile(absl::string_view file);

// Verifies the root after `current`. Refusal kRootOrder for another version
// than the next, another vendor, or a revoked key that it no longer names:
// revocations are for ever.
absl::StatusOr<TrustedRoot> VerifyNextRoot(
    const TrustedRoot& current, const document::v1::Envelope& envelope);

// Verifies a key certificate by the newest root. Refusal kKeyRevoked for a
// revoked key, kKeyTime for one certified after the root's end.
absl::StatusOr<TrustedProductKey> VerifyKeyCertificate(
    const TrustedRoot& root, const document::v1::Envelope& envelope);

}  // namespace quorate::trust

#endif  // QUORATE_TRUST_CHAIN_H_
