// What failed, as FlexNet's tools say it: a text with a number.

#ifndef QUORATE_TOOLS_FOREIGN_FLEXNET_ERROR_H_
#define QUORATE_TOOLS_FOREIGN_FLEXNET_ERROR_H_

#include <string>

#include "absl/status/status.h"

namespace quorate::foreign {

// A text that ends with its numbers in brackets, and the first of them.
struct FlexError {
  int code = 0;  // Below 0; 0 where FlexNet has no number for it.
  std::string text;

  // What FlexNet's tools end with: the code in the eight bits that a shell
  // sees, so 241 for -15. 1 where there is no code.
  int ExitCode() const;
};

// Nobody was reached, or nobody could serve.
FlexError FlexErrorOf(const absl::Status& status);

// The servers are up and fewer than two agree.
FlexError FlexNoQuorum();

// No licence has the feature.
FlexError FlexNoSuchFeature();

// What -c names is not there.
FlexError FlexNoLicenseFile();

}  // namespace quorate::foreign

#endif  // QUORATE_TOOLS_FOREIGN_FLEXNET_ERROR_H_
