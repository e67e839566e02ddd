// The folder that a file stands in: a name is durable when its folder is.

#ifndef QUORATE_BASE_FOLDER_H_
#define QUORATE_BASE_FOLDER_H_

#include <string>

#include "absl/status/status.h"

namespace quorate {

// The folder that `path` stands in, by its text: "." where it names none.
std::string ParentOf(const std::string& path);

// Makes the names in a folder durable: files that were created, renamed or
// removed there. Waits for the disk. UNAVAILABLE with the folder where that
// fails.
absl::Status SyncFolder(const std::string& folder);

}  // namespace quorate

#endif  // QUORATE_BASE_FOLDER_H_
