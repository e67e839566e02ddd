#include "server/member_files.h"

#include <fstream>
#include <sys/stat.h>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "replication/transport/peer_identity.h"
#include "server/certificate_check.h"
#include "server/join/certificate_authority.h"

namespace quorate::server {
namespace {

// Certificates and roots have a few KiB.
constexpr size_t kMaxFileBytes = 1024 * 1024;

constexpr size_t kMaxPasswordBytes = 1024;

absl::StatusOr<std::string> ReadSmallFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": cannot be read; check that it exists and who may read it"));
  }
  std::string bytes(kMaxFileBytes + 1, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(file.gcount()));
  if (bytes.empty() || bytes.size() > kMaxFileBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": must have 1 byte to 1 MiB"));
  }
  return bytes;
}

absl::Status AtFile(const std::string& path, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", status.message()));
}

absl::StatusOr<TlsContents> ReadTls(const TlsFiles& files,
                                    absl::string_view uri) {
  TlsContents contents;
  QUORATE_ASSIGN_OR_RETURN(contents.ca, ReadSmallFile(files.ca));
  QUORATE_ASSIGN_OR_RETURN(contents.cert, ReadSmallFile(files.cert));
  QUORATE_ASSIGN_OR_RETURN(contents.key, ReadSmallFile(files.key));
  QUORATE_RETURN_IF_ERROR(AtFile(files.ca, CheckAuthorities(contents.ca)));
  QUORATE_RETURN_IF_ERROR(
      AtFile(files.cert, CheckCertificate(contents.cert, contents.key, uri)));
  if (!files.ca_key.empty()) {
    QUORATE_ASSIGN_OR_RETURN(contents.ca_key, ReadSmallFile(files.ca_key));
    QUORATE_RETURN_IF_ERROR(AtFile(
        files.ca_key,
        CertificateAuthority::Create(contents.ca, contents.ca_key).status()));
  }
  return contents;
}

// The first line. A password that others may read is none.
absl::StatusOr<std::string> ReadPassword(const std::string& path) {
  struct stat found = {};
  if (::stat(path.c_str(), &found) == 0 &&
      (found.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": others than its owner may read or change it; chmod 600"));
  }
  QUORATE_ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(path));
  const std::string password = text.substr(0, text.find_first_of("\r\n"));
  if (password.empty() || password.size() > kMaxPasswordBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": its first line must be the password"));
  }
  return password;
}

absl::StatusOr<mail::MailAccess> ReadMailAccess(const MailConfig& config) {
  mail::MailAccess access = {.server = config.server,
                             .starttls = config.starttls,
                             .ca_file = config.ca,
                             .sender = config.sender,
                             .user = config.user,
                             .password = {},
                             .timeout = config.timeout};
  if (!config.password_file.empty()) {
    QUORATE_ASSIGN_OR_RETURN(access.password,
                             ReadPassword(config.password_file));
  }
  if (!config.ca.empty()) {
    QUORATE_ASSIGN_OR_RETURN(const std::string ca, ReadSmallFile(config.ca));
    QUORATE_RETURN_IF_ERROR(AtFile(config.ca, CheckAuthorities(ca)));
  }
  return access;
}

}  // namespace

absl::StatusOr<MemberFiles> ReadMemberFiles(const Config& config) {
  MemberFiles files;
  QUORATE_ASSIGN_OR_RETURN(files.client_tls, ReadTls(config.client_tls, ""));
  QUORATE_ASSIGN_OR_RETURN(
      files.peer_tls,
      ReadTls(config.peer_tls,
              replication::MemberUri(config.cluster_id, config.self.name)));
  QUORATE_ASSIGN_OR_RETURN(files.trust_root, ReadSmallFile(config.trust_root));
  absl::StatusOr<std::unique_ptr<trust::LicenseVerifier>> verifier =
      trust::LicenseVerifier::Create(files.trust_root);
  QUORATE_RETURN_IF_ERROR(AtFile(config.trust_root, verifier.status()));
  files.verifier = *std::move(verifier);
  if (config.mail.has_value()) {
    QUORATE_ASSIGN_OR_RETURN(files.mail, ReadMailAccess(*config.mail));
  }
  return files;
}

}  // namespace quorate::server
