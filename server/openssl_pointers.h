// OpenSSL's objects, owned. For .cc files only.

#ifndef QUORATE_SERVER_OPENSSL_POINTERS_H_
#define QUORATE_SERVER_OPENSSL_POINTERS_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "openssl/bio.h"
#include "openssl/err.h"
#include "openssl/evp.h"
#include "openssl/pem.h"
#include "openssl/x509.h"
#include "openssl/x509v3.h"

namespace quorate::server {

template <auto Free>
struct OpensslFree {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};

using BioPointer = std::unique_ptr<BIO, OpensslFree<BIO_free_all>>;
using CertificatePointer = std::unique_ptr<X509, OpensslFree<X509_free>>;
using CertificateRequestPointer =
    std::unique_ptr<X509_REQ, OpensslFree<X509_REQ_free>>;
using ExtensionPointer =
    std::unique_ptr<X509_EXTENSION, OpensslFree<X509_EXTENSION_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;
using NamesPointer =
    std::unique_ptr<GENERAL_NAMES, OpensslFree<GENERAL_NAMES_free>>;
using StorePointer = std::unique_ptr<X509_STORE, OpensslFree<X509_STORE_free>>;
using StoreCheckPointer =
    std::unique_ptr<X509_STORE_CTX, OpensslFree<X509_STORE_CTX_free>>;

// The first certificate, or the private key without a passphrase, in `pem`;
// null where there is none. Leave no error behind.
CertificatePointer ParseCertificate(absl::string_view pem);
KeyPointer ParsePrivateKey(absl::string_view pem);

std::string ToPem(X509* certificate);
std::string ToPem(EVP_PKEY* private_key);

// What OpenSSL noted last, in its words; the rest is forgotten.
std::string TakeOpensslError();

// SHA-256 of the certificate's SubjectPublicKeyInfo in DER: what a pin is
// (RFC 7469, §2.4, has the same). 32 bytes; empty where it has no key.
std::string PinOf(X509* certificate);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_OPENSSL_POINTERS_H_
