#include "server/certificate_check.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "openssl/bio.h"
#include "openssl/err.h"
#include "openssl/evp.h"
#include "openssl/pem.h"
#include "openssl/x509.h"
#include "openssl/x509v3.h"

namespace quorate::server {
namespace {

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};

using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

Bio ReadOnly(absl::string_view bytes) {
  return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

Certificate ParseCertificate(absl::string_view pem) {
  const Bio bio = ReadOnly(pem);
  Certificate certificate(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate;
}

// Never asks for a passphrase: a member starts without a person.
int NoPassphrase(char*, int, int, void*) {
  return 0;
}

Key ParseKey(absl::string_view pem) {
  const Bio bio = ReadOnly(pem);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  return key;
}

bool NamesUri(X509* certificate, absl::string_view uri) {
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* text = name->d.uniformResourceIdentifier;
    const absl::string_view found(
        reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
        static_cast<size_t>(ASN1_STRING_length(text)));
    if (found == uri) return true;
  }
  return false;
}

}  // namespace

absl::Status CheckAuthorities(absl::string_view pem) {
  if (ParseCertificate(pem) == nullptr) {
    return absl::InvalidArgumentError("holds no certificate in PEM");
  }
  return absl::OkStatus();
}

absl::Status CheckCertificate(absl::string_view cert_pem,
                              absl::string_view key_pem,
                              absl::string_view uri) {
  const Certificate certificate = ParseCertificate(cert_pem);
  if (certificate == nullptr) {
    return absl::InvalidArgumentError("holds no certificate in PEM");
  }
  const Key key = ParseKey(key_pem);
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        "its key file holds no private key in PEM without a passphrase");
  }
  const bool pair = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!pair) {
    return absl::InvalidArgumentError("and its key do not belong together");
  }
  if (X509_cmp_current_time(X509_get0_notAfter(certificate.get())) < 0) {
    return absl::InvalidArgumentError("has ended; issue a new certificate");
  }
  if (!uri.empty() && !NamesUri(certificate.get(), uri)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "is not this member's: it has no alternative name URI:", uri));
  }
  return absl::OkStatus();
}

}  // namespace quorate::server
