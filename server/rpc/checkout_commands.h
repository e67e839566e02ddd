// What applications ask for, as commands of the log say it.

#ifndef QUORATE_SERVER_RPC_CHECKOUT_COMMANDS_H_
#define QUORATE_SERVER_RPC_CHECKOUT_COMMANDS_H_

#include <cstdint>

#include "quorate/checkout/v1/checkout.pb.h"
#include "quorate/internal/v1/command.pb.h"

namespace quorate::server {

void WriteDescription(const checkout::v1::ClientDescription& client,
                      internal::v1::SessionDescription* description);

// One where none are named.
uint32_t UnitsOf(const checkout::v1::CheckoutItem& item);

void WriteItem(const checkout::v1::CheckoutItem& from,
               internal::v1::CheckoutItem* item);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_CHECKOUT_COMMANDS_H_
