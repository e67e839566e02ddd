#include "server/licensing/write_offs.h"

#include <utility>

#include "base/check.h"

namespace quorate::licensing {

bool WriteOffs::Add(internal::v1::WriteOffRecord record) {
  const uint64_t id = record.borrow().session_id();
  return by_session_.emplace(id, std::move(record)).second;
}

const internal::v1::WriteOffRecord* WriteOffs::Find(uint64_t session_id) const {
  const auto found = by_session_.find(session_id);
  return found == by_session_.end() ? nullptr : &found->second;
}

uint64_t WriteOffs::EraseOldest() {
  QUORATE_CHECK(!by_session_.empty());
  const uint64_t id = by_session_.begin()->first;
  by_session_.erase(by_session_.begin());
  return id;
}

}  // namespace quorate::licensing
