// What a session's client is told over its stream.

#ifndef QUORATE_SERVER_RPC_SESSION_EVENT_H_
#define QUORATE_SERVER_RPC_SESSION_EVENT_H_

#include "quorate/checkout/v1/checkout.pb.h"

#include "server/licensing/ledger.h"

namespace quorate::server {

void DescribeEvent(const licensing::LedgerEvent& event,
                   checkout::v1::SessionEvent* news);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_SESSION_EVENT_H_
