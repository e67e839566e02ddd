// Random numbers: a seeded generator for everything that must replay, and the
// system's source for identities and secrets.

#ifndef QUORATE_BASE_RANDOM_H_
#define QUORATE_BASE_RANDOM_H_

#include <cstdint>
#include <string>

namespace quorate {

// SplitMix64 (Steele, Lea, Flood 2014): small, fast, and the same numbers on
// every machine for one seed. Not for secrets. Thread-compatible.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next();

  // Uniform in [0, bound). `bound` > 0.
  uint64_t Below(uint64_t bound);

  // Uniform in [low, high], both included.
  uint64_t Between(uint64_t low, uint64_t high);

  // True with probability numerator/denominator.
  bool OneIn(uint64_t denominator) { return Below(denominator) == 0; }

  bool Chance(uint64_t numerator, uint64_t denominator) {
    return Below(denominator) < numerator;
  }

 private:
  uint64_t state_;
};

// `size` bytes of the kernel's CSPRNG (getrandom). Thread-safe.
std::string SystemRandomBytes(size_t size);

// 64 bits of the kernel's CSPRNG, never zero. Thread-safe.
uint64_t SystemRandomId();

}  // namespace quorate

#endif  // QUORATE_BASE_RANDOM_H_
