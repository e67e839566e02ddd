#include "server/join/certificate_authority.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "openssl/ec.h"

#include "base/check.h"
#include "base/random.h"
#include "base/status.h"
#include "server/openssl_pointers.h"
#include "trust/keys.h"

namespace quorate::server {
namespace {

// Clocks of machines that join may be a little behind.
constexpr absl::Duration kBackdating = absl::Minutes(5);

// X.509 names end there (RFC 5280, appendix A.1, ub-common-name).
constexpr size_t kMaxCommonNameBytes = 64;

CertificateRequestPointer ParseRequest(absl::string_view request) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(request.data());
  const unsigned char* const end = bytes + request.size();
  CertificateRequestPointer parsed(
      d2i_X509_REQ(nullptr, &bytes, static_cast<long>(request.size())));
  ERR_clear_error();
  if (parsed != nullptr && bytes != end) parsed.reset();
  return parsed;
}

bool IsP256(EVP_PKEY* key) {
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return false;
  char group[64] = "";
  size_t size = 0;
  return EVP_PKEY_get_group_name(key, group, sizeof(group), &size) == 1 &&
         absl::string_view(group, size) == SN_X9_62_prime256v1;
}

bool AddName(int type, const std::string& value, GENERAL_NAMES* names) {
  // By type and bytes, never as text to be parsed: a host with a comma in it
  // would be two names.
  GENERAL_NAME* name = GENERAL_NAME_new();
  bool set = false;
  if (type == GEN_IPADD) {
    ASN1_OCTET_STRING* address = a2i_IPADDRESS(value.c_str());
    set = address != nullptr;
    if (set) GENERAL_NAME_set0_value(name, type, address);
  } else {
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    set = ASN1_STRING_set(text, value.data(), static_cast<int>(value.size()));
    GENERAL_NAME_set0_value(name, type, text);
  }
  if (!set || sk_GENERAL_NAME_push(names, name) == 0) {
    GENERAL_NAME_free(name);
    return false;
  }
  return true;
}

bool IsAddress(const std::string& host) {
  ASN1_OCTET_STRING* address = a2i_IPADDRESS(host.c_str());
  ERR_clear_error();
  ASN1_OCTET_STRING_free(address);
  return address != nullptr;
}

absl::Status AddNames(const CertificateSubject& subject, X509* certificate) {
  const NamesPointer names(GENERAL_NAMES_new());
  for (const std::string& uri : subject.uris) {
    if (!AddName(GEN_URI, uri, names.get())) {
      return absl::InvalidArgumentError(absl::StrCat(uri, " is no name"));
    }
  }
  for (const std::string& host : subject.hosts) {
    const int type = IsAddress(host) ? GEN_IPADD : GEN_DNS;
    if (!AddName(type, host, names.get())) {
      return absl::InvalidArgumentError(absl::StrCat(host, " is no name"));
    }
  }
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0,
                        X509V3_ADD_DEFAULT) != 1) {
    return absl::InternalError(TakeOpensslError());
  }
  return absl::OkStatus();
}

bool AddExtension(int nid, const char* value, X509* issuer, X509* certificate) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionPointer extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension != nullptr &&
         X509_add_ext(certificate, extension.get(), -1) == 1;
}

// Random, positive, at most 20 octets (RFC 5280, §4.1.2.2).
bool SetSerial(X509* certificate) {
  std::string bytes = SystemRandomBytes(16);
  bytes.front() = static_cast<char>((bytes.front() & 0x7f) | 0x40);
  BIGNUM* number =
      BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                static_cast<int>(bytes.size()), nullptr);
  const bool set =
      BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  return set;
}

bool SetCommonName(const std::string& common_name, X509* certificate) {
  return X509_NAME_add_entry_by_NID(
             X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8,
             reinterpret_cast<const unsigned char*>(common_name.data()),
             static_cast<int>(
                 std::min(common_name.size(), kMaxCommonNameBytes)),
             -1, 0) == 1;
}

// Not longer than the authority's own.
bool SetLife(absl::Time now, X509* issuer, X509* certificate) {
  if (ASN1_TIME_set(X509_getm_notBefore(certificate),
                    absl::ToTimeT(now - kBackdating)) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate),
                    absl::ToTimeT(now + kCertificateLife)) == nullptr) {
    return false;
  }
  const ASN1_TIME* limit = X509_get0_notAfter(issuer);
  if (ASN1_TIME_compare(X509_get0_notAfter(certificate), limit) <= 0) {
    return true;
  }
  return X509_set1_notAfter(certificate, limit) == 1;
}

}  // namespace

struct CertificateAuthority::Secret {
  CertificatePointer certificate;
  KeyPointer key;
};

CertificateAuthority::CertificateAuthority(std::unique_ptr<Secret> secret,
                                           std::string pin)
    : secret_(std::move(secret)), pin_(std::move(pin)) {}

CertificateAuthority::~CertificateAuthority() = default;

