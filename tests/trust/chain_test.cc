// Trust goes from one root to the next and on to a product key only by the
// thresholds of both ends, in order. Chains of seeded vendors are built link by
// link and one link is made wrong.

#include "trust/chain.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "tests/trust/demo_vendor.h"
#include "trust/issuer.h"
#include "trust/license_verifier.h"
#include "trust/refusal.h"

namespace quorate::trust {
namespace {

using document::v1::Envelope;
using document::v1::LicenseFile;
using document::v1::Root;
using enum Refusal;

Envelope SignRoot(const Root& root, const std::vector<uint8_t>& seeds) {
  return SignWithSeeds(PayloadType::kRoot, root.SerializeAsString(), seeds);
}

// The demo vendor's root has the keys 1, 2, 3; the next one 2, 11, 12.
class RootChainTest : public testing::Test {
 protected:
  RootChainTest()
      : pinned_(ReadPinnedRoot(vendor_.RootEnvelope()).value()),
        next_(NextRoot(vendor_.root, {2, 11, 12})) {}

  std::optional<Refusal> Next(const std::vector<uint8_t>& signers) const {
    const auto root = VerifyNextRoot(pinned_, SignRoot(next_, signers));
    return root.ok() ? std::nullopt : RefusalOf(root.status());
  }

  const DemoVendor vendor_;
  const TrustedRoot pinned_;
  Root next_;
};

TEST_F(RootChainTest, TakesTwoOfTheOldAndTwoOfTheNext) {
  EXPECT_EQ(Next({1, 2, 11}), std::nullopt) << "key 2 counts on both sides";
  EXPECT_EQ(Next({1, 3, 11, 12}), std::nullopt);
  EXPECT_EQ(Next({1, 2, 3, 2, 11, 12}), std::nullopt);
}

TEST_F(RootChainTest, RefusesOneSideAlone) {
  EXPECT_EQ(Next({1, 2, 3}), kSignature);
  EXPECT_EQ(Next({2, 11, 12}), kSignature);
  EXPECT_EQ(Next({1, 11, 12}), kSignature);
  EXPECT_EQ(Next({1, 3, 11}), kSignature);
}

TEST_F(RootChainTest, RefusesEveryVersionButTheNext) {
  for (const uint64_t version : {1u, 3u, 4u}) {
    next_.set_version(version);
    EXPECT_EQ(Next({1, 2, 11}), kRootOrder) << version;
  }
  next_.set_version(0);
  EXPECT_EQ(Next({1, 2, 11}), kMeaning);
}

TEST_F(RootChainTest, RefusesAnotherVendorAndAnEarlierDay) {
  next_.set_vendor_id("Other");
  EXPECT_EQ(Next({1, 2, 11}), kRootOrder);
  next_.set_vendor_id(vendor_.root.vendor_id());
  next_.set_issued_ms(vendor_.root.issued_ms() - 1);
  EXPECT_EQ(Next({1, 2, 11}), kRootOrder);
}

TEST_F(RootChainTest, AsksTheThresholdOfTheNextRoot) {
  next_.set_threshold(3);
  EXPECT_EQ(Next({1, 2, 11}), kSignature);
  EXPECT_EQ(Next({1, 2, 11, 12}), std::nullopt);
}

TEST_F(RootChainTest, RefusesRootsThatMakeNoSense) {
  next_.set_threshold(0);
  EXPECT_EQ(Next({1, 2, 11}), kMeaning);
  next_.set_threshold(4);
  EXPECT_EQ(Next({1, 2, 11}), kMeaning);
  next_.set_threshold(2);
  *next_.add_keys() = next_.keys(0);
  EXPECT_EQ(Next({1, 2, 11}), kMeaning);
  next_.mutable_keys()->RemoveLast();
  next_.mutable_keys(0)->set_scheme("p256");
  EXPECT_EQ(Next({1, 2, 11}), kMeaning);
  next_.mutable_keys(0)->set_scheme("ed25519");
  next_.add_revoked_key_ids("short");
  EXPECT_EQ(Next({1, 2, 11}), kMeaning);
  next_.clear_revoked_key_ids();
  next_.add_crit("region");
  EXPECT_EQ(Next({1, 2, 11}), kCritical);
  next_.clear_crit();
  EXPECT_EQ(Next({1, 2, 11}), std::nullopt);
}

TEST_F(RootChainTest, ARevocationIsForEver) {
  next_.add_revoked_key_ids(std::string(16, 'r'));
  const auto second = VerifyNextRoot(pinned_, SignRoot(next_, {1, 2, 11}));
  ASSERT_TRUE(second.ok()) << second.status();
  Root third = NextRoot(next_, {2, 11, 12});
  EXPECT_TRUE(VerifyNextRoot(*second, SignRoot(third, {2, 11})).ok());
  third.clear_revoked_key_ids();
  EXPECT_EQ(
      RefusalOf(VerifyNextRoot(*second, SignRoot(third, {2, 11})).status()),
      kRootOrder);
}

// A licence file that brings two roots, its key certified by the last.
TEST(LicenseRootChainTest, AFileBringsTheRootsThatItNeeds) {
  const DemoVendor vendor;
  const Root second = NextRoot(vendor.root, {2, 11, 12});
  const Root third = NextRoot(second, {11, 12, 13});
  LicenseFile file = vendor.Container();
  *file.mutable_key_certificate() =
      SignWithSeeds(PayloadType::kKeyCertificate,
                    vendor.certificate.SerializeAsString(), {11, 13});
  *file.add_root_chain() = SignRoot(second, {1, 2, 11});
  *file.add_root_chain() = SignRoot(third, {11, 12});

  const auto verifier = LicenseVerifier::Create(vendor.RootFile());
  ASSERT_TRUE(verifier.ok());
  const auto verified = (*verifier)->Verify(ToText(file));
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->root_version, 3u);

