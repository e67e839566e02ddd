// Casual use: the time for which each user had seats of a pool out in a month.
//
// Time runs while he has any seat of the pool out; several at once count once.
// Months are those of the calendar, UTC. What is due stands in one ordered
// index: the moment at which a user's minutes are used up, or the end of his
// month.

#ifndef QUORATE_SERVER_LICENSING_CASUAL_H_
#define QUORATE_SERVER_LICENSING_CASUAL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "quorate/internal/v1/record.pb.h"

namespace quorate::licensing {

// The end of the month that this moment is of.
int64_t MonthEndMs(int64_t calendar_ms);

// One user's, of one pool. Thread-compatible.
struct CasualUse {
  internal::v1::CasualUseRecord record;
  std::set<uint64_t> handles;  // Of his seats that are out.

  int64_t limit_ms() const { return int64_t{record.minutes()} * 60'000; }

  // When he has used up his minutes, where that is before the end of the month;
  // else that end.
  int64_t due_ms() const;

  // The record as of then: of the month that this moment is of, with what is
  // used until then.
  internal::v1::CasualUseRecord AsOf(int64_t now_ms) const;
};

// All. Thread-compatible.
class CasualBook {
 public:
  using Key = std::pair<std::string, std::string>;  // Pool, user.

  CasualBook() = default;
  CasualBook(const CasualBook&) = delete;
  CasualBook& operator=(const CasualBook&) = delete;

  bool IsUsedUp(absl::string_view pool, absl::string_view user,
                int64_t now_ms) const;

  // A seat goes out, or comes back. Of a pool that does not count minutes
  // nothing comes back, nor does what was taken.
  void Begin(const Key& key, uint32_t minutes, uint64_t handle, int64_t now_ms);
  void End(const Key& key, uint64_t handle, int64_t now_ms);

  std::optional<int64_t> FirstDueMs() const;

  // What is due first: the seats that are to come back, whose user has used up
  // his minutes; or none, where a month was over.
  std::set<uint64_t> TakeDue();

  // False where it is there already.
  bool Restore(const internal::v1::CasualUseRecord& record);
  // A seat that is out, where its pool counts minutes.
  void RestoreSeat(const Key& key, uint64_t handle);

  using ByKey = std::map<Key, CasualUse>;

  const ByKey& by_key() const { return by_key_; }

  const std::set<std::pair<int64_t, Key>>& by_due() const { return by_due_; }

  // What changed since the last call; what is not there is gone.
  std::set<Key> TakeChanges();

 private:
  // Takes it out of the index, and lets months that are over be so.
  void Open(CasualUse* use, int64_t now_ms);
  // Puts it back.
  void Close(const CasualUse& use);

  // Invariant: by_due_ holds each with its due_ms.
  ByKey by_key_;
  std::set<std::pair<int64_t, Key>> by_due_;
  std::set<Key> changed_;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_CASUAL_H_
