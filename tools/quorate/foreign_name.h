// Called by another tool's name, through a link, the program is that tool.

#ifndef QUORATE_TOOLS_QUORATE_FOREIGN_NAME_H_
#define QUORATE_TOOLS_QUORATE_FOREIGN_NAME_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quorate::cli {

// The words of the command line (without the program's name) as they would be
// behind "quorate": "lmstat -a" is "quorate lmstat -a", and so is "lmutil
// lmstat -a". The words as they are for any other name. INVALID_ARGUMENT where
// a tool of tools is asked for one that is not here.
absl::StatusOr<std::vector<std::string>> WordsUnderName(
    absl::string_view program, std::vector<std::string> words);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_FOREIGN_NAME_H_
