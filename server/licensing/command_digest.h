// A short stand-in for what a command asks, to tell a repeat of a request from
// another request under the same id.

#ifndef QUORATE_SERVER_LICENSING_COMMAND_DIGEST_H_
#define QUORATE_SERVER_LICENSING_COMMAND_DIGEST_H_

#include <array>
#include <cstdint>

#include "quorate/internal/v1/command.pb.h"

namespace quorate::licensing {

using CommandDigest = std::array<uint8_t, 16>;

// XXH3-128 over an encoding of the body's fields that is ours and fixed for
// ever: the body's field number, then each field in the order of its number;
// integers as 8 bytes, big-endian; strings after their size; lists after their
// length. Never over protobuf's bytes, which may differ from build to build.
// Not cryptographic: one who makes two requests collide cheats only himself,
// as ids are kept apart by principal. Request id, principal and not_after are
// not part of it, nor is where a session came from: they may differ from
// attempt to attempt, or are the key.
CommandDigest DigestCommand(const internal::v1::Command& command);

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_COMMAND_DIGEST_H_
