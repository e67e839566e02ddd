#include "tools/quorate/rules_file.h"

#include <fstream>
#include <iostream>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/utf8.h"
#include "tools/quorate/rules_output.h"

namespace quorate::cli {
namespace {

// ImportPolicyRequest.document takes no more.
constexpr size_t kMaxFileBytes = size_t{1024} * 1024;

absl::StatusOr<std::string> ReadRules(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read ", path, ": no such file, or no permission"));
  }
  std::string bytes(kMaxFileBytes + 1, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(file.gcount()));
  if (bytes.size() > kMaxFileBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is over 1 MiB: not a file of rules"));
  }
  return bytes;
}

}  // namespace

admin::v1::PolicyFormat RulesFormat(const std::string& word) {
  if (word == "flexnet") return admin::v1::POLICY_FORMAT_FLEXNET;
  if (word == "dsls") return admin::v1::POLICY_FORMAT_DSLS;
  return admin::v1::POLICY_FORMAT_TOML;
}

absl::StatusOr<admin::v1::Policy> ImportRules(const std::string& file,
                                              const std::string& format,
                                              Cluster* cluster) {
  QUORATE_ASSIGN_OR_RETURN(const std::string text, ReadRules(file));
  admin::v1::ImportPolicyRequest request;
  request.set_document(text);
  request.set_format(RulesFormat(format));
  // For messages only.
  if (IsUtf8(file)) request.set_file_name(file.substr(0, 200));
  QUORATE_ASSIGN_OR_RETURN(const admin::v1::ImportPolicyResponse imported,
                           cluster->ImportPolicy(request));
  PrintRemarks(imported, file, std::cerr);
  if (!imported.has_policy()) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, " is not in order; nothing was changed"));
  }
  return imported.policy();
}

}  // namespace quorate::cli
