// Named users: who has a name of which pool, and when names were freed.
//
// A name is assigned by the first checkout, and freed by an administrator
// alone, as often as the licence allows.

#ifndef QUORATE_SERVER_LICENSING_NAMED_USERS_H_
#define QUORATE_SERVER_LICENSING_NAMED_USERS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "quorate/internal/v1/record.pb.h"

#include "server/licensing/pool_kind.h"

namespace quorate::licensing {

// The names of one pool. Thread-compatible.
struct PoolNames {
  std::map<std::string, int64_t, std::less<>> assigned_ms;  // By user.
  std::set<std::pair<int64_t, std::string>> in_order;
  std::vector<int64_t> freed_ms;  // Ascending.
};

// All names. Thread-compatible.
class NamedUsers {
 public:
  NamedUsers() = default;
  NamedUsers(const NamedUsers&) = delete;
  NamedUsers& operator=(const NamedUsers&) = delete;

  bool Has(absl::string_view pool, absl::string_view user) const;
  size_t CountOf(absl::string_view pool) const;

  // True where fewer than `total` have a name for longer than he: after a
  // decrease the latest names are of no use. He has one.
  bool IsWithin(absl::string_view pool, absl::string_view user,
                uint64_t total) const;

  // He has none.
  void Assign(absl::string_view pool, absl::string_view user, int64_t now_ms);

  // The moment of the calendar from which the next name may be freed; nothing
  // where none ever may.
  std::optional<int64_t> NextFreeMs(absl::string_view pool,
                                    const PoolKind& kind) const;

  // He has one.
  void Free(absl::string_view pool, absl::string_view user,
            const PoolKind& kind, int64_t now_ms);

  // False where that is there already, or out of order.
  bool Restore(const internal::v1::NamedUserRecord& record);
  bool Restore(const internal::v1::NameRecyclingRecord& record);

  using ByPool = std::map<std::string, PoolNames, std::less<>>;

  const ByPool& by_pool() const { return by_pool_; }

  // Names and pools whose record changed since the last call, in order; a name
  // that is not there was freed.
  struct Changes {
    std::set<std::pair<std::string, std::string>> names;
    std::set<std::string> freed;
  };

  Changes TakeChanges();

 private:
  const PoolNames* Find(absl::string_view pool) const;

  ByPool by_pool_;
  Changes changes_;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_NAMED_USERS_H_
