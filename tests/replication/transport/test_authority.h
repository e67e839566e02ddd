// Throw-away certificates for tests of what members demand of each other.

#ifndef QUORATE_TESTS_REPLICATION_TRANSPORT_TEST_AUTHORITY_H_
#define QUORATE_TESTS_REPLICATION_TRANSPORT_TEST_AUTHORITY_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "openssl/evp.h"
#include "openssl/x509.h"

#include "replication/transport/grpc_transport.h"

namespace quorate::replication {

// A certificate authority with its own P-256 key, good for an hour.
// Thread-compatible.
class TestAuthority {
 public:
  explicit TestAuthority(absl::string_view name);

  struct Certificate {
    std::string cert_pem;
    std::string key_pem;
  };

  // `names` as in openssl's configuration: "URI:a,DNS:b".
  Certificate Issue(const std::string& names);

  // What the member `name` of `cluster_id` has on its disk.
  PeerTlsOptions Member(absl::string_view cluster_id, absl::string_view name);

  const std::string& ca_pem() const { return ca_pem_; }

  const std::string& ca_key_pem() const { return ca_key_pem_; }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }

    void operator()(X509* cert) const { X509_free(cert); }
  };

  using Key = std::unique_ptr<EVP_PKEY, Free>;
  using Cert = std::unique_ptr<X509, Free>;

  static Key NewKey();
  Cert NewCert(absl::string_view name, EVP_PKEY* key);

  uint64_t serial_ = 0;
  Key key_;
  Cert cert_;
  std::string ca_pem_;
  std::string ca_key_pem_;
};

}  // namespace quorate::replication

#endif  // QUORATE_TESTS_REPLICATION_TRANSPORT_TEST_AUTHORITY_H_
