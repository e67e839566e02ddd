#include "trust/keys.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "absl/strings/match.h"

#include "base/check.h"

namespace quorate::trust {
namespace {

// SubjectPublicKeyInfo of Ed25519 in DER (RFC 8410, section 4): this prefix,
// then the 32 bytes of the key. There is no other DER form.
constexpr std::array<unsigned char, 12> kSpkiPrefix = {
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
constexpr size_t kRawKeySize = 32;
constexpr size_t kSpkiSize = kSpkiPrefix.size() + kRawKeySize;

// A PEM of one Ed25519 key has 119 bytes; more than this is another file.
constexpr size_t kMaxPrivatePemBytes = 1024;

constexpr absl::string_view kPrivatePemBegin = "-----BEGIN PRIVATE KEY-----\n";

using FieldElement = std::array<unsigned char, kRawKeySize>;

// Little-endian, as in RFC 8032, section 5.1.2: p = 2^255 - 19.
constexpr FieldElement kFieldPrime = {
    0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f};

// The y coordinates of the eight points whose order divides eight: 0 (order
// 4), 1 (order 1), p - 1 (order 2), and two of order 8. The sign of x makes
// two points of each, so it is left out of the comparison. Computed from the
// curve's equation; tests/trust/keys_test.cc has a forgery for each.
constexpr std::array<FieldElement, 5> kSmallOrderY = {{
    {},
    {0x01},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
}};

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

struct FreeDigest {
  void operator()(EVP_MD_CTX* digest) const { EVP_MD_CTX_free(digest); }
};

struct FreeGenerator {
  void operator()(EVP_PKEY_CTX* generator) const {
    EVP_PKEY_CTX_free(generator);
  }
};

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};

struct FreePkcs8 {
  void operator()(PKCS8_PRIV_KEY_INFO* key) const {
    PKCS8_PRIV_KEY_INFO_free(key);
  }
};

using KeyPointer = std::unique_ptr<EVP_PKEY, FreeKey>;
using DigestPointer = std::unique_ptr<EVP_MD_CTX, FreeDigest>;
using GeneratorPointer = std::unique_ptr<EVP_PKEY_CTX, FreeGenerator>;
using BioPointer = std::unique_ptr<BIO, FreeBio>;
using Pkcs8Pointer = std::unique_ptr<PKCS8_PRIV_KEY_INFO, FreePkcs8>;

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// OpenSSL's queue of errors belongs to the thread, and TLS on the same thread
// reads it: what we refused must not look like its failure.
class ErrorQueueGuard {
 public:
  ErrorQueueGuard() = default;
  ErrorQueueGuard(const ErrorQueueGuard&) = delete;
  ErrorQueueGuard& operator=(const ErrorQueueGuard&) = delete;

  ~ErrorQueueGuard() { ERR_clear_error(); }
};

bool IsReducedAndOfLargeOrder(absl::string_view raw) {
  FieldElement y = {};
  std::copy_n(Bytes(raw), kRawKeySize, y.begin());
  y.back() &= 0x7f;  // The sign of x.
  const bool reduced = std::lexicographical_compare(
      y.rbegin(), y.rend(), kFieldPrime.rbegin(), kFieldPrime.rend());
  const bool small_order = std::find(kSmallOrderY.begin(), kSmallOrderY.end(),
                                     y) != kSmallOrderY.end();
  return reduced && !small_order;
}

std::string SpkiOf(const EVP_PKEY* key) {
  std::string spki(kSpkiPrefix.begin(), kSpkiPrefix.end());
  std::array<unsigned char, kRawKeySize> raw = {};
  size_t size = raw.size();
  QUORATE_CHECK(EVP_PKEY_get_raw_public_key(key, raw.data(), &size) == 1);
  QUORATE_CHECK(size == raw.size());
  spki.append(raw.begin(), raw.end());
  return spki;
}

absl::Status NotAPrivateKey() {
  return absl::InvalidArgumentError(
      "this is not one unencrypted Ed25519 private key in PKCS #8 PEM");
}

// The DER inside the PEM; the caller wipes it.
absl::StatusOr<std::string> PemBody(absl::string_view pem) {
  const BioPointer bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  QUORATE_CHECK(bio != nullptr);
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* der = nullptr;
  long der_size = 0;  // NOLINT(google-runtime-int): OpenSSL's type.
  const bool read =
      PEM_read_bio(bio.get(), &name, &header, &der, &der_size) == 1;
  std::string body;
  bool whole = false;
  if (read) {
    body.assign(reinterpret_cast<const char*>(der),
                static_cast<size_t>(der_size));
    whole = absl::string_view(name) == PEM_STRING_PKCS8INF &&
            absl::string_view(header).empty() && BIO_pending(bio.get()) == 0;
    OPENSSL_clear_free(der, static_cast<size_t>(der_size));
    OPENSSL_free(name);
    OPENSSL_free(header);
  }
  if (!whole) {
    WipeSecret(&body);
    return NotAPrivateKey();
  }
  return body;
}

}  // namespace

struct PrivateKey::Secret {
  KeyPointer key;  // OpenSSL wipes the private half when it frees it.
};

absl::StatusOr<PublicKey> PublicKey::FromSpki(absl::string_view der) {
  const absl::string_view prefix(
      reinterpret_cast<const char*>(kSpkiPrefix.data()), kSpkiPrefix.size());
  if (der.size() != kSpkiSize || !absl::StartsWith(der, prefix)) {
    return absl::InvalidArgumentError(
        "the key is not an Ed25519 SubjectPublicKeyInfo of 44 bytes");
  }
  if (!IsReducedAndOfLargeOrder(der.substr(kSpkiPrefix.size()))) {
    return absl::InvalidArgumentError(
        "the key is an Ed25519 point that is not reduced or of small order");
  }
  return PublicKey(std::string(der));
}

std::string PublicKey::KeyId() const {
  return Sha256(spki_).substr(0, kKeyIdSize);
}

bool PublicKey::Verify(absl::string_view message,
                       absl::string_view signature) const {
  if (signature.size() != kSignatureSize) return false;
  const ErrorQueueGuard guard;
  const absl::string_view raw =
      absl::string_view(spki_).substr(kSpkiPrefix.size());
  const KeyPointer key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                                   Bytes(raw), raw.size()));
  if (key == nullptr) return false;
  const DigestPointer digest(EVP_MD_CTX_new());
  if (digest == nullptr) return false;
  // One shot, no digest: pure Ed25519 signs the message itself.
  if (EVP_DigestVerifyInit(digest.get(), nullptr, nullptr, nullptr,
                           key.get()) != 1) {
    return false;
  }
  return EVP_DigestVerify(digest.get(), Bytes(signature), signature.size(),
                          Bytes(message), message.size()) == 1;
}

