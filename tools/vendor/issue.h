// quorate vendor issue: a licence file for one cluster.

#ifndef QUORATE_TOOLS_VENDOR_ISSUE_H_
#define QUORATE_TOOLS_VENDOR_ISSUE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "base/clock.h"
#include "tools/vendor/description.h"

namespace quorate::vendor {

struct IssueOptions {
  std::string folder;
  std::string cluster_id;  // 32 lower-case hex digits.
  uint32_t cluster_epoch = 1;
  std::string customer;
  std::string license_id;
  uint64_t serial = 0;
  std::string product;                // Empty: the one of the certificate.
  std::vector<std::string> features;  // See feature_text.h.
  std::string start;                  // YYYY-MM-DD; empty: today.
  std::string end;                    // YYYY-MM-DD, inclusive; empty: no end.
  std::string out;
};

// Signs the licence, verifies the file from the folder's own root, and puts it
// in place of `out`, where only another licence may stand. INVALID_ARGUMENT
// for options without sense, FAILED_PRECONDITION for keys that cannot sign
// this; nothing is written then.
absl::StatusOr<Description> Issue(const IssueOptions& options,
                                  const Clock& clock);

}  // namespace quorate::vendor

#endif  // QUORATE_TOOLS_VENDOR_ISSUE_H_
