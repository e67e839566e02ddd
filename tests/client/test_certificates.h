// A certificate authority for one test program, made by the openssl command.

#ifndef QUORATE_TESTS_CLIENT_TEST_CERTIFICATES_H_
#define QUORATE_TESTS_CLIENT_TEST_CERTIFICATES_H_

#include <string>

namespace quorate {

// PEM files in a folder of their own, which goes when this does: a CA, a
// server's certificate for 127.0.0.1 and localhost, a client's, and a second
// CA that signed none of them. Immutable after construction; fails the process
// where openssl does.
class TestCertificates {
 public:
  TestCertificates();
  ~TestCertificates();

  TestCertificates(const TestCertificates&) = delete;
  TestCertificates& operator=(const TestCertificates&) = delete;

  // The path of "ca.pem", "server.pem", "server.key", "client.pem",
  // "client.key" or "other-ca.pem".
  std::string Path(const std::string& name) const;

  // What stands in it.
  std::string Read(const std::string& name) const;

 private:
  std::string folder_;
};

}  // namespace quorate

#endif  // QUORATE_TESTS_CLIENT_TEST_CERTIFICATES_H_
