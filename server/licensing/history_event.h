// What an entry leaves for the history: values, taken before they are gone.

#ifndef QUORATE_SERVER_LICENSING_HISTORY_EVENT_H_
#define QUORATE_SERVER_LICENSING_HISTORY_EVENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "quorate/type/v1/error_reason.pb.h"

namespace quorate::licensing {

// Whom something is about, as the application said it.
struct HistorySubject {
  std::string user;
  std::string host;
  std::string project;
  std::string application;

  friend bool operator==(const HistorySubject&,
                         const HistorySubject&) = default;
};

// A seat came back, or got another count: then it is the time with the old one.
struct SeatUse {
  std::string feature;
  uint64_t handle = 0;
  uint32_t count = 0;
  int64_t begun_ms = 0;   // Calendar; never after the entry's.
  int64_t waited_ms = 0;  // In the queue, before it was granted.
  HistorySubject subject;

  friend bool operator==(const SeatUse&, const SeatUse&) = default;
};

// A checkout, a booking, a borrow or a seat's growth was refused for what there
// is of the feature, or waited in vain.
struct Denial {
  std::string feature;
  type::v1::ErrorReason reason = type::v1::ERROR_REASON_UNSPECIFIED;
  std::string rule;  // Of the policy; empty where it was not that.
  uint64_t count = 0;
  HistorySubject subject;

  friend bool operator==(const Denial&, const Denial&) = default;
};

// What is out of all pools of a feature changed.
struct LoadChange {
  std::string feature;
  uint64_t before = 0;
  uint64_t out = 0;
  uint64_t total = 0;  // Of what is counted, in force.

  friend bool operator==(const LoadChange&, const LoadChange&) = default;
};

// Of one entry. Thread-compatible.
struct HistoryEvents {
  std::vector<SeatUse> uses;
  std::vector<Denial> denials;
  std::vector<LoadChange> loads;

  bool empty() const {
    return uses.empty() && denials.empty() && loads.empty();
  }

  void Clear() {
    uses.clear();
    denials.clear();
    loads.clear();
  }
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_HISTORY_EVENT_H_
