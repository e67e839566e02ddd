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

std::string ToText(const document::v1::LicenseFile& container) {
  return Armor(ArmorLabel::kLicense, container.SerializeAsString());
}

}  // namespace quorate::trust
