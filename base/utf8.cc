#include "base/utf8.h"

#include <cstddef>

namespace quorate {

std::optional<uint32_t> TakeCodePoint(absl::string_view* text) {
  const auto lead = static_cast<unsigned char>(text->front());
  if (lead < 0x80) {
    text->remove_prefix(1);
    return lead;
  }
  const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text->size() < size) return std::nullopt;
  uint32_t point = lead & (0xffu >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    const auto next = static_cast<unsigned char>((*text)[i]);
    if ((next & 0xc0) != 0x80) return std::nullopt;
    point = point << 6 | (next & 0x3fu);
  }
  constexpr uint32_t kLeastOfSize[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kLeastOfSize[size] || point > 0x10ffff ||
      (point >= 0xd800 && point <= 0xdfff)) {
    return std::nullopt;
  }
  text->remove_prefix(size);
  return point;
}

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    if (!TakeCodePoint(&text).has_value()) return false;
  }
  return true;
}

bool SteersTerminals(uint32_t code_point) {
  return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0) ||
         (code_point >= 0x200e && code_point <= 0x200f) ||
         (code_point >= 0x2028 && code_point <= 0x202e) ||
         (code_point >= 0x2066 && code_point <= 0x2069);
}

}  // namespace quorate
