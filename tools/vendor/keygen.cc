#include "tools/vendor/keygen.h"

#include <algorithm>
#include <cstdint>
#include <unistd.h>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "quorate/document/v1/document.pb.h"

#include "base/status.h"
#include "tools/vendor/files.h"
#include "tools/vendor/key_folder.h"
#include "trust/issuer.h"
#include "trust/keys.h"
#include "trust/payload_type.h"

namespace quorate::vendor {
namespace {

using document::v1::KeyCertificate;
using document::v1::Root;
using trust::PrivateKey;

// Roots are rotated rarely and by ceremony; product keys more often, for they
// are in daily use. A licence outlives both (trust/README.md).
constexpr int64_t kDayMs = int64_t{24} * 60 * 60 * 1000;
constexpr int64_t kRootLifeMs = 5 * 365 * kDayMs;
constexpr int64_t kProductKeyLifeMs = 2 * 365 * kDayMs;

struct PlannedFile {
  std::string path;
  std::string bytes;
  Readers readers;
};

Root MakeRoot(const KeygenOptions& options,
              const std::vector<PrivateKey>& root_keys, int64_t now_ms) {
  Root root;
  root.set_version(1);
  root.set_vendor_id(options.vendor);
  root.set_issued_ms(now_ms);
  root.set_not_after_ms(now_ms + kRootLifeMs);
  for (const PrivateKey& key : root_keys) {
    *root.add_keys() = trust::DescribeKey(key.Public());
  }
  root.set_threshold(kRootThreshold);
  return root;
}

KeyCertificate MakeCertificate(const KeygenOptions& options,
                               const PrivateKey& product_key, int64_t now_ms) {
  KeyCertificate certificate;
  certificate.set_vendor_id(options.vendor);
  *certificate.mutable_key() = trust::DescribeKey(product_key.Public());
  certificate.add_payload_types(
      std::string(ToString(trust::PayloadType::kLicense)));
  certificate.add_product_ids(options.product);
  certificate.set_issued_ms(now_ms);
  certificate.set_not_before_ms(now_ms);
  certificate.set_not_after_ms(now_ms + kProductKeyLifeMs);
  return certificate;
}

absl::Status RefuseExisting(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (Exists(path)) {
      return absl::AlreadyExistsError(
          absl::StrCat(path,
                       " exists, and keys are never overwritten; give another "
                       "--dir, or move the files that are there away"));
    }
  }
  return absl::OkStatus();
}

absl::Status CreateAll(const std::vector<PlannedFile>& files) {
  std::vector<std::string> created;
  absl::Cleanup remove_created = [&created] {
    for (const std::string& path : created)
      unlink(path.c_str());
  };
  for (const PlannedFile& file : files) {
    QUORATE_RETURN_IF_ERROR(
        CreateDocument(file.path, file.bytes, file.readers));
    created.push_back(file.path);
  }
  std::move(remove_created).Cancel();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Description> Keygen(const KeygenOptions& options,
                                   const Clock& clock) {
  const std::string& folder = options.folder;
  std::vector<std::string> paths = {RootPath(folder), ProductKeyPath(folder),
                                    ProductCertificatePath(folder)};
  for (int i = 1; i <= kRootKeys; ++i)
    paths.push_back(RootKeyPath(folder, i));
  QUORATE_RETURN_IF_ERROR(RefuseExisting(paths));

  std::vector<PrivateKey> root_keys;
  for (int i = 0; i < kRootKeys; ++i) {
    QUORATE_ASSIGN_OR_RETURN(PrivateKey key, PrivateKey::Generate());
    root_keys.push_back(std::move(key));
  }
  QUORATE_ASSIGN_OR_RETURN(const PrivateKey product_key,
                           PrivateKey::Generate());
  std::vector<const PrivateKey*> signers;
  for (const PrivateKey& key : root_keys)
    signers.push_back(&key);

  const int64_t now_ms = absl::ToUnixMillis(clock.Calendar());
  const Root root = MakeRoot(options, root_keys, now_ms);
  const KeyCertificate certificate =
      MakeCertificate(options, product_key, now_ms);
  QUORATE_ASSIGN_OR_RETURN(const std::string root_file,
                           trust::IssueRoot(root, signers));
  QUORATE_ASSIGN_OR_RETURN(const std::string certificate_file,
                           trust::IssueKeyCertificate(certificate, signers));

  std::vector<PlannedFile> files;
  const absl::Cleanup wipe = [&files] {
    for (PlannedFile& file : files)
      trust::WipeSecret(&file.bytes);
  };
  for (int i = 1; i <= kRootKeys; ++i) {
    files.push_back({.path = RootKeyPath(folder, i),
                     .bytes = root_keys[static_cast<size_t>(i - 1)].ToPem(),
                     .readers = Readers::kOwner});
  }
  files.push_back({.path = ProductKeyPath(folder),
                   .bytes = product_key.ToPem(),
                   .readers = Readers::kOwner});
  files.push_back({.path = ProductCertificatePath(folder),
                   .bytes = certificate_file,
                   .readers = Readers::kAll});
  files.push_back(
      {.path = RootPath(folder), .bytes = root_file, .readers = Readers::kAll});
  QUORATE_RETURN_IF_ERROR(EnsureFolder(folder));
  QUORATE_RETURN_IF_ERROR(CreateAll(files));

  Description written = Description::array();
  for (const PlannedFile& file : files)
    written.push_back(file.path);
  return Description{{"root", Describe(root)},
                     {"keyCertificate", Describe(certificate)},
                     {"files", std::move(written)}};
}

}  // namespace quorate::vendor
