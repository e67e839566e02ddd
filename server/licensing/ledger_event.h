// What the ledger tells sessions' clients of an entry.

#ifndef QUORATE_SERVER_LICENSING_LEDGER_EVENT_H_
#define QUORATE_SERVER_LICENSING_LEDGER_EVENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "quorate/internal/v1/record.pb.h"

namespace quorate::licensing {

// Something that one session's client wants to know at once. Not replicated:
// every member sees it as it applies the entry.
struct LedgerEvent {
  enum class Kind {
    kQueueGranted,
    kTerminated,
    kSeatReleased,
    kSeatIdle,
    kSeatCalledBack,
    kSeatKept,  // It is not called back any more.
  };

  uint64_t session_id = 0;
  Kind kind = Kind::kQueueGranted;
  std::string request_id = {};  // Of the checkout that waited.
  std::vector<internal::v1::SeatRecord> seats = {};  // What it is about.
  std::string reason = {};  // Of an administrator's act; "idle", "called back".
  std::string by = {};      // Who it was, or the policy's rule.
  int64_t left_ms = 0;      // kSeatIdle, kSeatCalledBack: until it is taken.
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_LEDGER_EVENT_H_
