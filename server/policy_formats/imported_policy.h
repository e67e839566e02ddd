// What the readers of all formats give: a policy, and what each line came to.

#ifndef QUORATE_SERVER_POLICY_FORMATS_IMPORTED_POLICY_H_
#define QUORATE_SERVER_POLICY_FORMATS_IMPORTED_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "quorate/internal/v1/policy.pb.h"

#include "server/policy/policy_check.h"

namespace quorate::policy {

// A file of a policy of 256 KiB, with all that a format adds to it.
inline constexpr size_t kMaxPolicyFileBytes = 1024 * 1024;

enum class RemarkKind {
  kFault,    // Wrong: there is no policy.
  kIgnored,  // Has no effect.
  kEffect,
};

struct ImportRemark {
  uint32_t line = 0;  // 0: about the whole.
  RemarkKind kind = RemarkKind::kFault;
  std::string text;

  friend bool operator==(const ImportRemark&, const ImportRemark&) = default;
};

struct ImportedPolicy {
  // Nothing where a remark is a fault.
  std::optional<internal::v1::Policy> policy;
  std::vector<ImportRemark> remarks;
};

// Where the rules and the groups of a policy begin in its file, by their
// indexes.
struct PolicyLines {
  std::vector<uint32_t> rules;
  std::vector<uint32_t> groups;
};

// What CheckPolicy finds wrong, in the words of the file.
std::vector<ImportRemark> CheckImported(const internal::v1::Policy& policy,
                                        const PolicyLines& lines);

// The fault of a file that is too large; nothing where it is not.
std::optional<ImportRemark> CheckFileSize(absl::string_view text);

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_FORMATS_IMPORTED_POLICY_H_
