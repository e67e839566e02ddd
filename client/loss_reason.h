// How a session can be lost.

#ifndef QUORATE_CLIENT_LOSS_REASON_H_
#define QUORATE_CLIENT_LOSS_REASON_H_

#include "absl/strings/string_view.h"

namespace quorate {

enum class LossReason {
  // The cluster says that there is no such session (any more): its lease had
  // ended.
  kGone,
  // No renewal was acknowledged for a whole TTL, so that the seats must not be
  // believed in any longer. The cluster may still hold them for a while.
  kTimedOut,
  // An administrator has ended it; Session::termination_reason() says why. Its
  // seats are given back when on_lost has returned.
  kTerminated,
};

// A sentence for people, without a full stop.
absl::string_view Describe(LossReason reason);

}  // namespace quorate

#endif  // QUORATE_CLIENT_LOSS_REASON_H_
