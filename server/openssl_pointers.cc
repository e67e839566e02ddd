#include "server/openssl_pointers.h"

#include "trust/keys.h"

namespace quorate::server {
namespace {

BioPointer ReadOnly(absl::string_view bytes) {
  return BioPointer(
      BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

std::string Text(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return size > 0 ? std::string(bytes, static_cast<size_t>(size)) : "";
}

// Never asks for a passphrase: a member starts without a person.
int NoPassphrase(char*, int, int, void*) {
  return 0;
}

}  // namespace

CertificatePointer ParseCertificate(absl::string_view pem) {
  const BioPointer bio = ReadOnly(pem);
  CertificatePointer certificate(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate;
}

KeyPointer ParsePrivateKey(absl::string_view pem) {
  const BioPointer bio = ReadOnly(pem);
  KeyPointer key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  return key;
}

std::string ToPem(X509* certificate) {
  const BioPointer bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(bio.get(), certificate) != 1) return "";
  return Text(bio.get());
}

std::string ToPem(EVP_PKEY* private_key) {
  const BioPointer bio(BIO_new(BIO_s_secmem()));
  if (PEM_write_bio_PKCS8PrivateKey(bio.get(), private_key, nullptr, nullptr, 0,
                                    nullptr, nullptr) != 1) {
    return "";
  }
  return Text(bio.get());
}

std::string TakeOpensslError() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  if (error == 0) return "no reason is known";
  char text[256];
  ERR_error_string_n(error, text, sizeof(text));
  return text;
}

std::string PinOf(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) {
    ERR_clear_error();
    return "";
  }
  std::string pin = trust::Sha256(absl::string_view(
      reinterpret_cast<const char*>(der), static_cast<size_t>(size)));
  OPENSSL_free(der);
  return pin;
}

}  // namespace quorate::server
