// What licence models remember beside seats.

#ifndef QUORATE_SERVER_LICENSING_MODEL_BOOKS_H_
#define QUORATE_SERVER_LICENSING_MODEL_BOOKS_H_

#include "server/licensing/credits.h"
#include "server/licensing/named_users.h"

namespace quorate::licensing {

// Thread-compatible.
struct ModelBooks {
  CreditBook credits;
  NamedUsers names;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_MODEL_BOOKS_H_
