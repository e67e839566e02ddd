// Who runs this process, and where.

#ifndef QUORATE_CLIENT_PROCESS_IDENTITY_H_
#define QUORATE_CLIENT_PROCESS_IDENTITY_H_

#include <cstdint>
#include <string>

namespace quorate {

// The login name of the effective user; its number where it has none.
// Thread-safe.
std::string LoginName();

// The machine's name, "localhost" where the kernel has none. Thread-safe.
std::string HostName();

int64_t ProcessId();

}  // namespace quorate

#endif  // QUORATE_CLIENT_PROCESS_IDENTITY_H_
