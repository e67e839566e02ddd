// Checks of what a programmer must keep true.
//
// A failed check prints the place and ends the process; it is on in every
// build. Input from network, disk or a user never reaches a check: that is
// what absl::Status is for.

#ifndef QUORATE_BASE_CHECK_H_
#define QUORATE_BASE_CHECK_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace quorate {

// Prints "file:line: check failed: what (detail)" to stderr and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* what,
                              absl::string_view detail);

namespace check_internal {

inline void CheckOk(const char* file, int line, const char* what,
                    const absl::Status& status) {
  if (!status.ok()) CheckFailed(file, line, what, status.ToString());
}

}  // namespace check_internal
}  // namespace quorate

#define QUORATE_CHECK(condition)                        \
  (__builtin_expect(static_cast<bool>(condition), true) \
       ? static_cast<void>(0)                           \
       : ::quorate::CheckFailed(__FILE__, __LINE__, #condition, ""))

#define QUORATE_CHECK_OK(expression)                                  \
  ::quorate::check_internal::CheckOk(__FILE__, __LINE__, #expression, \
                                     (expression))

#endif  // QUORATE_BASE_CHECK_H_
