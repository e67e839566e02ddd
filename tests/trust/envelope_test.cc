// A payload comes out of an envelope exactly where enough distinct trusted
// keys signed these bytes as this type. Envelopes are built by hand around
// each rule and verified against small sets of keys.

#include "trust/envelope.h"

#include <optional>
#include <set>
#include <string>

#include "gtest/gtest.h"

#include "tests/trust/demo_vendor.h"
#include "trust/bounded_parse.h"
#include "trust/refusal.h"

namespace quorate::trust {
namespace {

using document::v1::Envelope;

TrustedKeys Trust(const std::vector<uint8_t>& seeds, size_t threshold) {
  TrustedKeys trusted;
  trusted.threshold = threshold;
  for (const uint8_t seed : seeds) {
    trusted.keys.push_back(
        {.key = SeededKey(seed).Public(), .allows = {PayloadType::kLicense}});
  }
  return trusted;
}

Envelope SignedBy(const std::vector<uint8_t>& seeds,
                  absl::string_view payload = "payload") {
  return SignWithSeeds(PayloadType::kLicense, payload, seeds);
}

std::optional<Refusal> RefusalOfEnvelope(const Envelope& envelope,
                                         const TrustedKeys& trusted) {
  const auto payload = VerifyEnvelope(envelope, PayloadType::kLicense, trusted);
  if (payload.ok()) return std::nullopt;
  return RefusalOf(payload.status());
}

TEST(PreAuthenticationEncodingTest, IsTheOneOfDsse) {
  // The example of the DSSE protocol.
  EXPECT_EQ(
      PreAuthenticationEncoding("http://example.com/HelloWorld", "hello world"),
      "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(PreAuthenticationEncoding("", ""), "DSSEv1 0  0 ");
}

TEST(PreAuthenticationEncodingTest, TellsWhereTheTypeEnds) {
  EXPECT_NE(PreAuthenticationEncoding("a", "b 1 c"),
            PreAuthenticationEncoding("a 5 b", "c"));
}

TEST(PayloadTypeTest, NamesAreDistinctAndComeBack) {
  std::set<absl::string_view> names;
  for (const PayloadType type :
       {PayloadType::kRoot, PayloadType::kKeyCertificate,
        PayloadType::kLicense}) {
    EXPECT_TRUE(names.insert(ToString(type)).second);
    EXPECT_EQ(ParsePayloadType(ToString(type)), type);
    EXPECT_EQ(ParsePayloadType(std::string(ToString(type)) + "x"),
              std::nullopt);
  }
  EXPECT_EQ(ParsePayloadType(""), std::nullopt);
}

TEST(EnvelopeTest, HandsOutTheBytesAndTheSigners) {
  const auto payload = VerifyEnvelope(
      SignedBy({3, 1}, "abc"), PayloadType::kLicense, Trust({1, 2, 3}, 2));
  ASSERT_TRUE(payload.ok()) << payload.status();
  EXPECT_EQ(payload->bytes, "abc");
  EXPECT_EQ(payload->key_ids,
            std::vector<std::string>({SeededKey(1).Public().KeyId(),
                                      SeededKey(3).Public().KeyId()}));
}

TEST(EnvelopeTest, AnEmptyPayloadCanBeSigned) {
  EXPECT_EQ(RefusalOfEnvelope(SignedBy({1}, ""), Trust({1}, 1)), std::nullopt);
}

TEST(EnvelopeTest, CountsSignersUpToTheThreshold) {
  const TrustedKeys trusted = Trust({1, 2, 3}, 2);
  EXPECT_EQ(RefusalOfEnvelope(SignedBy({1}), trusted), Refusal::kSignature);
  EXPECT_EQ(RefusalOfEnvelope(SignedBy({1, 9}), trusted), Refusal::kSignature);
  EXPECT_EQ(RefusalOfEnvelope(SignedBy({8, 9}), trusted), Refusal::kSignature);
  EXPECT_EQ(RefusalOfEnvelope(SignedBy({1, 2, 3}), trusted), std::nullopt);
  EXPECT_EQ(RefusalOfEnvelope(SignedBy({9, 2, 8, 3}), trusted), std::nullopt);
}

TEST(EnvelopeTest, OneSignatureTwiceIsOneSigner) {
  EXPECT_EQ(RefusalOfEnvelope(SignedBy({1, 1}), Trust({1, 2}, 2)),
            Refusal::kSignature);
}

TEST(EnvelopeTest, OneKeyTrustedTwiceIsOneSigner) {
  EXPECT_EQ(RefusalOfEnvelope(SignedBy({1, 1}), Trust({1, 1}, 2)),
            Refusal::kSignature);
}

TEST(EnvelopeTest, TwoKeyIdsForOneKeyAreOneSigner) {
  Envelope envelope = SignedBy({1, 1});
  envelope.mutable_signatures(1)->set_key_id(SeededKey(2).Public().KeyId());
  EXPECT_EQ(RefusalOfEnvelope(envelope, Trust({1, 2}, 2)), Refusal::kSignature);
}

TEST(EnvelopeTest, AKeyIdThatNamesAnotherKeyIsNotTried) {
  Envelope envelope = SignedBy({1});
  envelope.mutable_signatures(0)->set_key_id(SeededKey(2).Public().KeyId());
  EXPECT_EQ(RefusalOfEnvelope(envelope, Trust({1}, 1)), Refusal::kSignature);
}

TEST(EnvelopeTest, AFalseSignatureDoesNotHideATrueOne) {
  Envelope envelope = SignedBy({1, 1});
  envelope.mutable_signatures(0)->set_signature(std::string(64, '\0'));
  EXPECT_EQ(RefusalOfEnvelope(envelope, Trust({1}, 1)), std::nullopt);
}

TEST(EnvelopeTest, TheTypeIsExact) {
  const TrustedKeys trusted = Trust({1}, 1);
  const std::string type(ToString(PayloadType::kLicense));
  for (const std::string& other :
       {std::string(), type + "x", type.substr(1), type + std::string(1, '\0'),
        std::string(ToString(PayloadType::kRoot))}) {
    Envelope envelope = SignedBy({1});
    envelope.set_payload_type(other);
    EXPECT_EQ(RefusalOfEnvelope(envelope, trusted), Refusal::kType) << other;
  }
}

// A signature as one type, relabelled as another that the key may sign too.
TEST(EnvelopeTest, TheTypeIsUnderTheSignature) {
  TrustedKeys trusted = Trust({1}, 1);
  trusted.keys[0].allows.push_back(PayloadType::kRoot);
  Envelope envelope = SignedBy({1});
  envelope.set_payload_type(std::string(ToString(PayloadType::kRoot)));
  const auto payload = VerifyEnvelope(envelope, PayloadType::kRoot, trusted);
  EXPECT_EQ(RefusalOf(payload.status()), Refusal::kSignature);
}

TEST(EnvelopeTest, AKeySignsOnlyWhatItMay) {
  TrustedKeys trusted = Trust({1, 2}, 1);
  trusted.keys[0].allows = {PayloadType::kRoot};
  EXPECT_EQ(RefusalOfEnvelope(SignedBy({1}), trusted), Refusal::kSignature);
  EXPECT_EQ(RefusalOfEnvelope(SignedBy({2}), trusted), std::nullopt);
  trusted.keys[1].allows = {};
  EXPECT_EQ(RefusalOfEnvelope(SignedBy({2}), trusted), Refusal::kScope);
}

TEST(EnvelopeTest, SwappedPayloadsAreRefused) {
  Envelope first = SignedBy({1}, "first");
  Envelope second = SignedBy({1}, "second");
  first.mutable_payload()->swap(*second.mutable_payload());
  EXPECT_EQ(RefusalOfEnvelope(first, Trust({1}, 1)), Refusal::kSignature);
  EXPECT_EQ(RefusalOfEnvelope(second, Trust({1}, 1)), Refusal::kSignature);
}

TEST(EnvelopeTest, LengthsAndCountsAreExact) {
  const TrustedKeys trusted = Trust({1}, 1);
  Envelope envelope = SignedBy({1});
  envelope.clear_signatures();
  EXPECT_EQ(RefusalOfEnvelope(envelope, trusted), Refusal::kForm);
  envelope = SignedBy({2, 3, 4, 5, 6, 7, 8, 1});
  EXPECT_EQ(RefusalOfEnvelope(envelope, trusted), std::nullopt);
  *envelope.add_signatures() = envelope.signatures(0);
  EXPECT_EQ(RefusalOfEnvelope(envelope, trusted), Refusal::kForm);

  envelope = SignedBy({1});
  const std::string good = envelope.signatures(0).signature();
  for (const std::string& bad :
       {std::string(), good.substr(0, 63), good + "x", good + good}) {
    envelope.mutable_signatures(0)->set_signature(bad);
    EXPECT_EQ(RefusalOfEnvelope(envelope, trusted), Refusal::kForm);
  }
  envelope = SignedBy({1});
  envelope.mutable_signatures(0)->mutable_key_id()->push_back('x');
  EXPECT_EQ(RefusalOfEnvelope(envelope, trusted), Refusal::kForm);
}

TEST(EnvelopeTest, APayloadHasALimit) {
  const TrustedKeys trusted = Trust({1}, 1);
  const std::string largest(kMaxDocumentBytes, 'x');
  EXPECT_EQ(RefusalOfEnvelope(SignedBy({1}, largest), trusted), std::nullopt);
  Envelope envelope = SignedBy({1});
  envelope.set_payload(largest + "x");
  EXPECT_EQ(RefusalOfEnvelope(envelope, trusted), Refusal::kSize);
  const PrivateKey key = SeededKey(1);
  EXPECT_FALSE(SignEnvelope(PayloadType::kLicense, largest + "x", {&key}).ok());
  EXPECT_FALSE(SignEnvelope(PayloadType::kLicense, "x", {}).ok());
}

TEST(ParseEnvelopeTest, TakesOneWholeEnvelopeAndNothingElse) {
  const std::string good = SignedBy({1}).SerializeAsString();
  EXPECT_TRUE(ParseEnvelope(good).ok());
  for (const std::string& bad :
       {good.substr(0, good.size() - 1), good + std::string(1, '\0'),
        good + "\x04", std::string("\x0c", 1), good + "\x78\x01",
        std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")}) {
    EXPECT_EQ(RefusalOf(ParseEnvelope(bad).status()), Refusal::kForm);
  }
  EXPECT_EQ(
      RefusalOf(
          ParseEnvelope(std::string(kMaxDocumentBytes + 1, 'x')).status()),
      Refusal::kSize);
}

}  // namespace
}  // namespace quorate::trust
