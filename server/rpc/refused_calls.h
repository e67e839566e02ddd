// Calls that were refused to who made them, as lines of the log.

#ifndef QUORATE_SERVER_RPC_REFUSED_CALLS_H_
#define QUORATE_SERVER_RPC_REFUSED_CALLS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "base/mutex.h"

namespace quorate::server {

// A program that asks again and again must not fill the log: of one caller and
// one method a line comes at once, and then one a minute at most, which says
// how often. `times` of all lines add up to all refusals, but those since the
// last line. Thread-safe.
class RefusedCalls {
 public:
  static constexpr absl::Duration kSilence = absl::Minutes(1);

  // Callers and methods that are told apart in a minute; the others are
  // counted together. Some 30 KiB.
  static constexpr size_t kMaxKinds = 128;

  // `clock` is not owned.
  explicit RefusedCalls(const Clock* clock) : clock_(clock) {}

  RefusedCalls(const RefusedCalls&) = delete;
  RefusedCalls& operator=(const RefusedCalls&) = delete;

  // A client of the cluster may not make `call` ("SetAccount").
  void NoteMissing(absl::string_view principal, absl::string_view call,
                   absl::string_view permission, absl::string_view mode);

  // Who called has a certificate, but not that of a client of this cluster.
  void NoteStranger(absl::string_view peer, absl::string_view error);

 private:
  using Kind = std::pair<std::string, std::string>;

  struct Seen {
    absl::Duration said;  // SinceBoot.
    uint64_t unsaid = 0;  // Refusals since then.
  };

  void MakeRoom(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // How many refusals a line about `kind`, or about the others, to which it
  // turns where there is no room, has to tell of; 0: no line now.
  uint64_t Count(Kind* kind);

  const Clock* const clock_;
  Mutex mu_;
  std::map<Kind, Seen> seen_ ABSL_GUARDED_BY(mu_);
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_REFUSED_CALLS_H_
