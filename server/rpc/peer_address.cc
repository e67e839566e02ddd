#include "server/rpc/peer_address.h"

#include <optional>

#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

#include "server/policy/ip_address.h"

namespace quorate::server {
namespace {

std::string BytesOf(const std::optional<policy::IpAddress>& address) {
  if (!address.has_value()) return "";
  return {address->bytes.begin(), address->bytes.end()};
}

}  // namespace

std::string PeerAddressOf(absl::string_view peer) {
  const size_t port = peer.rfind(':');
  if (port == absl::string_view::npos) return "";
  absl::string_view host = peer.substr(0, port);
  if (absl::ConsumePrefix(&host, "ipv4:")) {
    return BytesOf(policy::ParseIpAddress(host));
  }
  if (!absl::ConsumePrefix(&host, "ipv6:")) return "";
  const std::string bare = absl::StrReplaceAll(
      host, {{"%5B", ""}, {"%5D", ""}, {"[", ""}, {"]", ""}});
  // Link-local addresses have the zone "%eth0", or "%25eth0", behind them.
  return BytesOf(policy::ParseIpAddress(
      absl::string_view(bare).substr(0, bare.find('%'))));
}

}  // namespace quorate::server
