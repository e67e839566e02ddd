// The one way from a licence file to terms that may be believed.
//
// Order (security.md, appendix A): size, form of the container, payload type,
// signatures by distinct trusted keys up to the threshold, and only then the
// payload, its critical constraints, the time of the keys, the meaning. The
// first failure is reported; nothing before it is believed.

#ifndef QUORATE_TRUST_LICENSE_VERIFIER_H_
#define QUORATE_TRUST_LICENSE_VERIFIER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "quorate/document/v1/document.pb.h"

#include "trust/chain.h"

namespace quorate::trust {

struct VerifiedLicense {
  document::v1::License license;
  std::string payload_sha256;  // Of the exact signed bytes; 32 bytes.
  std::string key_id;          // Of the product key that signed.
  uint64_t root_version = 0;
};

// Holds the pinned root of one vendor. Owns all it needs; lives as long as
// whoever verifies. Immutable after construction. Thread-safe.
class LicenseVerifier {
 public:
  // `root_file` is a root document as `quorate vendor keygen` writes it.
  // INVALID_ARGUMENT where it does not verify by its own keys.
  static absl::StatusOr<std::unique_ptr<LicenseVerifier>> Create(
      absl::string_view root_file);

  // Verifies a licence file: everything that needs neither a cluster nor a
  // clock. INVALID_ARGUMENT with a sentence that names the first check that
  // failed, and with a Refusal (trust/refusal.h); nothing is changed by a
  // call. Whether the binding is to this cluster, whether the dates hold now
  // and whether the serial is new are left to the caller.
  absl::StatusOr<VerifiedLicense> Verify(absl::string_view license_file) const;

  const document::v1::Root& root() const { return root_.document; }

 private:
  explicit LicenseVerifier(TrustedRoot root) : root_(std::move(root)) {}

  // Constant after construction.
  const TrustedRoot root_;
};

}  // namespace quorate::trust

#endif  // QUORATE_TRUST_LICENSE_VERIFIER_H_
