// Reading and writing the vendor's files.
//
// A key is never overwritten, a licence is replaced whole or not at all, and
// what was said to be written survives a power failure.

#ifndef QUORATE_TOOLS_VENDOR_FILES_H_
#define QUORATE_TOOLS_VENDOR_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quorate::vendor {

// Who may read a file that is made.
enum class Readers { kOwner, kAll };

// The bytes of a regular file of at most 1 MiB, as large as any document.
// NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION for another kind of file.
absl::StatusOr<std::string> ReadDocument(const std::string& path);

// Makes a file that must not exist yet; ALREADY_EXISTS where it does. After
// any other failure there is no file.
absl::Status CreateDocument(const std::string& path, absl::string_view bytes,
                            Readers readers);

// Puts the file in place of what is there, in one step.
absl::Status ReplaceDocument(const std::string& path, absl::string_view bytes);

// Makes a folder for the owner alone where none is there.
absl::Status EnsureFolder(const std::string& path);

bool Exists(const std::string& path);

// True where others than the owner may read the file.
bool OthersMayRead(const std::string& path);

}  // namespace quorate::vendor

#endif  // QUORATE_TOOLS_VENDOR_FILES_H_
