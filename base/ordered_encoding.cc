#include "base/ordered_encoding.h"

namespace quorate {

void AppendOrdered64(uint64_t value, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>((value >> shift) & 0xff));
  }
}

std::string Ordered64(uint64_t value) {
  std::string bytes;
  bytes.reserve(8);
  AppendOrdered64(value, &bytes);
  return bytes;
}

std::optional<uint64_t> ParseOrdered64(absl::string_view bytes) {
  if (bytes.size() != 8) return std::nullopt;
  uint64_t value = 0;
  for (const char byte : bytes) {
    value = (value << 8) | static_cast<unsigned char>(byte);
  }
  return value;
}

}  // namespace quorate
