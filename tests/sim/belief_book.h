// What all clients of a simulated cluster believe to hold, counted by what the
// licences say.

#ifndef QUORATE_TESTS_SIM_BELIEF_BOOK_H_
#define QUORATE_TESTS_SIM_BELIEF_BOOK_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "quorate/internal/v1/command.pb.h"
#include "quorate/internal/v1/record.pb.h"

#include "server/licensing/ledger.h"

namespace quorate::sim {

// Conservation by model: of what was told to clients, by what they asked for,
// never more than the licences have. It takes from the ledger only of which
// pool a seat is; whether that is for the client, whom it shares a unit with
// and how many tokens it costs it finds for itself. A seat is believed from its
// answer on, until its client gives it back or cannot know any more; the ledger
// holds it for longer on both sides. What is not a seat gets a count of its own
// here, beside the pools'. Thread-compatible.
class BeliefBook {
 public:
  // Before anything is taken.
  void OnLicense(const internal::v1::LicenseTerms& license);

  // As of a change of the state that was committed, at this calendar. Of a
  // borrow that has ended by it nobody may believe in a seat, not even its
  // client who waits for the answer yet.
  void OnChange(const licensing::RecordChange& change, int64_t calendar_ms);

  // A client was told that it holds this. Returns the rule that is broken, and
  // how; empty where none is.
  std::string OnTaken(uint64_t handle,
                      const internal::v1::SessionDescription& client,
                      const internal::v1::CheckoutItem& item);
  // That it holds so many units of it.
  std::string OnResized(uint64_t handle, uint32_t count);

  // It does not use it any more.
  void OnGivenBack(uint64_t handle) { seats_.erase(handle); }

  // It came back by itself; its client is told, and may not know it yet.
  void OnTakenBack(uint64_t handle);

 private:
  void OnSession(const licensing::RecordChange& change);
  void OnSeatGone(const std::string& key, int64_t calendar_ms);

  struct Pool {
    internal::v1::FeatureTerms terms;  // Of one of its licences.
    uint64_t capacity = 0;
    uint64_t used = 0;            // Credits of which clients were ever told.
    std::set<std::string> users;  // Likewise, who has a name.
  };

  struct Seat {
    internal::v1::SessionDescription client;
    internal::v1::CheckoutItem item;
    std::string pool;
    std::string token_pool;
  };

  // Why the seat must not be of the pools that it is of.
  std::string MisplacedBy(const Seat& seat) const;
  // The same of what it used up for good.
  std::string UsedUpBy(const Seat& seat, uint64_t more);
  // The first of its pools of which more is believed in than there is.
  std::string ExceededBy(const Seat& seat) const;
  uint64_t OutOf(const std::string& pool) const;

  std::map<std::string, Pool> pools_;
  std::map<uint64_t, internal::v1::SeatRecord> records_;  // Ever committed.
  std::map<std::string, uint64_t> handles_;               // By their keys.
  std::map<uint64_t, int64_t> borrows_;                   // When each ends.
  std::map<uint64_t, Seat> seats_;                        // Believed in.
  std::set<uint64_t> taken_back_;
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_BELIEF_BOOK_H_
