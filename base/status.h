// Macros that pass an absl::Status upwards, and the one way to add context.

#ifndef QUORATE_BASE_STATUS_H_
#define QUORATE_BASE_STATUS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quorate {

// Returns `status` with "context: " before its message; payloads and code are
// kept. An OK status comes back unchanged.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

}  // namespace quorate

#define QUORATE_STATUS_CONCAT_(a, b) a##b
#define QUORATE_STATUS_CONCAT(a, b) QUORATE_STATUS_CONCAT_(a, b)

#define QUORATE_RETURN_IF_ERROR(expression)          \
  do {                                               \
    absl::Status quorate_status = (expression);      \
    if (!quorate_status.ok()) return quorate_status; \
  } while (false)

// QUORATE_ASSIGN_OR_RETURN(auto file, OpenFile(path));
#define QUORATE_ASSIGN_OR_RETURN(target, expression) \
  QUORATE_ASSIGN_OR_RETURN_(                         \
      QUORATE_STATUS_CONCAT(quorate_status_or_, __LINE__), target, expression)

#define QUORATE_ASSIGN_OR_RETURN_(temporary, target, expression) \
  auto temporary = (expression);                                 \
  if (!temporary.ok()) return temporary.status();                \
  target = std::move(temporary).value()

#endif  // QUORATE_BASE_STATUS_H_
