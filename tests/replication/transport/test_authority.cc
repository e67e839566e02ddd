#include "tests/replication/transport/test_authority.h"

#include "absl/strings/str_cat.h"
#include "openssl/bio.h"
#include "openssl/ec.h"
#include "openssl/pem.h"
#include "openssl/x509v3.h"

#include "base/check.h"
#include "replication/transport/peer_identity.h"

namespace quorate::replication {
namespace {

constexpr long kValidSeconds = 3600;

std::string Text(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  std::string text(bytes, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

std::string Pem(X509* cert) {
  BIO* bio = BIO_new(BIO_s_mem());
  QUORATE_CHECK(PEM_write_bio_X509(bio, cert) == 1);
  return Text(bio);
}

std::string Pem(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  QUORATE_CHECK(PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0,
                                              nullptr, nullptr) == 1);
  return Text(bio);
}

void AddExtension(X509* cert, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, cert, cert, nullptr, nullptr, 0);
  X509_EXTENSION* extension =
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  QUORATE_CHECK(extension != nullptr);
  QUORATE_CHECK(X509_add_ext(cert, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

}  // namespace

TestAuthority::TestAuthority(absl::string_view name)
    : key_(NewKey()), cert_(NewCert(name, key_.get())) {
  AddExtension(cert_.get(), NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(cert_.get(), NID_key_usage, "critical,keyCertSign");
  X509_set_issuer_name(cert_.get(), X509_get_subject_name(cert_.get()));
  QUORATE_CHECK(X509_sign(cert_.get(), key_.get(), EVP_sha256()) > 0);
  ca_pem_ = Pem(cert_.get());
  ca_key_pem_ = Pem(key_.get());
}

TestAuthority::Key TestAuthority::NewKey() {
  Key key(EVP_EC_gen("P-256"));
  QUORATE_CHECK(key != nullptr);
  return key;
}

TestAuthority::Cert TestAuthority::NewCert(absl::string_view name,
                                           EVP_PKEY* key) {
  Cert cert(X509_new());
  X509_set_version(cert.get(), 2);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert.get()), ++serial_);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -kValidSeconds);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), kValidSeconds);
  X509_set_pubkey(cert.get(), key);
  X509_NAME_add_entry_by_txt(
      X509_get_subject_name(cert.get()), "CN", MBSTRING_ASC,
      reinterpret_cast<const unsigned char*>(name.data()),
      static_cast<int>(name.size()), -1, 0);
  return cert;
}

TestAuthority::Certificate TestAuthority::Issue(const std::string& names) {
  const Key key = NewKey();
  const Cert cert = NewCert("member", key.get());
  X509_set_issuer_name(cert.get(), X509_get_subject_name(cert_.get()));
  AddExtension(cert.get(), NID_basic_constraints, "critical,CA:FALSE");
  AddExtension(cert.get(), NID_ext_key_usage, "serverAuth,clientAuth");
  if (!names.empty()) AddExtension(cert.get(), NID_subject_alt_name, names);
  QUORATE_CHECK(X509_sign(cert.get(), key_.get(), EVP_sha256()) > 0);
  return {.cert_pem = Pem(cert.get()), .key_pem = Pem(key.get())};
}

PeerTlsOptions TestAuthority::Member(absl::string_view cluster_id,
                                     absl::string_view name) {
  Certificate certificate =
      Issue(absl::StrCat("URI:", MemberUri(cluster_id, name),
                         ",DNS:", MemberHostName(cluster_id, name)));
  return PeerTlsOptions{.ca_pem = ca_pem_,
                        .cert_pem = std::move(certificate.cert_pem),
                        .key_pem = std::move(certificate.key_pem),
                        .cluster_id = std::string(cluster_id)};
}

}  // namespace quorate::replication
