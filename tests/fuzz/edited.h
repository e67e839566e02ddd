// How a fuzzer gets deep without a corpus: good bytes, with edits of its own.

#ifndef QUORATE_TESTS_FUZZ_EDITED_H_
#define QUORATE_TESTS_FUZZ_EDITED_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace quorate {

// `good` after the edits that `input` is read as, three bytes each: where (two
// bytes, modulo the size), and what to put there. A last, incomplete one cuts
// the end off. Thread-safe.
inline std::string Edited(std::string good, absl::string_view input) {
  size_t at = 0;
  while (!good.empty() && input.size() >= 2) {
    at = (static_cast<uint8_t>(input[0]) * 256 +
          static_cast<uint8_t>(input[1])) %
         good.size();
    if (input.size() == 2) {
      good.resize(at);
      break;
    }
    good[at] = input[2];
    input.remove_prefix(3);
  }
  return good;
}

}  // namespace quorate

#endif  // QUORATE_TESTS_FUZZ_EDITED_H_
