// Lent units that are called back: who may call, and which seats give way.
//
// A rule that reserves units, lends what is not in use of them and names a span
// calls them back for whom it covers and who waits in the queue
// (docs/licensing.md). Both questions are answered anew from the tables each
// time, so that there is nothing to keep in step but what stands in the records
// of places and seats.

#ifndef QUORATE_SERVER_LICENSING_RECALL_H_
#define QUORATE_SERVER_LICENSING_RECALL_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "server/licensing/allotment.h"
#include "server/licensing/ledger_tables.h"
#include "server/policy/reservations.h"

namespace quorate::licensing {

// Of one line so many are looked at, the first of it. Bounds the work.
inline constexpr int kMaxCalling = 256;

// What the reservations of one feature have for those who wait, one after the
// other. The tables are not owned and do not change meanwhile.
// Thread-compatible.
class Claims {
 public:
  Claims(const Tables& tables, absl::string_view feature);

  // The first rule that calls lent units back and covers so many for the
  // session, beside what was claimed before; it is claimed then. Nothing where
  // there is none.
  std::optional<uint32_t> Claim(const Session& session, uint64_t count);
  // Of one item alone: what is asked for besides may be lacking for long.
  std::optional<uint32_t> ClaimFor(const QueuePlace& place);

  // Kept for others, and not lent.
  uint64_t KeptFrom(const Session& session) const;

  const std::vector<policy::Reservation>& reservations() const {
    return reservations_;
  }

 private:
  const Tables& tables_;
  std::vector<policy::Reservation> reservations_;
  std::vector<uint64_t> claimed_;  // By reservation.
};

// One seat that is called back.
struct Call {
  int64_t due_cluster_ms = 0;
  std::string rule;

  friend bool operator==(const Call&, const Call&) = default;
};

// The seats of the feature that are to be called back, by handle: as many as
// are lacking for those who call, in one pool for each of them. Calls that
// stand already come first, those that are due first; then the youngest seats.
// A smaller seat is passed over for none that is larger than what is lacking,
// unless nothing else is enough.
//
// What is borrowed or booked stays, as does what is shared with other seats,
// and whoever has no more than some reservation covers for him. Where too
// little would give way for somebody, nothing is called for him.
std::map<uint64_t, Call> PlanCalls(const Tables& tables,
                                   absl::string_view feature);

// The rule by which waiting would call lent units back for the session; nothing
// where it would not.
std::optional<std::string> CallingRuleFor(const Tables& tables,
                                          const Session& session,
                                          const CheckoutItems& items);

// What one entry does with calls. Thread-compatible.
struct Recalls {
  std::set<std::string> features;  // Whose calls are to be thought through.
  bool some_changed = false;
  size_t first_change = 0;  // Of the entry.
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_RECALL_H_
