// quorate vendor inspect: what stands in a document, and whether it is true.

#ifndef QUORATE_TOOLS_VENDOR_INSPECT_H_
#define QUORATE_TOOLS_VENDOR_INSPECT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "tools/vendor/description.h"

namespace quorate::vendor {

struct InspectOptions {
  std::string file;
  std::string root;  // Path of the pinned root; empty: nothing is verified.
};

// All fields of a document, and the verdict: OK where it was verified, or
// where nobody asked; else why it does not verify. A document is described
// whether or not it verifies.
struct Inspection {
  Description description;
  absl::Status verdict;
};

// DATA_LOSS where the file is no whole document of ours at all.
absl::StatusOr<Inspection> Inspect(const InspectOptions& options);

}  // namespace quorate::vendor

#endif  // QUORATE_TOOLS_VENDOR_INSPECT_H_