  // The same without the middle, in another order, and with nothing.
  LicenseFile wrong = file;
  wrong.mutable_root_chain()->DeleteSubrange(0, 1);
  EXPECT_EQ(RefusalOf((*verifier)->Verify(ToText(wrong)).status()), kSignature);
  wrong = file;
  wrong.mutable_root_chain()->SwapElements(0, 1);
  EXPECT_FALSE((*verifier)->Verify(ToText(wrong)).ok());
  wrong.clear_root_chain();
  EXPECT_EQ(RefusalOf((*verifier)->Verify(ToText(wrong)).status()), kSignature);

  // A verification leaves nothing behind that the next one could use.
  EXPECT_EQ((*verifier)->root().version(), 1u);
}

TEST(LicenseRootChainTest, AChainHasALimit) {
  const DemoVendor vendor;
  LicenseFile file = vendor.Container();
  Root root = vendor.root;
  for (int i = 0; i < 33; ++i) {
    root = NextRoot(root, {1, 2, 3});
    *file.add_root_chain() = SignRoot(root, {1, 2});
  }
  const auto verifier = LicenseVerifier::Create(vendor.RootFile());
  ASSERT_TRUE(verifier.ok());
  EXPECT_EQ(RefusalOf((*verifier)->Verify(ToText(file)).status()), kForm);
  file.mutable_root_chain()->RemoveLast();
  EXPECT_TRUE((*verifier)->Verify(ToText(file)).ok());
}

class KeyCertificateTest : public testing::Test {
 protected:
  std::optional<Refusal> Certify() const {
    const auto root = ReadPinnedRoot(vendor_.RootEnvelope());
    EXPECT_TRUE(root.ok()) << root.status();
    const auto key = VerifyKeyCertificate(*root, vendor_.CertificateEnvelope());
    return key.ok() ? std::nullopt : RefusalOf(key.status());
  }

  DemoVendor vendor_;
};

TEST_F(KeyCertificateTest, IsBelievedByTheRoot) {
  EXPECT_EQ(Certify(), std::nullopt);
}

TEST_F(KeyCertificateTest, MustMakeSense) {
  const auto good = vendor_.certificate;
  const auto expect = [this, &good](Refusal refusal, const auto& change) {
    vendor_.certificate = good;
    change(vendor_.certificate);
    EXPECT_EQ(Certify(), refusal) << vendor_.certificate.ShortDebugString();
  };
  expect(kCritical, [](auto& c) { c.add_crit("region"); });
  expect(kMeaning, [](auto& c) { c.clear_vendor_id(); });
  expect(kScope, [](auto& c) { c.set_vendor_id("Other"); });
  expect(kMeaning, [](auto& c) { c.clear_key(); });
  expect(kMeaning, [](auto& c) { c.mutable_key()->set_scheme("rsa"); });
  expect(kMeaning,
         [](auto& c) { c.mutable_key()->mutable_spki()->pop_back(); });
  expect(kMeaning, [](auto& c) { c.clear_payload_types(); });
  expect(kMeaning, [](auto& c) { c.clear_product_ids(); });
  expect(kMeaning, [](auto& c) { c.set_product_ids(0, "a*"); });
  expect(kMeaning, [](auto& c) { c.clear_issued_ms(); });
  expect(kMeaning, [](auto& c) { c.set_not_after_ms(c.not_before_ms()); });
  expect(kKeyTime,
         [this](auto& c) { c.set_issued_ms(vendor_.root.not_after_ms() + 1); });
}

}  // namespace
}  // namespace quorate::trust
