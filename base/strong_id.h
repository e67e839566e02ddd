// Integers that cannot be mixed up.
//
//   using Term = StrongId<struct TermTag>;
//   Term next = term.Next();          // arithmetic is spelled out
//   absl::StrCat(term.value());       // and so is leaving the type

#ifndef QUORATE_BASE_STRONG_ID_H_
#define QUORATE_BASE_STRONG_ID_H_

#include <compare>
#include <cstdint>
#include <utility>

namespace quorate {

template <typename Tag>
class StrongId {
 public:
  constexpr StrongId() = default;

  constexpr explicit StrongId(uint64_t value) : value_(value) {}

  constexpr uint64_t value() const { return value_; }

  constexpr StrongId Next() const { return StrongId(value_ + 1); }

  // `value()` must not be zero.
  constexpr StrongId Previous() const { return StrongId(value_ - 1); }

  constexpr StrongId Plus(uint64_t distance) const {
    return StrongId(value_ + distance);
  }

  friend constexpr auto operator<=>(StrongId, StrongId) = default;

  template <typename H>
  friend H AbslHashValue(H state, StrongId id) {
    return H::combine(std::move(state), id.value_);
  }

 private:
  uint64_t value_ = 0;
};

}  // namespace quorate

#endif  // QUORATE_BASE_STRONG_ID_H_
