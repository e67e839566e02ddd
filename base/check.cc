#include "base/check.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace quorate {

void CheckFailed(const char* file, int line, const char* what,
                 absl::string_view detail) {
  std::fprintf(stderr, "%s:%d: check failed: %s%s%s\n", file, line, what,
               detail.empty() ? "" : ": ", std::string(detail).c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace quorate
