// A vendor whose keys come from a seed, for tests: everything it signs is the
// same in each run.

#ifndef QUORATE_TESTS_TRUST_DEMO_VENDOR_H_
#define QUORATE_TESTS_TRUST_DEMO_VENDOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "quorate/document/v1/document.pb.h"

#include "trust/envelope.h"
#include "trust/keys.h"

namespace quorate::trust {

// The Ed25519 key whose 32 secret bytes are all `seed`.
PrivateKey SeededKey(uint8_t seed);

// 2026-01-01T00:00:00Z, on which the demo vendor signs.
inline constexpr int64_t kDemoNowMs = 1'767'225'600'000;
inline constexpr int64_t kDemoDayMs = 86'400'000;

// Documents that verify, and the keys to sign changed ones. Thread-compatible.
struct DemoVendor {
  DemoVendor();

  // The first `count` root keys.
  std::vector<const PrivateKey*> Signers(size_t count) const;

  // Signed now, from the fields as they stand.
  document::v1::Envelope RootEnvelope() const;
  document::v1::Envelope CertificateEnvelope() const;
  document::v1::Envelope LicenseEnvelope() const;

  // All of it in one container, and that as a file.
  document::v1::LicenseFile Container() const;
  std::string RootFile() const;
  std::string LicenseText() const;

  std::vector<PrivateKey> root_keys;  // Three; two must sign.
  PrivateKey product_key;
  document::v1::Root root;
  document::v1::KeyCertificate certificate;
  document::v1::License license;
};

// Signs what need not make sense.
document::v1::Envelope MustSign(PayloadType type, absl::string_view payload,
                                const std::vector<const PrivateKey*>& signers);

// The same, with seeded keys.
document::v1::Envelope SignWithSeeds(PayloadType type,
                                     absl::string_view payload,
                                     const std::vector<uint8_t>& seeds);

// A root with the next version, a day later, with the keys of `seeds`.
document::v1::Root NextRoot(const document::v1::Root& before,
                            const std::vector<uint8_t>& seeds);

// The same signature with S + L in the place of S (RFC 8032, section 8.4).
std::string WithUnreducedS(std::string signature);

std::string ToText(const document::v1::LicenseFile& container);

}  // namespace quorate::trust

#endif  // QUORATE_TESTS_TRUST_DEMO_VENDOR_H_
