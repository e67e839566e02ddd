// What the ledger tells of users whom a licence counts by name or by minutes.

#ifndef QUORATE_SERVER_LICENSING_MODEL_VIEWS_H_
#define QUORATE_SERVER_LICENSING_MODEL_VIEWS_H_

#include <cstdint>
#include <string>

namespace quorate::licensing {

// One name of a pool of named users.
struct NamedUserView {
  std::string pool;
  std::string user;
  int64_t assigned_calendar_ms = 0;
  bool active = false;  // He has a seat out by it.
};

// What one user has used of his minutes of this month.
struct CasualUserView {
  std::string pool;
  std::string user;
  int64_t used_ms = 0;
  int64_t limit_ms = 0;
  int64_t month_end_ms = 0;  // By the calendar: then he has all of them again.
  bool active = false;       // They run: he has a seat out.
};

// All pools of a feature together, as rules of the policy see them.
struct FeatureView {
  bool in_force = false;
  uint64_t total = 0;  // What may be out; 2^62 where something is not counted.
  uint64_t out = 0;    // Of its seats, each by itself.
  // What of the total is not free: seats that are one count as one, units that
  // went as tokens count, and seats of pools that have ended do not.
  uint64_t taken = 0;
  // What those wait for for whom rules call lent units back.
  uint64_t claimed = 0;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_MODEL_VIEWS_H_
