// What the calendar limits, kept beside the ledger: minutes of casual users,
// and trials.

#ifndef QUORATE_TESTS_SIM_CALENDAR_BOOK_H_
#define QUORATE_TESTS_SIM_CALENDAR_BOOK_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "quorate/internal/v1/command.pb.h"

#include "server/licensing/ledger.h"

namespace quorate::sim {

// Adds up, of the seats that are recorded and the calendar of the entries
// alone, for how long each user had any seat of a casual pool out in a month,
// and when the first seat of each trial went out. It looks at none of the
// ledger's own records of minutes and trials. Thread-compatible.
class CalendarBook {
 public:
  // Before anything is taken.
  void OnLicense(const internal::v1::LicenseTerms& license);

  // An entry was committed at this time, and changed this. Returns the rule
  // that is broken, and how; empty where none is. Rules: a casual user's seats
  // are back with the first entry at which his minutes of the month are over,
  // and he gets no more of them in it; nothing more of a trial goes out from
  // its end on.
  std::string OnEntry(int64_t calendar_ms,
                      const std::vector<licensing::RecordChange>& changes);

  // Seats of casual users that came back by themselves since the last call.
  std::set<uint64_t> TakeTakenBack();

  // Whether one ever came back by itself.
  bool WasTakenBack(uint64_t handle) const {
    return all_taken_back_.count(handle) > 0;
  }

  // A client was refused then. The same form. Rules: no trial ends early; no
  // minutes are over early.
  std::string OnTrialOver(int64_t calendar_ms) const;
  std::string OnMinutesOver(const std::string& user, int64_t calendar_ms) const;

 private:
  struct Minutes {
    int64_t used_ms = 0;  // Of the month that `counted_ms` is of.
    int64_t counted_ms = 0;
    std::set<uint64_t> handles;
  };

  struct Trial {
    int64_t span_ms = 0;
    std::optional<int64_t> began_ms;
  };

  struct Seat {
    std::string pool;
    std::string user;
    uint32_t count = 0;
  };

  using Key = std::pair<std::string, std::string>;  // Pool, user.

  // The time until then; adds the seats that have to be back to `due`.
  void Pass(const Key& key, int64_t now_ms, Minutes* minutes,
            std::set<uint64_t>* due);
  std::string PutSeat(const licensing::RecordChange& change, int64_t now_ms);
  void EraseSeat(uint64_t handle);

  std::map<std::string, int64_t> limits_ms_;  // Of casual pools.
  std::map<std::string, Trial> trials_;       // By the pool.
  std::map<uint64_t, std::string> users_;     // Of sessions.
  std::map<uint64_t, Seat> seats_;            // Of those pools.
  std::map<std::string, uint64_t> handles_;   // By the key of their records.
  std::map<Key, Minutes> minutes_;
  // User and month, as its end.
  std::set<std::pair<std::string, int64_t>> over_;
  std::set<uint64_t> taken_back_;
  std::set<uint64_t> all_taken_back_;
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_CALENDAR_BOOK_H_
