#include "tools/quorate/foreign_name.h"

#include <utility>

namespace quorate::cli {

std::vector<std::string> WordsUnderName(absl::string_view program,
                                        std::vector<std::string> words) {
  const size_t slash = program.rfind('/');
  if (slash != absl::string_view::npos) program.remove_prefix(slash + 1);
  // lmutil's first word names the tool, as ours does.
  if (program == "lmstat") words.insert(words.begin(), "lmstat");
  return words;
}

}  // namespace quorate::cli
