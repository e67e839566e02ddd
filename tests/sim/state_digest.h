// Digests that the checker compares; only ever compared with themselves.

#ifndef QUORATE_TESTS_SIM_STATE_DIGEST_H_
#define QUORATE_TESTS_SIM_STATE_DIGEST_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace quorate::sim {

// Multiply and shift over the parts.
class Digest {
 public:
  Digest& Add(absl::string_view bytes) {
    Add(static_cast<uint64_t>(bytes.size()));
    uint64_t word = 0;
    int filled = 0;
    for (const char byte : bytes) {
      word = (word << 8) | static_cast<unsigned char>(byte);
      if (++filled == 8) {
        Add(word);
        word = 0;
        filled = 0;
      }
    }
    return Add(word);
  }

  Digest& Add(uint64_t number) {
    value_ = (value_ ^ number) * 0x9e3779b97f4a7c15u;
    value_ ^= value_ >> 29;
    return *this;
  }

  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325u;
};

// The digest of a state is the sum of those of its records, so it can be
// followed change by change, and taken of a whole state in any order.
inline uint64_t RecordDigest(absl::string_view key, absl::string_view value) {
  return Digest().Add(key).Add(value).value();
}

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_STATE_DIGEST_H_
