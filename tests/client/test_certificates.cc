#include "tests/client/test_certificates.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

#include "base/check.h"

namespace quorate {
namespace {

constexpr char kNewKey[] =
    "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";

void RunIn(const std::string& folder, const std::string& command) {
  const std::string line =
      absl::StrCat("cd '", folder, "' && ", command, " >log 2>&1");
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before any other thread.
  QUORATE_CHECK(std::system(line.c_str()) == 0);
}

void MakeCa(const std::string& folder, const std::string& name) {
  RunIn(folder, absl::StrCat("openssl req -x509 ", kNewKey, " -subj /CN=", name,
                             " -keyout ", name, ".key -out ", name, ".pem"));
}

void MakeLeaf(const std::string& folder, const std::string& name,
              const std::string& alternative_names) {
  RunIn(folder,
        absl::StrCat("echo subjectAltName=", alternative_names, " >", name,
                     ".ext && openssl req ", kNewKey, " -subj /CN=", name,
                     " -keyout ", name, ".key -out ", name, ".csr"));
  RunIn(folder, absl::StrCat("openssl x509 -req -days 2 -in ", name,
                             ".csr -CA ca.pem -CAkey ca.key -CAcreateserial "
                             "-extfile ",
                             name, ".ext -out ", name, ".pem"));
}

}  // namespace

TestCertificates::TestCertificates() {
  std::string pattern =
      (std::filesystem::temp_directory_path() / "quorate-tls-XXXXXX").string();
  QUORATE_CHECK(mkdtemp(pattern.data()) != nullptr);
  folder_ = pattern;
  MakeCa(folder_, "ca");
  MakeCa(folder_, "other-ca");
  MakeLeaf(folder_, "server", "IP:127.0.0.1,DNS:localhost");
  MakeLeaf(folder_, "client", "URI:quorate://0/client/test");
}

TestCertificates::~TestCertificates() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string TestCertificates::Path(const std::string& name) const {
  return absl::StrCat(folder_, "/", name);
}

std::string TestCertificates::Read(const std::string& name) const {
  std::ifstream file(Path(name));
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace quorate