absl::StatusOr<std::unique_ptr<CertificateAuthority>>
CertificateAuthority::Create(absl::string_view ca_pem,
                             absl::string_view key_pem) {
  auto secret =
      std::make_unique<Secret>(Secret{.certificate = ParseCertificate(ca_pem),
                                      .key = ParsePrivateKey(key_pem)});
  if (secret->certificate == nullptr) {
    return absl::InvalidArgumentError("holds no certificate in PEM");
  }
  if (secret->key == nullptr) {
    return absl::InvalidArgumentError(
        "holds no private key in PEM without a passphrase");
  }
  const bool pair =
      X509_check_private_key(secret->certificate.get(), secret->key.get()) == 1;
  ERR_clear_error();
  if (!pair) {
    return absl::InvalidArgumentError(
        "does not belong to the first certificate of the authority's file");
  }
  std::string pin = PinOf(secret->certificate.get());
  return std::unique_ptr<CertificateAuthority>(
      new CertificateAuthority(std::move(secret), std::move(pin)));
}

absl::StatusOr<std::string> CertificateAuthority::Issue(
    absl::string_view request, const CertificateSubject& subject,
    absl::Time now) const {
  QUORATE_RETURN_IF_ERROR(CheckRequest(request));
  const CertificateRequestPointer parsed = ParseRequest(request);
  X509* const issuer = secret_->certificate.get();
  const CertificatePointer certificate(X509_new());
  X509* const made = certificate.get();
  const bool begun =
      X509_set_version(made, X509_VERSION_3) == 1 && SetSerial(made) &&
      X509_set_issuer_name(made, X509_get_subject_name(issuer)) == 1 &&
      SetCommonName(subject.common_name, made) && SetLife(now, issuer, made) &&
      X509_set_pubkey(made, X509_REQ_get0_pubkey(parsed.get())) == 1 &&
      AddExtension(NID_basic_constraints, "critical,CA:FALSE", issuer, made) &&
      AddExtension(NID_key_usage, "critical,digitalSignature", issuer, made) &&
      AddExtension(NID_ext_key_usage,
                   subject.client ? "serverAuth,clientAuth" : "serverAuth",
                   issuer, made) &&
      AddExtension(NID_subject_key_identifier, "hash", issuer, made) &&
      AddExtension(NID_authority_key_identifier, "issuer,keyid", issuer, made);
  if (!begun) return absl::InternalError(TakeOpensslError());
  QUORATE_RETURN_IF_ERROR(AddNames(subject, made));
  // Ed25519 hashes by itself.
  const EVP_MD* digest =
      EVP_PKEY_get_base_id(secret_->key.get()) == EVP_PKEY_ED25519
          ? nullptr
          : EVP_sha256();
  if (X509_sign(made, secret_->key.get(), digest) <= 0) {
    return absl::InternalError(TakeOpensslError());
  }
  return ToPem(made);
}

absl::Status CheckRequest(absl::string_view request) {
  if (request.size() > kMaxRequestBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a certificate request has at most ", kMaxRequestBytes, " bytes"));
  }
  const CertificateRequestPointer parsed = ParseRequest(request);
  if (parsed == nullptr) {
    return absl::InvalidArgumentError("no certificate request in DER");
  }
  EVP_PKEY* const key = X509_REQ_get0_pubkey(parsed.get());
  const bool curve = IsP256(key);
  // Who asks has the key, and does not ask for somebody else's.
  const bool its_own = curve && X509_REQ_verify(parsed.get(), key) == 1;
  ERR_clear_error();
  if (!curve) {
    return absl::InvalidArgumentError(
        "the key of a certificate request must be on P-256");
  }
  if (!its_own) {
    return absl::InvalidArgumentError(
        "the certificate request is not signed by its own key");
  }
  return absl::OkStatus();
}

std::string KeyHashOf(absl::string_view request) {
  const CertificateRequestPointer parsed = ParseRequest(request);
  QUORATE_CHECK(parsed != nullptr);
  unsigned char* der = nullptr;
  const int size =
      i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(parsed.get()), &der);
  QUORATE_CHECK(size > 0);
  std::string hash = trust::Sha256(absl::string_view(
      reinterpret_cast<const char*>(der), static_cast<size_t>(size)));
  OPENSSL_free(der);
  return hash;
}

std::string NewPrivateKeyPem() {
  const KeyPointer key(EVP_EC_gen("P-256"));
  QUORATE_CHECK(key != nullptr);
  return ToPem(key.get());
}

absl::StatusOr<std::string> NewRequest(absl::string_view private_key_pem) {
  const KeyPointer key = ParsePrivateKey(private_key_pem);
  if (key == nullptr) {
    return absl::InvalidArgumentError("holds no private key in PEM");
  }
  const CertificateRequestPointer request(X509_REQ_new());
  unsigned char* der = nullptr;
  int size = -1;
  if (X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
      X509_REQ_set_pubkey(request.get(), key.get()) == 1 &&
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0) {
    size = i2d_X509_REQ(request.get(), &der);
  }
  if (size <= 0) return absl::InternalError(TakeOpensslError());
  std::string result(reinterpret_cast<const char*>(der),
                     static_cast<size_t>(size));
  OPENSSL_free(der);
  return result;
}

}  // namespace quorate::server