PrivateKey::PrivateKey(std::unique_ptr<Secret> secret)
    : secret_(std::move(secret)) {}

PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;

absl::StatusOr<PrivateKey> PrivateKey::Generate() {
  const ErrorQueueGuard guard;
  const GeneratorPointer generator(
      EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nullptr));
  EVP_PKEY* key = nullptr;
  if (generator == nullptr || EVP_PKEY_keygen_init(generator.get()) != 1 ||
      EVP_PKEY_keygen(generator.get(), &key) != 1) {
    return absl::InternalError("OpenSSL could not make an Ed25519 key");
  }
  auto secret = std::make_unique<Secret>();
  secret->key.reset(key);
  return PrivateKey(std::move(secret));
}

absl::StatusOr<PrivateKey> PrivateKey::FromPem(absl::string_view pem) {
  const ErrorQueueGuard guard;
  // Asked before OpenSSL sees it, because it would skip text before the first
  // line and ask at the terminal for the password of an encrypted key.
  if (pem.size() > kMaxPrivatePemBytes ||
      !absl::StartsWith(pem, kPrivatePemBegin)) {
    return NotAPrivateKey();
  }
  auto body = PemBody(pem);
  if (!body.ok()) return body.status();
  const unsigned char* cursor = Bytes(*body);
  const unsigned char* const end = cursor + body->size();
  const Pkcs8Pointer info(d2i_PKCS8_PRIV_KEY_INFO(
      nullptr, &cursor, static_cast<long>(body->size())));  // NOLINT
  auto secret = std::make_unique<Secret>();
  if (info != nullptr && cursor == end) {
    secret->key.reset(EVP_PKCS82PKEY(info.get()));
  }
  WipeSecret(&*body);
  if (secret->key == nullptr ||
      EVP_PKEY_get_base_id(secret->key.get()) != EVP_PKEY_ED25519) {
    return NotAPrivateKey();
  }
  return PrivateKey(std::move(secret));
}

std::string PrivateKey::ToPem() const {
  const BioPointer bio(BIO_new(BIO_s_secmem()));
  QUORATE_CHECK(bio != nullptr);
  QUORATE_CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), secret_->key.get(),
                                              nullptr, nullptr, 0, nullptr,
                                              nullptr) == 1);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &text);
  QUORATE_CHECK(size > 0);
  return std::string(text, static_cast<size_t>(size));
}

PublicKey PrivateKey::Public() const {
  return PublicKey::FromSpki(SpkiOf(secret_->key.get())).value();
}

absl::StatusOr<std::string> PrivateKey::Sign(absl::string_view message) const {
  const ErrorQueueGuard guard;
  const DigestPointer digest(EVP_MD_CTX_new());
  std::string signature(kSignatureSize, '\0');
  size_t size = signature.size();
  if (digest == nullptr ||
      EVP_DigestSignInit(digest.get(), nullptr, nullptr, nullptr,
                         secret_->key.get()) != 1 ||
      EVP_DigestSign(digest.get(),
                     reinterpret_cast<unsigned char*>(signature.data()), &size,
                     Bytes(message), message.size()) != 1 ||
      size != signature.size()) {
    return absl::InternalError("OpenSSL could not sign");
  }
  return signature;
}

std::string Sha256(absl::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest = {};
  unsigned int size = 0;
  QUORATE_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size,
                           EVP_sha256(), nullptr) == 1);
  return std::string(digest.begin(), digest.begin() + size);
}

void WipeSecret(std::string* secret) {
  OPENSSL_cleanse(secret->data(), secret->size());
  secret->clear();
}

}  // namespace quorate::trust
