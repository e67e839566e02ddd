#include "tests/trust/demo_vendor.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "trust/armor.h"
#include "trust/issuer.h"
#include "trust/payload_type.h"

namespace quorate::trust {

PrivateKey SeededKey(uint8_t seed) {
  // RFC 8410, section 7: PKCS #8 of Ed25519 is this prefix and the secret.
  const std::string der =
      absl::StrCat(absl::HexStringToBytes("302e020100300506032b657004220420"),
                   std::string(32, static_cast<char>(seed)));
  return PrivateKey::FromPem(absl::StrCat("-----BEGIN PRIVATE KEY-----\n",
                                          absl::Base64Escape(der),
                                          "\n-----END PRIVATE KEY-----\n"))
      .value();
}

DemoVendor::DemoVendor() : product_key(SeededKey(4)) {
  for (const uint8_t seed : {1, 2, 3})
    root_keys.push_back(SeededKey(seed));

  root.set_version(1);
  root.set_vendor_id("Demo Vendor");
  root.set_issued_ms(kDemoNowMs - 30 * kDemoDayMs);
  root.set_not_after_ms(kDemoNowMs + 5 * 365 * kDemoDayMs);
  for (const PrivateKey& key : root_keys) {
    *root.add_keys() = DescribeKey(key.Public());
  }
  root.set_threshold(2);

  certificate.set_vendor_id("Demo Vendor");
  *certificate.mutable_key() = DescribeKey(product_key.Public());
  certificate.add_payload_types(std::string(ToString(PayloadType::kLicense)));
  certificate.add_product_ids("suite");
  certificate.set_issued_ms(kDemoNowMs - 20 * kDemoDayMs);
  certificate.set_not_before_ms(kDemoNowMs - 20 * kDemoDayMs);
  certificate.set_not_after_ms(kDemoNowMs + 2 * 365 * kDemoDayMs);

  license.set_license_id("DEMO-1");
  license.set_serial(7);
  license.set_vendor_id("Demo Vendor");
  license.set_customer_id("Example Engineering");
  license.set_issued_ms(kDemoNowMs);
  license.set_not_before_ms(kDemoNowMs);
  license.set_not_after_ms(kDemoNowMs + 365 * kDemoDayMs);
  license.mutable_binding()->set_cluster_id(
      absl::HexStringToBytes("0123456789abcdef0123456789abcdef"));
  license.mutable_binding()->set_cluster_epoch(1);
  document::v1::Feature* cad = license.add_features();
  cad->set_name("cad");
  cad->set_count(20);
  document::v1::Feature* solver = license.add_features();
  solver->set_name("solver");
  solver->set_count(8);
  license.set_product_id("suite");
}

std::vector<const PrivateKey*> DemoVendor::Signers(size_t count) const {
  std::vector<const PrivateKey*> signers;
  for (size_t i = 0; i < count; ++i)
    signers.push_back(&root_keys.at(i));
  return signers;
}

document::v1::Envelope DemoVendor::RootEnvelope() const {
  return MustSign(PayloadType::kRoot, root.SerializeAsString(), Signers(2));
}

document::v1::Envelope DemoVendor::CertificateEnvelope() const {
  return MustSign(PayloadType::kKeyCertificate, certificate.SerializeAsString(),
                  Signers(2));
}

document::v1::Envelope DemoVendor::LicenseEnvelope() const {
  return MustSign(PayloadType::kLicense, license.SerializeAsString(),
                  {&product_key});
}

document::v1::LicenseFile DemoVendor::Container() const {
  document::v1::LicenseFile container;
  *container.mutable_license() = LicenseEnvelope();
  *container.mutable_key_certificate() = CertificateEnvelope();
  return container;
}

std::string DemoVendor::RootFile() const {
  return Armor(ArmorLabel::kRoot, RootEnvelope().SerializeAsString());
}

std::string DemoVendor::LicenseText() const {
  return ToText(Container());
}

document::v1::Envelope MustSign(PayloadType type, absl::string_view payload,
                                const std::vector<const PrivateKey*>& signers) {
  return SignEnvelope(type, payload, signers).value();
}

document::v1::Envelope SignWithSeeds(PayloadType type,
                                     absl::string_view payload,
                                     const std::vector<uint8_t>& seeds) {
  std::vector<PrivateKey> keys;
  keys.reserve(seeds.size());
  for (const uint8_t seed : seeds)
    keys.push_back(SeededKey(seed));
  std::vector<const PrivateKey*> signers;
  for (const PrivateKey& key : keys)
    signers.push_back(&key);
  return MustSign(type, payload, signers);
}

document::v1::Root NextRoot(const document::v1::Root& before,
                            const std::vector<uint8_t>& seeds) {
  document::v1::Root next = before;
  next.set_version(before.version() + 1);
  next.set_issued_ms(before.issued_ms() + kDemoDayMs);
  next.clear_keys();
  for (const uint8_t seed : seeds) {
    *next.add_keys() = DescribeKey(SeededKey(seed).Public());
  }
  return next;
}

std::string WithUnreducedS(std::string signature) {
  // L = 2^252 + 27742317777372353535851937790883648493, little-endian.
  const std::string order = absl::HexStringToBytes(
      "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  unsigned int carry = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    char& digit = signature.at(32 + i);
    carry += static_cast<unsigned char>(digit);
    carry += static_cast<unsigned char>(order[i]);
    digit = static_cast<char>(carry & 0xff);
    carry >>= 8;
  }
  return signature;
}

std::string ToText(const document::v1::LicenseFile& container) {
  return Armor(ArmorLabel::kLicense, container.SerializeAsString());
}

}  // namespace quorate::trust
