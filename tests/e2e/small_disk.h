// A disk so small that a test can fill it.

#ifndef QUORATE_TESTS_E2E_SMALL_DISK_H_
#define QUORATE_TESTS_E2E_SMALL_DISK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace quorate::e2e {

// Gives this process, and all that it starts from now on, mounts of their own
// that end with the last of them; for who is not root, as root of a user
// namespace of its own. To be called before there is a second thread.
absl::Status EnterMountNamespace();

// A file system in memory, mounted on a folder until the end of its life. After
// EnterMountNamespace. Thread-compatible.
class SmallDisk {
 public:
  // Makes the folder.
  static absl::StatusOr<std::unique_ptr<SmallDisk>> Mount(
      const std::string& folder, uint64_t bytes);

  ~SmallDisk();

  uint64_t FreeBytes() const;

  // Takes room with a file of its own until `leave` bytes are free; never gives
  // any back.
  void FillUpTo(uint64_t leave);

  // Gives everything back.
  void Empty();

 private:
  explicit SmallDisk(std::string folder) : folder_(std::move(folder)) {}

  const std::string folder_;
};

}  // namespace quorate::e2e

#endif  // QUORATE_TESTS_E2E_SMALL_DISK_H_
