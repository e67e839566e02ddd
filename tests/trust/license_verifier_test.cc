// A licence file is believed exactly where every link from the pinned root
// holds, and is refused with the first link that does not. Documents of a
// seeded vendor are changed one field at a time, signed again, and verified;
// and one file is changed at each of its bits.

#include "trust/license_verifier.h"

#include <functional>
#include <optional>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "google/protobuf/stubs/logging.h"
#include "gtest/gtest.h"

#include "tests/trust/demo_vendor.h"
#include "trust/armor.h"
#include "trust/document_rules.h"
#include "trust/issuer.h"
#include "trust/refusal.h"

namespace quorate::trust {
namespace {

using document::v1::Envelope;
using document::v1::License;
using document::v1::LicenseFile;
using document::v1::Root;
using testing::HasSubstr;

std::unique_ptr<LicenseVerifier> MustPin(absl::string_view root_file) {
  auto verifier = LicenseVerifier::Create(root_file);
  EXPECT_TRUE(verifier.ok()) << verifier.status();
  return *std::move(verifier);
}

// The refusal of `text`, none where it is believed.
std::optional<Refusal> RefusalOfFile(const DemoVendor& pinned,
                                     absl::string_view text) {
  const auto verified = MustPin(pinned.RootFile())->Verify(text);
  if (verified.ok()) return std::nullopt;
  const std::optional<Refusal> refusal = RefusalOf(verified.status());
  EXPECT_TRUE(refusal.has_value()) << verified.status();
  return refusal;
}

TEST(LicenseVerifierTest, HandsOutTheTermsOfAGoodFile) {
  const DemoVendor vendor;
  const auto verified =
      MustPin(vendor.RootFile())->Verify(vendor.LicenseText());
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->license.SerializeAsString(),
            vendor.license.SerializeAsString());
  EXPECT_EQ(verified->payload_sha256,
            Sha256(vendor.license.SerializeAsString()));
  EXPECT_EQ(verified->key_id, vendor.product_key.Public().KeyId());
  EXPECT_EQ(verified->root_version, 1u);
}

TEST(LicenseVerifierTest, BelievesTheFileWithOtherLineEnds) {
  const DemoVendor vendor;
  const std::string text = vendor.LicenseText();
  EXPECT_EQ(RefusalOfFile(vendor, absl::StrReplaceAll(text, {{"\n", "\r\n"}})),
            std::nullopt);
  EXPECT_EQ(RefusalOfFile(vendor, text + "\n\r\n"), std::nullopt);
  EXPECT_EQ(RefusalOfFile(vendor, text.substr(0, text.size() - 1)),
            std::nullopt);
}

// Wherever one bit of the file is wrong, the file is refused or says the same.
TEST(LicenseVerifierTest, NoFlippedBitChangesTheMeaning) {
  const DemoVendor vendor;
  const auto verifier = MustPin(vendor.RootFile());
  const std::string text = vendor.LicenseText();
  const std::string meaning = vendor.license.SerializeAsString();
  const google::protobuf::LogSilencer quiet;  // It reports each bad UTF-8.
  size_t believed = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = text;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      const auto verified = verifier->Verify(flipped);
      if (!verified.ok()) continue;
      ++believed;
      EXPECT_EQ(verified->license.SerializeAsString(), meaning)
          << "byte " << at << " bit " << bit;
      EXPECT_EQ(verified->key_id, vendor.product_key.Public().KeyId());
      EXPECT_EQ(verified->root_version, 1u);
    }
  }
  EXPECT_EQ(believed, 0u) << "only line ends may differ, and no bit makes one";
}

// The same under the armour, where every byte is one of the container's.
TEST(LicenseVerifierTest, NoFlippedBitOfTheContainerChangesTheMeaning) {
  const DemoVendor vendor;
  const auto verifier = MustPin(vendor.RootFile());
  const std::string bytes = vendor.Container().SerializeAsString();
  const std::string meaning = vendor.license.SerializeAsString();
  const google::protobuf::LogSilencer quiet;
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      const auto verified =
          verifier->Verify(Armor(ArmorLabel::kLicense, flipped));
      if (!verified.ok()) continue;
      EXPECT_EQ(verified->license.SerializeAsString(), meaning)
          << "byte " << at << " bit " << bit;
    }
  }
}

TEST(LicenseVerifierTest, RefusesAFileThatIsCutAnywhere) {
  const DemoVendor vendor;
  const std::string bytes = vendor.Container().SerializeAsString();
  const auto verifier = MustPin(vendor.RootFile());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(
        verifier->Verify(Armor(ArmorLabel::kLicense, bytes.substr(0, size)))
            .ok())
        << size;
  }
}

struct LicenseChange {
  const char* name;
  Refusal refusal;
  std::function<void(License&)> change;
};

void PrintTo(const LicenseChange& change, std::ostream* out) {
  *out << change.name;
}

class LicenseMeaningTest : public testing::TestWithParam<LicenseChange> {};

