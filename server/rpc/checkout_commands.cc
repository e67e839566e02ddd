#include "server/rpc/checkout_commands.h"

#include <algorithm>
#include <map>
#include <string>

#include "server/rpc/response_header.h"

namespace quorate::server {

void WriteDescription(const checkout::v1::ClientDescription& client,
                      internal::v1::SessionDescription* description) {
  description->set_user(client.user());
  description->set_host(client.host());
  description->set_display(client.display());
  description->set_application(client.application());
  description->set_version(client.version());
  description->set_project(client.project());
  description->set_process_id(client.process_id());
}

uint32_t UnitsOf(const checkout::v1::CheckoutItem& item) {
  return std::max(item.count(), 1U);
}

void WriteItem(const checkout::v1::CheckoutItem& from,
               internal::v1::CheckoutItem* item) {
  item->set_feature(from.feature());
  item->set_count(UnitsOf(from));
  item->set_version(from.version());
  if (from.has_release_time()) {
    item->set_released_ms(MsOf(from.release_time()));
  }
  item->set_share_key(from.share_key());
  // The ledger wants one order, since a repeat must look the same.
  const std::map<std::string, std::string> ordered(from.attributes().begin(),
                                                   from.attributes().end());
  for (const auto& [name, value] : ordered) {
    internal::v1::Attribute* const attribute = item->add_attributes();
    attribute->set_name(name);
    attribute->set_value(value);
  }
}

}  // namespace quorate::server
