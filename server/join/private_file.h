// Files of a member that nobody else reads.

#ifndef QUORATE_SERVER_JOIN_PRIVATE_FILE_H_
#define QUORATE_SERVER_JOIN_PRIVATE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quorate::server {

// Writes `path` as a whole or not at all, also over a crash, with mode 0600.
// UNAVAILABLE with the path where the disk or a permission fails.
absl::Status WritePrivateFile(const std::string& path, absl::string_view bytes);

// NOT_FOUND where there is none; at most 1 MiB.
absl::StatusOr<std::string> ReadPrivateFile(const std::string& path);

// A directory with mode 0700, and those above it as they come.
absl::Status MakePrivateDirectory(const std::string& path);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_JOIN_PRIVATE_FILE_H_
