#include "server/certificate_check.h"

#include "absl/strings/str_cat.h"

#include "server/openssl_pointers.h"

namespace quorate::server {
namespace {

bool NamesUri(X509* certificate, absl::string_view uri) {
  const NamesPointer names(static_cast<GENERAL_NAMES*>(
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
  const CertificatePointer certificate = ParseCertificate(cert_pem);
  if (certificate == nullptr) {
    return absl::InvalidArgumentError("holds no certificate in PEM");
  }
  const KeyPointer key = ParsePrivateKey(key_pem);
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
