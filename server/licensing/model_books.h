// What licence models remember beside seats.

#ifndef QUORATE_SERVER_LICENSING_MODEL_BOOKS_H_
#define QUORATE_SERVER_LICENSING_MODEL_BOOKS_H_

#include "server/licensing/casual.h"
#include "server/licensing/credits.h"
#include "server/licensing/named_users.h"
#include "server/licensing/trials.h"

namespace quorate::licensing {

// Thread-compatible.
struct ModelBooks {
  CreditBook credits;
  NamedUsers names;
  TrialBook trials;
  CasualBook casual;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_MODEL_BOOKS_H_