// Signed by the right key, and still no licence.
TEST_P(LicenseMeaningTest, IsRefused) {
  DemoVendor vendor;
  GetParam().change(vendor.license);
  EXPECT_EQ(RefusalOfFile(vendor, vendor.LicenseText()), GetParam().refusal);
}

using enum Refusal;

INSTANTIATE_TEST_SUITE_P(
    Changes, LicenseMeaningTest,
    testing::Values(
        LicenseChange{"crit", kCritical,
                      [](License& l) { l.add_crit("per_site"); }},
        LicenseChange{"empty_crit", kCritical,
                      [](License& l) { l.add_crit(""); }},
        LicenseChange{
            "conditions_without_crit", kMeaning,
            [](License& l) { l.mutable_features(0)->set_version_max("1"); }},
        LicenseChange{"attributes_out_of_order", kMeaning,
                      [](License& l) {
                        l.add_crit("feature-conditions");
                        for (const char* name : {"b", "a"}) {
                          auto* added = l.mutable_features(0)->add_attributes();
                          added->set_name(name);
                          added->set_value("1");
                        }
                      }},
        LicenseChange{"no_id", kMeaning,
                      [](License& l) { l.clear_license_id(); }},
        LicenseChange{"id_with_slash", kMeaning,
                      [](License& l) { l.set_license_id("a/b"); }},
        LicenseChange{
            "id_too_long", kMeaning,
            [](License& l) { l.set_license_id(std::string(65, 'a')); }},
        LicenseChange{"serial_0", kMeaning,
                      [](License& l) { l.set_serial(0); }},
        LicenseChange{"vendor_other", kScope,
                      [](License& l) { l.set_vendor_id("Other"); }},
        LicenseChange{"customer_empty", kMeaning,
                      [](License& l) { l.clear_customer_id(); }},
        LicenseChange{"customer_newline", kMeaning,
                      [](License& l) { l.set_customer_id("a\nb"); }},
        LicenseChange{"customer_turned", kMeaning,
                      [](License& l) {
                        l.set_customer_id(
                            "a\xe2\x80\xae"
                            "b");
                      }},
        LicenseChange{"product_other", kScope,
                      [](License& l) { l.set_product_id("other"); }},
        LicenseChange{"product_star", kMeaning,
                      [](License& l) { l.set_product_id("*"); }},
        LicenseChange{
            "issued_before_key", kKeyTime,
            [](License& l) { l.set_issued_ms(kDemoNowMs - 21 * kDemoDayMs); }},
        LicenseChange{
            "issued_after_key", kKeyTime,
            [](License& l) { l.set_issued_ms(kDemoNowMs + 731 * kDemoDayMs); }},
        LicenseChange{"issued_never", kMeaning,
                      [](License& l) { l.clear_issued_ms(); }},
        LicenseChange{"starts_never", kMeaning,
                      [](License& l) { l.clear_not_before_ms(); }},
        LicenseChange{
            "ends_as_it_starts", kMeaning,
            [](License& l) { l.set_not_after_ms(l.not_before_ms()); }},
        LicenseChange{"ends_negative", kMeaning,
                      [](License& l) { l.set_not_after_ms(-1); }},
        LicenseChange{"ends_after_9999", kMeaning,
                      [](License& l) { l.set_not_after_ms(kMaxUnixMs + 1); }},
        LicenseChange{"no_binding", kMeaning,
                      [](License& l) { l.clear_binding(); }},
        LicenseChange{
            "cluster_id_short", kMeaning,
            [](License& l) { l.mutable_binding()->set_cluster_id("short"); }},
        LicenseChange{
            "epoch_0", kMeaning,
            [](License& l) { l.mutable_binding()->set_cluster_epoch(0); }},
        LicenseChange{"member_without_key", kMeaning,
                      [](License& l) {
                        l.mutable_binding()->add_members()->set_member_id(1);
                      }},
        LicenseChange{"no_features", kMeaning,
                      [](License& l) { l.clear_features(); }},
        LicenseChange{"feature_twice", kMeaning,
                      [](License& l) { *l.add_features() = l.features(0); }},
        LicenseChange{
            "feature_name", kMeaning,
            [](License& l) { l.mutable_features(0)->set_name("c d"); }},
        LicenseChange{
            "feature_dot", kMeaning,
            [](License& l) { l.mutable_features(0)->set_name("c.d"); }},
        LicenseChange{"count_0", kMeaning,
                      [](License& l) { l.mutable_features(0)->set_count(0); }},
        LicenseChange{"count_huge", kMeaning,
                      [](License& l) {
                        l.mutable_features(0)->set_count(kMaxFeatureCount + 1);
                      }},
        LicenseChange{"feature_before_licence", kMeaning,
                      [](License& l) {
                        l.mutable_features(0)->set_start_ms(l.not_before_ms() -
                                                            1);
                      }},
        LicenseChange{"feature_after_licence", kMeaning,
                      [](License& l) {
                        l.mutable_features(0)->set_end_ms(l.not_after_ms() + 1);
                      }},
        LicenseChange{"feature_backwards", kMeaning,
                      [](License& l) {
                        l.mutable_features(0)->set_start_ms(kDemoNowMs + 2);
                        l.mutable_features(0)->set_end_ms(kDemoNowMs + 1);
                      }}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(LicenseVerifierTest, TakesTheLargestLicence) {
  DemoVendor vendor;
  vendor.license.clear_features();
  for (int i = 0; i < kMaxFeatures; ++i) {
    auto* feature = vendor.license.add_features();
    feature->set_name(std::string(60, 'f') + std::to_string(1000 + i));
    feature->set_count(kMaxFeatureCount);
    feature->set_start_ms(kDemoNowMs);
    feature->set_end_ms(kDemoNowMs + kDemoDayMs);
  }
  EXPECT_EQ(RefusalOfFile(vendor, vendor.LicenseText()), std::nullopt);
  vendor.license.add_features()->set_name("one_more");
  EXPECT_EQ(RefusalOfFile(vendor, vendor.LicenseText()), kMeaning);
}

TEST(LicenseVerifierTest, NamesTheEndsOfTheTimesThatCount) {
  DemoVendor vendor;
  vendor.license.set_issued_ms(vendor.certificate.not_before_ms());
  EXPECT_EQ(RefusalOfFile(vendor, vendor.LicenseText()), std::nullopt);
  vendor.license.set_issued_ms(vendor.certificate.not_after_ms());
  EXPECT_EQ(RefusalOfFile(vendor, vendor.LicenseText()), std::nullopt);
  vendor.root.set_not_after_ms(vendor.license.issued_ms());
  EXPECT_EQ(RefusalOfFile(vendor, vendor.LicenseText()), std::nullopt);
  vendor.root.set_not_after_ms(vendor.license.issued_ms() - 1);
  EXPECT_EQ(RefusalOfFile(vendor, vendor.LicenseText()), kKeyTime);
}

TEST(LicenseVerifierTest, RefusesAKeyThatIsForAnotherKindOfDocument) {
  DemoVendor vendor;
  vendor.certificate.clear_payload_types();
  vendor.certificate.add_payload_types(
      "application/vnd.quorate.status.v1+proto");
  EXPECT_EQ(RefusalOfFile(vendor, vendor.LicenseText()), kScope);
}

TEST(LicenseVerifierTest, AStarCoversEveryProduct) {
  DemoVendor vendor;
  vendor.certificate.set_product_ids(0, "*");
  vendor.license.set_product_id("anything");
  EXPECT_EQ(RefusalOfFile(vendor, vendor.LicenseText()), std::nullopt);
}

TEST(LicenseVerifierTest, ARevokedKeySignsNothingWhenever) {
  DemoVendor vendor;
  vendor.root.add_revoked_key_ids(vendor.product_key.Public().KeyId());
  EXPECT_EQ(RefusalOfFile(vendor, vendor.LicenseText()), kKeyRevoked);
}

TEST(LicenseVerifierTest, OneRootKeyCertifiesNothing) {
  const DemoVendor vendor;
  LicenseFile container = vendor.Container();
  *container.mutable_key_certificate() =
      MustSign(PayloadType::kKeyCertificate,
               vendor.certificate.SerializeAsString(), vendor.Signers(1));
  EXPECT_EQ(RefusalOfFile(vendor, ToText(container)), kSignature);
}

TEST(LicenseVerifierTest, AForeignVendorIsNotBelieved) {
  const DemoVendor vendor;
  DemoVendor foreign;
  foreign.root_keys.clear();
  for (const uint8_t seed : {11, 12, 13}) {
    foreign.root_keys.push_back(SeededKey(seed));
  }
  EXPECT_EQ(RefusalOfFile(vendor, foreign.LicenseText()), kSignature);
}

TEST(LicenseVerifierTest, TheSentenceNamesTheLink) {
  DemoVendor vendor;
  vendor.license.set_product_id("other");
  const auto verified =
      MustPin(vendor.RootFile())->Verify(vendor.LicenseText());
  EXPECT_EQ(verified.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(verified.status().message()),
              HasSubstr("the licence: its product key may not sign"));
}

TEST(LicenseVerifierTest, APinnedRootMustBeWhole) {
  DemoVendor vendor;
  const std::string good = vendor.RootFile();
  EXPECT_TRUE(LicenseVerifier::Create(good).ok());
  EXPECT_FALSE(LicenseVerifier::Create("").ok());
  EXPECT_FALSE(LicenseVerifier::Create(vendor.LicenseText()).ok());
  const std::string under_signed =
      Armor(ArmorLabel::kRoot,
            MustSign(PayloadType::kRoot, vendor.root.SerializeAsString(),
                     vendor.Signers(1))
                .SerializeAsString());
  EXPECT_EQ(RefusalOf(LicenseVerifier::Create(under_signed).status()),
            kSignature);
  vendor.root.set_threshold(4);
  EXPECT_EQ(RefusalOf(LicenseVerifier::Create(vendor.RootFile()).status()),
            kMeaning);
}

}  // namespace
}  // namespace quorate::trust
