// Integers as bytes whose order is the order of the numbers: keys of RocksDB.

#ifndef QUORATE_BASE_ORDERED_ENCODING_H_
#define QUORATE_BASE_ORDERED_ENCODING_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace quorate {

// Appends 8 bytes, big-endian.
void AppendOrdered64(uint64_t value, std::string* out);

// 8 bytes, big-endian.
std::string Ordered64(uint64_t value);

// Nothing unless `bytes` has exactly 8 bytes.
std::optional<uint64_t> ParseOrdered64(absl::string_view bytes);

}  // namespace quorate

#endif  // QUORATE_BASE_ORDERED_ENCODING_H_
