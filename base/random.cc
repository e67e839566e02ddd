#include "base/random.h"

#include <cerrno>
#include <cstring>
#include <sys/random.h>

#include "base/check.h"

namespace quorate {

uint64_t Random::Next() {
  state_ += 0x9e3779b97f4a7c15u;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

uint64_t Random::Below(uint64_t bound) {
  QUORATE_CHECK(bound > 0);
  // Multiply-shift (Lemire 2019); the bias is below 2^-32 for our bounds.
  return static_cast<uint64_t>(
      (static_cast<unsigned __int128>(Next()) * bound) >> 64);
}

uint64_t Random::Between(uint64_t low, uint64_t high) {
  QUORATE_CHECK(low <= high);
  return low + Below(high - low + 1);
}

std::string SystemRandomBytes(size_t size) {
  std::string bytes(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t got = getrandom(bytes.data() + done, size - done, 0);
    if (got < 0 && errno == EINTR) continue;
    QUORATE_CHECK(got > 0);
    done += static_cast<size_t>(got);
  }
  return bytes;
}

uint64_t SystemRandomId() {
  uint64_t id = 0;
  while (id == 0) {
    const std::string bytes = SystemRandomBytes(sizeof(id));
    std::memcpy(&id, bytes.data(), sizeof(id));
  }
  return id;
}

}  // namespace quorate
