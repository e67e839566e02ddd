#include "server/policy/ip_address.h"

#include <algorithm>
#include <arpa/inet.h>

#include "absl/strings/numbers.h"

namespace quorate::policy {
namespace {

// The bits before an IPv4 address in its mapped form.
constexpr int kMappedBits = 96;
constexpr std::array<uint8_t, kMappedBits / 8> kMapped = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

IpAddress OfIpv4(const uint8_t* bytes) {
  IpAddress address;
  std::copy(kMapped.begin(), kMapped.end(), address.bytes.begin());
  std::copy(bytes, bytes + 4, address.bytes.begin() + kMapped.size());
  return address;
}

IpAddress OfIpv6(const uint8_t* bytes) {
  IpAddress address;
  std::copy(bytes, bytes + address.bytes.size(), address.bytes.begin());
  address.ipv6 = !std::equal(kMapped.begin(), kMapped.end(), bytes);
  return address;
}

std::optional<IpRange> ParsePrefix(absl::string_view address,
                                   absl::string_view bits_text) {
  const std::optional<IpAddress> base = ParseIpAddress(address);
  int bits = 0;
  if (!base.has_value() || bits_text.empty() || bits_text.size() > 3 ||
      bits_text.find_first_not_of("0123456789") != absl::string_view::npos ||
      !absl::SimpleAtoi(bits_text, &bits)) {
    return std::nullopt;
  }
  if (address.find(':') == absl::string_view::npos) {
    if (bits > 32) return std::nullopt;
    bits += kMappedBits;
  }
  if (bits > 128) return std::nullopt;
  IpRange range = {.first = *base, .last = *base};
  // More than the mapped addresses are those of IPv6, without these.
  if (bits < kMappedBits) range.first.ipv6 = range.last.ipv6 = true;
  for (int bit = bits; bit < 128; ++bit) {
    const auto mask = static_cast<uint8_t>(0x80U >> (bit % 8));
    const auto byte = static_cast<size_t>(bit / 8);
    range.first.bytes[byte] =
        static_cast<uint8_t>(range.first.bytes[byte] & ~mask);
    range.last.bytes[byte] =
        static_cast<uint8_t>(range.last.bytes[byte] | mask);
  }
  return range;
}

}  // namespace

std::optional<IpAddress> IpAddressOfBytes(absl::string_view bytes) {
  if (bytes.size() == 4) {
    return OfIpv4(reinterpret_cast<const uint8_t*>(bytes.data()));
  }
  if (bytes.size() != 16) return std::nullopt;
  return OfIpv6(reinterpret_cast<const uint8_t*>(bytes.data()));
}

std::optional<IpAddress> ParseIpAddress(absl::string_view text) {
  // No address is longer; a zero byte would end the text for inet_pton.
  if (text.size() > INET6_ADDRSTRLEN ||
      text.find('\0') != absl::string_view::npos) {
    return std::nullopt;
  }
  const std::string terminated(text);
  uint8_t bytes[16];
  if (inet_pton(AF_INET, terminated.c_str(), bytes) == 1) return OfIpv4(bytes);
  if (inet_pton(AF_INET6, terminated.c_str(), bytes) != 1) return std::nullopt;
  return OfIpv6(bytes);
}

std::string ToString(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN];
  const char* const written =
      address.ipv6
          ? inet_ntop(AF_INET6, address.bytes.data(), text, sizeof(text))
          : inet_ntop(AF_INET, address.bytes.data() + kMapped.size(), text,
                      sizeof(text));
  return written == nullptr ? "" : written;
}

std::optional<IpRange> ParseIpRange(absl::string_view text) {
  if (const size_t slash = text.find('/'); slash != absl::string_view::npos) {
    return ParsePrefix(text.substr(0, slash), text.substr(slash + 1));
  }
  const size_t dash = text.find('-');
  const std::optional<IpAddress> first = ParseIpAddress(text.substr(0, dash));
  if (!first.has_value()) return std::nullopt;
  if (dash == absl::string_view::npos) {
    return IpRange{.first = *first, .last = *first};
  }
  const std::optional<IpAddress> last = ParseIpAddress(text.substr(dash + 1));
  if (!last.has_value() || *last < *first || first->ipv6 != last->ipv6) {
    return std::nullopt;
  }
  return IpRange{.first = *first, .last = *last};
}

}  // namespace quorate::policy
