// The vendor's side: from fields and keys to the text of a file.
//
// Each function refuses what the verifier would refuse for its meaning. None
// reads a clock or a disk.

#ifndef QUORATE_TRUST_ISSUER_H_
#define QUORATE_TRUST_ISSUER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "quorate/document/v1/document.pb.h"

#include "trust/keys.h"

namespace quorate::trust {

// The record of a key, as documents name it.
document::v1::PublicKey DescribeKey(const PublicKey& key);

// A root file. `signers` are enough of the root's own keys; for a version
// after the first, enough of the version before it as well.
absl::StatusOr<std::string> IssueRoot(
    const document::v1::Root& root,
    absl::Span<const PrivateKey* const> signers);

// A key certificate file, by enough of the root's keys.
absl::StatusOr<std::string> IssueKeyCertificate(
    const document::v1::KeyCertificate& certificate,
    absl::Span<const PrivateKey* const> signers);

// A licence file. The files are as IssueKeyCertificate and IssueRoot wrote
// them; the roots are those after the one that the customer has pinned.
struct LicenseIssue {
  const document::v1::License& license;
  const PrivateKey& product_key;
  absl::string_view key_certificate_file;
  std::vector<absl::string_view> root_files;
};

absl::StatusOr<std::string> IssueLicense(const LicenseIssue& issue);

}  // namespace quorate::trust

#endif  // QUORATE_TRUST_ISSUER_H_
