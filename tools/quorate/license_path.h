// Where a licence is to be had, as other licence servers' tools are told.

#ifndef QUORATE_TOOLS_QUORATE_LICENSE_PATH_H_
#define QUORATE_TOOLS_QUORATE_LICENSE_PATH_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "tools/quorate/invocation.h"

namespace quorate::cli {

// Reads what stands behind -c into `invocation`, where it counts as flags do:
// "port@host", several with commas (or colons) between them; or a file with
// lines "[export ]QUORATE_ENDPOINTS=..." and so on, as in a cluster's
// environment. What the file does not say is left as it is. NOT_FOUND where
// there is no such file, INVALID_ARGUMENT where it says nothing.
absl::Status ReadLicensePath(const std::string& path, Invocation* invocation);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_LICENSE_PATH_H_
