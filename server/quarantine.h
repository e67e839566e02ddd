// Puts a member's damaged data aside.

#ifndef QUORATE_SERVER_QUARANTINE_H_
#define QUORATE_SERVER_QUARANTINE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace quorate::server {

// For a look at what happened, and for no more of the disk than that.
inline constexpr size_t kMaxQuarantines = 2;

// Moves the databases and snapshots of `data_dir` into a folder
// `quarantine-<utc time>-<n>/` in it and returns that folder. Removes older
// such folders beyond kMaxQuarantines. The log is moved last: a call that was
// interrupted leaves a member that is still damaged, and is repeated.
//
// Nothing must be open in `data_dir`. What was moved must never be moved back:
// the member that comes after it votes under another id. NOT_FOUND where there
// is nothing to move; UNAVAILABLE where the disk fails.
absl::StatusOr<std::string> QuarantineMember(const std::string& data_dir,
                                             absl::Time now);

// How many such folders there are that were made after `since`, by their names.
int QuarantinesSince(const std::string& data_dir, absl::Time since);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_QUARANTINE_H_
