// Addresses of clients, and ranges of them.

#ifndef QUORATE_SERVER_POLICY_IP_ADDRESS_H_
#define QUORATE_SERVER_POLICY_IP_ADDRESS_H_

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace quorate::policy {

// An address of IPv4 or IPv6. One of IPv4 has the bytes of its mapped form,
// ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), and what comes in that form, as over a
// dual-stack socket, is one of IPv4. Ordered as numbers, those of IPv4 first:
// so no range of IPv6 has any of them.
struct IpAddress {
  bool ipv6 = false;
  std::array<uint8_t, 16> bytes = {};

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

// Nothing for what is no address.
std::optional<IpAddress> ParseIpAddress(absl::string_view text);

// Of 4 or 16 bytes, in network order; nothing for any other size.
std::optional<IpAddress> IpAddressOfBytes(absl::string_view bytes);

// "10.0.0.7" or "fd00::7".
std::string ToString(const IpAddress& address);

// All addresses from first to last.
struct IpRange {
  IpAddress first = {};
  IpAddress last = {};

  bool Contains(const IpAddress& address) const {
    return first <= address && address <= last;
  }

  friend bool operator==(const IpRange&, const IpRange&) = default;
};

// "10.0.0.0/8", "fd00::/8", "10.0.0.1-10.0.0.9" or one address. Nothing where
// it is none of these, runs backwards, or from one family into the other. Of a
// prefix the bits behind it are not heeded: people write the address of a host
// of theirs.
std::optional<IpRange> ParseIpRange(absl::string_view text);

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_IP_ADDRESS_H_
