#include "client/process_identity.h"

#include <array>
#include <pwd.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace quorate {

std::string LoginName() {
  // Entries of directory services can be long; this is what glibc suggests at
  // most.
  std::array<char, 16384> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  const uid_t user = geteuid();
  if (getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) == 0 &&
      found != nullptr && *found->pw_name != '\0') {
    return found->pw_name;
  }
  return absl::StrCat(user);
}

std::string HostName() {
  std::array<char, 256> buffer{};
  // One byte stays zero where the name is cut.
  if (gethostname(buffer.data(), buffer.size() - 1) != 0 || buffer[0] == '\0') {
    return "localhost";
  }
  return buffer.data();
}

int64_t ProcessId() {
  return getpid();
}

}  // namespace quorate
