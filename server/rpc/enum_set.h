// A few values of an enum.

#ifndef QUORATE_SERVER_RPC_ENUM_SET_H_
#define QUORATE_SERVER_RPC_ENUM_SET_H_

#include <cstdint>

namespace quorate::server {

// Some of the values of an enum that has fewer than 64. A value.
template <typename Enum>
class EnumSet {
 public:
  constexpr EnumSet() = default;

  template <typename... More>
  constexpr explicit EnumSet(Enum one, More... more)
      : bits_((Bit(one) | ... | Bit(more))) {}

  constexpr void Add(Enum one) { bits_ |= Bit(one); }

  constexpr bool Has(Enum one) const { return (bits_ & Bit(one)) != 0; }

  constexpr EnumSet operator|(EnumSet other) const {
    other.bits_ |= bits_;
    return other;
  }

  constexpr EnumSet operator&(EnumSet other) const {
    other.bits_ &= bits_;
    return other;
  }

  friend constexpr bool operator==(EnumSet, EnumSet) = default;

 private:
  static constexpr uint64_t Bit(Enum one) {
    const auto number = static_cast<uint64_t>(one);
    return number < 64 ? uint64_t{1} << number : 0;
  }

  uint64_t bits_ = 0;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_ENUM_SET_H_
