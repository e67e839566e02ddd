// Borrows that were written off: who did it, when and why.

#ifndef QUORATE_SERVER_LICENSING_WRITE_OFFS_H_
#define QUORATE_SERVER_LICENSING_WRITE_OFFS_H_

#include <cstddef>
#include <cstdint>

#include "absl/container/btree_map.h"

#include "quorate/internal/v1/record.pb.h"

namespace quorate::licensing {

// All that are kept, by the number of the borrow's session. Thread-compatible.
class WriteOffs {
 public:
  WriteOffs() = default;
  WriteOffs(const WriteOffs&) = delete;
  WriteOffs& operator=(const WriteOffs&) = delete;

  // False, and nothing is changed, where the borrow has one already.
  bool Add(internal::v1::WriteOffRecord record);

  // Null where there is none.
  const internal::v1::WriteOffRecord* Find(uint64_t session_id) const;

  // Removes the one of the oldest borrow, and returns its session. There is
  // one.
  uint64_t EraseOldest();

  size_t size() const { return by_session_.size(); }

  using BySession = absl::btree_map<uint64_t, internal::v1::WriteOffRecord>;

  const BySession& by_session() const { return by_session_; }

 private:
  BySession by_session_;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_WRITE_OFFS_H_
