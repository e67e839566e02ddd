// A certificate says what the cluster decided, and takes from a request nothing
// but its key. Requests are made with OpenSSL, good ones and hostile ones.

#include "server/join/certificate_authority.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "openssl/ec.h"
#include "openssl/rsa.h"

#include "base/check.h"
#include "base/clock.h"
#include "server/certificate_check.h"
#include "server/openssl_pointers.h"
#include "tests/replication/transport/test_authority.h"

namespace quorate::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Der(X509_REQ* request) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_REQ(request, &bytes);
  QUORATE_CHECK(size > 0);
  std::string der(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

// A request for `key`, with these alternative names and CA:TRUE in it, signed
// by `signer`.
std::string Request(EVP_PKEY* key, EVP_PKEY* signer, const char* names = "") {
  const CertificateRequestPointer request(X509_REQ_new());
  X509_REQ_set_version(request.get(), X509_REQ_VERSION_1);
  X509_REQ_set_pubkey(request.get(), key);
  if (*names != '\0') {
    STACK_OF(X509_EXTENSION)* wishes = sk_X509_EXTENSION_new_null();
    sk_X509_EXTENSION_push(
        wishes,
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names));
    sk_X509_EXTENSION_push(
        wishes, X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints,
                                    "CA:TRUE"));
    QUORATE_CHECK(X509_REQ_add_extensions(request.get(), wishes) == 1);
    sk_X509_EXTENSION_pop_free(wishes, X509_EXTENSION_free);
  }
  QUORATE_CHECK(X509_REQ_sign(request.get(), signer, EVP_sha256()) > 0);
  return Der(request.get());
}

std::vector<std::string> NamesIn(X509* certificate) {
  const NamesPointer names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> found;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    const ASN1_STRING* text =
        name->type == GEN_IPADD ? name->d.iPAddress : name->d.ia5;
    std::string value(
        reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
        static_cast<size_t>(ASN1_STRING_length(text)));
    if (name->type == GEN_IPADD) value = absl::StrCat(value.size(), " octets");
    found.push_back(value);
  }
  return found;
}

class CertificateAuthorityTest : public testing::Test {
 protected:
  CertificateAuthorityTest()
      : authority_(*CertificateAuthority::Create(root_.ca_pem(),
                                                 root_.ca_key_pem())) {}

  static CertificateSubject Subject() {
    return {.common_name = "m4",
            .uris = {"quorate://c/member/m4"},
            .hosts = {"m4.example", "10.0.0.4", "::1"},
            .client = true};
  }

