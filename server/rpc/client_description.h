// What an application says of itself, in the words of the public API.

#ifndef QUORATE_SERVER_RPC_CLIENT_DESCRIPTION_H_
#define QUORATE_SERVER_RPC_CLIENT_DESCRIPTION_H_

#include "quorate/checkout/v1/checkout.pb.h"
#include "quorate/internal/v1/command.pb.h"

namespace quorate::server {

inline void DescribeClient(const internal::v1::SessionDescription& from,
                           checkout::v1::ClientDescription* client) {
  client->set_user(from.user());
  client->set_host(from.host());
  client->set_display(from.display());
  client->set_application(from.application());
  client->set_version(from.version());
  client->set_project(from.project());
  client->set_process_id(from.process_id());
}

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_CLIENT_DESCRIPTION_H_
