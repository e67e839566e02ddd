// The lines of an options file, as words.

#ifndef QUORATE_SERVER_POLICY_FORMATS_OPTION_LINES_H_
#define QUORATE_SERVER_POLICY_FORMATS_OPTION_LINES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace quorate::policy {

struct OptionLine {
  uint32_t number = 0;  // Of its first line, from 1.
  std::vector<std::string> words;
  size_t bytes = 0;  // With its continuations, without comments.
};

// Lines that say something: '#' begins a comment, '\' at the end of a line goes
// on in the next one, quotes keep blanks in a word. At most `most` lines.
std::vector<OptionLine> SplitOptionLines(absl::string_view text, size_t most);

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_FORMATS_OPTION_LINES_H_
