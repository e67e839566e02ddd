// Keys sign and verify as RFC 8032 says, and nothing else passes for a key or
// a signature. The RFC's vectors, and for every kind of bad key and signature
// one example, of which some are forgeries that OpenSSL alone would believe.

#include "trust/keys.h"

#include <cstdint>
#include <openssl/evp.h>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"

#include "tests/trust/demo_vendor.h"

namespace quorate::trust {
namespace {

std::string Hex(absl::string_view digits) {
  return absl::HexStringToBytes(digits);
}

std::string SpkiOf(absl::string_view raw) {
  return absl::StrCat(Hex("302a300506032b6570032100"), raw);
}

// PKCS #8 PEM around `prefix` and a secret.
std::string PemOf(absl::string_view prefix, absl::string_view secret) {
  return absl::StrCat("-----BEGIN PRIVATE KEY-----\n",
                      absl::Base64Escape(absl::StrCat(Hex(prefix), secret)),
                      "\n-----END PRIVATE KEY-----\n");
}

constexpr char kEd25519Prefix[] = "302e020100300506032b657004220420";
constexpr char kX25519Prefix[] = "302e020100300506032b656e04220420";

struct Rfc8032Vector {
  const char* name;
  const char* secret;
  const char* public_key;
  const char* message;
  const char* signature;
};

void PrintTo(const Rfc8032Vector& vector, std::ostream* out) {
  *out << vector.name;
}

class Rfc8032Test : public testing::TestWithParam<Rfc8032Vector> {};

TEST_P(Rfc8032Test, SignsAndVerifies) {
  const auto key =
      PrivateKey::FromPem(PemOf(kEd25519Prefix, Hex(GetParam().secret)));
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->Public().spki(), SpkiOf(Hex(GetParam().public_key)));
  const std::string message = Hex(GetParam().message);
  const auto signature = key->Sign(message);
  ASSERT_TRUE(signature.ok()) << signature.status();
  EXPECT_EQ(absl::BytesToHexString(*signature), GetParam().signature);
  EXPECT_TRUE(key->Public().Verify(message, *signature));
  EXPECT_FALSE(key->Public().Verify(message + "x", *signature));
}

// RFC 8032, section 7.1.
INSTANTIATE_TEST_SUITE_P(
    Section71, Rfc8032Test,
    testing::Values(
        Rfc8032Vector{
            "test_1",
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100"
            "b"},
        Rfc8032Vector{
            "test_2",
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c0"
            "0"},
        Rfc8032Vector{
            "test_3",
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40"
            "a"},
        Rfc8032Vector{
            "test_sha_abc",
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49"
            "f",
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
            "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a70"
            "4"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(PublicKeyTest, TakesOnlyTheOneDerForm) {
  const std::string good = SeededKey(1).Public().spki();
  ASSERT_TRUE(PublicKey::FromSpki(good).ok());
  EXPECT_FALSE(PublicKey::FromSpki("").ok());
  EXPECT_FALSE(PublicKey::FromSpki(good.substr(0, 43)).ok());
  EXPECT_FALSE(PublicKey::FromSpki(good + std::string(1, '\0')).ok());
  EXPECT_FALSE(PublicKey::FromSpki(good.substr(12)).ok()) << "raw";
  for (size_t at = 0; at < 12; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = good;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      EXPECT_FALSE(PublicKey::FromSpki(flipped).ok()) << at << "." << bit;
    }
  }
  EXPECT_FALSE(
      PublicKey::FromSpki(Hex("302a300506032b656e032100") + good.substr(12))
          .ok())
      << "X25519";
}

TEST(PublicKeyTest, TheKeyIdIsTheBeginningOfTheHash) {
  const PublicKey key = SeededKey(1).Public();
  EXPECT_EQ(key.KeyId(), Sha256(key.spki()).substr(0, 16));
}

// What OpenSSL says to a raw key, without our checks.
bool OpenSslVerifies(absl::string_view raw, absl::string_view message,
                     absl::string_view signature) {
  const auto bytes = [](absl::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  };
  EVP_PKEY* key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                              bytes(raw), raw.size());
  EVP_MD_CTX* digest = EVP_MD_CTX_new();
  const bool good =
      key != nullptr && digest != nullptr &&
      EVP_DigestVerifyInit(digest, nullptr, nullptr, nullptr, key) == 1 &&
      EVP_DigestVerify(digest, bytes(signature), signature.size(),
                       bytes(message), message.size()) == 1;
  EVP_MD_CTX_free(digest);
  EVP_PKEY_free(key);
  return good;
}

// Under a key of small order, the signature with R = identity and S = 0 is
// true for every message whose hash is a multiple of the order: one in eight
// at worst. OpenSSL believes it, so we may not believe such a key.
TEST(PublicKeyTest, RefusesEveryPointOfSmallOrder) {
  const std::string signature = absl::StrCat(Hex("01"), std::string(63, '\0'));
  for (const char* y :
       {"0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"}) {
    for (const bool negative : {false, true}) {
      std::string raw = Hex(y);
      if (negative) raw[31] = static_cast<char>(raw[31] | 0x80);
      int forged = 0;
      for (int i = 0; i < 400 && forged == 0; ++i) {
        forged += OpenSslVerifies(raw, absl::StrCat("message ", i), signature);
      }
      EXPECT_EQ(forged, 1) << y << ": the forgery should show the danger";
      EXPECT_FALSE(PublicKey::FromSpki(SpkiOf(raw)).ok()) << y;
    }
  }
}

TEST(PublicKeyTest, RefusesEveryCoordinateThatIsNotReduced) {
  // 2^255 - 19 + i, for all i that fit.
  for (int i = 0; i < 19; ++i) {
    std::string raw(32, '\xff');
    raw[0] = static_cast<char>(0xed + i);
    EXPECT_FALSE(PublicKey::FromSpki(SpkiOf(raw)).ok()) << i;
    raw[31] = '\x7f';
    EXPECT_FALSE(PublicKey::FromSpki(SpkiOf(raw)).ok()) << i;
  }
  // The largest that is reduced and not of small order.
  std::string raw(32, '\xff');
  raw[0] = '\xeb';
  raw[31] = '\x7f';
  EXPECT_TRUE(PublicKey::FromSpki(SpkiOf(raw)).ok());
}

TEST(PublicKeyTest, APointThatIsNotOnTheCurveVerifiesNothing) {
  // y = 2 has no x: (y^2 - 1) / (d y^2 + 1) is no square.
  const auto key = PublicKey::FromSpki(SpkiOf(Hex("02") + std::string(31, 0)));
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_FALSE(key->Verify("message", std::string(64, '\0')));
  EXPECT_FALSE(key->Verify("message", Hex("01") + std::string(63, '\0')));
}

TEST(PublicKeyTest, RefusesSignaturesOfAnotherLength) {
  const PrivateKey key = SeededKey(1);
  const std::string good = key.Sign("message").value();
  ASSERT_TRUE(key.Public().Verify("message", good));
  EXPECT_FALSE(key.Public().Verify("message", ""));
  EXPECT_FALSE(key.Public().Verify("message", good.substr(0, 63)));
  EXPECT_FALSE(key.Public().Verify("message", good + std::string(1, '\0')));
  EXPECT_FALSE(key.Public().Verify("message", good + good));
}

TEST(PublicKeyTest, RefusesEveryFlippedBitOfASignature) {
  const PrivateKey key = SeededKey(1);
  const std::string good = key.Sign("message").value();
  for (size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = good;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      EXPECT_FALSE(key.Public().Verify("message", flipped));
    }
  }
}

// RFC 8032, section 8.4: S + L would be a second signature of one message.
TEST(PublicKeyTest, RefusesAnSThatIsNotReduced) {
  const PrivateKey key = SeededKey(1);
  const std::string good = key.Sign("message").value();
  EXPECT_FALSE(key.Public().Verify("message", WithUnreducedS(good)));
}

TEST(PrivateKeyTest, GeneratedKeysDifferAndComeBackFromTheirPem) {
  const auto first = PrivateKey::Generate();
  const auto second = PrivateKey::Generate();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(first->Public().spki(), second->Public().spki());
  const auto read = PrivateKey::FromPem(first->ToPem());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->Public().spki(), first->Public().spki());
  EXPECT_TRUE(first->Public().Verify("m", read->Sign("m").value()));
}

