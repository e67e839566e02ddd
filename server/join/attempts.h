// Asking members in turn until one gives an answer.

#ifndef QUORATE_SERVER_JOIN_ATTEMPTS_H_
#define QUORATE_SERVER_JOIN_ATTEMPTS_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "base/clock.h"

namespace quorate::server {

// Between two rounds: members let one machine a second in.
inline constexpr absl::Duration kAttemptPause = absl::Milliseconds(1200);

// Runs `round` until it gives something else than UNAVAILABLE, or until
// `timeout` has passed; then the last answer stands. Blocks.
absl::Status RepeatWhileUnavailable(const Clock& clock, absl::Duration timeout,
                                    const std::function<absl::Status()>& round);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_JOIN_ATTEMPTS_H_