  std::string Refusal(absl::string_view request) {
    const auto issued =
        authority_->Issue(request, Subject(), SystemClock().Calendar());
    EXPECT_EQ(issued.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(issued.status().message());
  }

  replication::TestAuthority root_{"root"};
  std::unique_ptr<CertificateAuthority> authority_;
};

TEST_F(CertificateAuthorityTest, IssuesWhatItWasTold) {
  const std::string key = NewPrivateKeyPem();
  const auto issued =
      authority_->Issue(*NewRequest(key), Subject(), SystemClock().Calendar());
  ASSERT_TRUE(issued.ok()) << issued.status();
  EXPECT_TRUE(CheckCertificate(*issued, key, "quorate://c/member/m4").ok());
  const CertificatePointer certificate = ParseCertificate(*issued);
  EXPECT_THAT(NamesIn(certificate.get()),
              ElementsAre("quorate://c/member/m4", "m4.example", "4 octets",
                          "16 octets"));
  EXPECT_EQ(X509_check_ca(certificate.get()), 0);
  const StorePointer store(X509_STORE_new());
  const CertificatePointer root = ParseCertificate(root_.ca_pem());
  X509_STORE_add_cert(store.get(), root.get());
  for (const int purpose : {X509_PURPOSE_SSL_SERVER, X509_PURPOSE_SSL_CLIENT}) {
    const StoreCheckPointer check(X509_STORE_CTX_new());
    X509_STORE_CTX_init(check.get(), store.get(), certificate.get(), nullptr);
    X509_STORE_CTX_set_purpose(check.get(), purpose);
    EXPECT_EQ(X509_verify_cert(check.get()), 1) << purpose;
  }
}

TEST_F(CertificateAuthorityTest, NeverOutlivesTheAuthority) {
  const auto issued = authority_->Issue(*NewRequest(NewPrivateKeyPem()),
                                        Subject(), SystemClock().Calendar());
  const CertificatePointer certificate = ParseCertificate(*issued);
  const CertificatePointer root = ParseCertificate(root_.ca_pem());
  // The root lasts an hour.
  EXPECT_EQ(ASN1_TIME_compare(X509_get0_notAfter(certificate.get()),
                              X509_get0_notAfter(root.get())),
            0);
}

TEST_F(CertificateAuthorityTest, TakesNoNameAndNoPowerFromARequest) {
  const KeyPointer key(EVP_EC_gen("P-256"));
  const std::string request = Request(
      key.get(), key.get(), "URI:quorate://c/member/m1,DNS:m1.c,IP:10.0.0.1");
  const auto issued =
      authority_->Issue(request, Subject(), SystemClock().Calendar());
  ASSERT_TRUE(issued.ok()) << issued.status();
  const CertificatePointer certificate = ParseCertificate(*issued);
  EXPECT_THAT(NamesIn(certificate.get()),
              ElementsAre("quorate://c/member/m4", "m4.example", "4 octets",
                          "16 octets"));
  EXPECT_EQ(X509_check_ca(certificate.get()), 0);
}

TEST_F(CertificateAuthorityTest, RefusesHostileRequests) {
  const KeyPointer good(EVP_EC_gen("P-256"));
  const KeyPointer other(EVP_EC_gen("P-256"));
  const KeyPointer curve(EVP_EC_gen("P-384"));
  const KeyPointer rsa(EVP_RSA_gen(2048));
  EXPECT_THAT(Refusal(""), HasSubstr("no certificate request"));
  EXPECT_THAT(Refusal("nonsense"), HasSubstr("no certificate request"));
  EXPECT_THAT(Refusal(std::string(17 * 1024, '0')), HasSubstr("at most"));
  EXPECT_THAT(Refusal(Request(rsa.get(), rsa.get())), HasSubstr("P-256"));
  EXPECT_THAT(Refusal(Request(curve.get(), curve.get())), HasSubstr("P-256"));
  EXPECT_THAT(Refusal(Request(good.get(), other.get())),
              HasSubstr("not signed by its own key"));
  const std::string request = Request(good.get(), good.get());
  EXPECT_THAT(Refusal(request + "x"), HasSubstr("no certificate request"));
  for (size_t cut = 0; cut < request.size(); cut += 7) {
    Refusal(request.substr(0, cut));
  }
  std::string flipped = request;
  flipped[flipped.size() / 2] = static_cast<char>(~flipped[flipped.size() / 2]);
  Refusal(flipped);
}

TEST_F(CertificateAuthorityTest, NeedsTheKeyOfItsCertificate) {
  replication::TestAuthority other("other");
  EXPECT_FALSE(
      CertificateAuthority::Create(root_.ca_pem(), other.ca_key_pem()).ok());
  EXPECT_FALSE(CertificateAuthority::Create("", root_.ca_key_pem()).ok());
  EXPECT_FALSE(CertificateAuthority::Create(root_.ca_pem(), "").ok());
}

TEST_F(CertificateAuthorityTest, PinAndKeyHashTellKeysApart) {
  replication::TestAuthority other("root");
  EXPECT_EQ(authority_->pin().size(), 32U);
  EXPECT_NE(authority_->pin(),
            (*CertificateAuthority::Create(other.ca_pem(), other.ca_key_pem()))
                ->pin());
  const std::string key = NewPrivateKeyPem();
  // ECDSA draws a number for each signature; the key is the same.
  EXPECT_NE(*NewRequest(key), *NewRequest(key));
  EXPECT_EQ(KeyHashOf(*NewRequest(key)), KeyHashOf(*NewRequest(key)));
  EXPECT_NE(KeyHashOf(*NewRequest(key)),
            KeyHashOf(*NewRequest(NewPrivateKeyPem())));
}

}  // namespace
}  // namespace quorate::server