TEST(PrivateKeyTest, ReadsNothingButOneUnencryptedKey) {
  const std::string good = SeededKey(1).ToPem();
  ASSERT_TRUE(PrivateKey::FromPem(good).ok());
  const std::string secret(32, 's');
  for (const std::string& pem :
       {std::string(), std::string("secret"), good + "x", good + "\n",
        " " + good, "text\n" + good, good + good,
        good.substr(0, good.size() / 2),
        absl::StrReplaceAll(good, {{"PRIVATE KEY", "PUBLIC KEY"}}),
        absl::StrReplaceAll(good, {{"PRIVATE KEY", "ENCRYPTED PRIVATE KEY"}}),
        absl::StrReplaceAll(good, {{"BEGIN PRIVATE KEY-----\n",
                                    "BEGIN PRIVATE KEY-----\n"
                                    "Proc-Type: 4,ENCRYPTED\n"
                                    "DEK-Info: AES-128-CBC,00\n\n"}}),
        PemOf(kX25519Prefix, secret), PemOf(kEd25519Prefix, secret + "s"),
        PemOf(kEd25519Prefix, secret.substr(1)), std::string(2000, 'A')}) {
    const auto key = PrivateKey::FromPem(pem);
    EXPECT_EQ(key.status().code(), absl::StatusCode::kInvalidArgument) << pem;
  }
}

TEST(PrivateKeyTest, ASecretIsGoneWhenItIsWiped) {
  std::string secret(1000, 's');
  const char* const place = secret.data();
  WipeSecret(&secret);
  EXPECT_TRUE(secret.empty());
  // The string keeps its memory, so what stood there can be looked at.
  ASSERT_EQ(secret.data(), place);
  EXPECT_EQ(std::string(place + 1, 998), std::string(998, '\0'));
}

// FIPS 180-4, the one-block example.
TEST(Sha256Test, IsSha256) {
  EXPECT_EQ(absl::BytesToHexString(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace quorate::trust
