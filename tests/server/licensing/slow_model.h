// The ledger again, slow and obvious: lists and loops, no index, no record.
// The random test compares the two after each command.

#ifndef QUORATE_TESTS_SERVER_LICENSING_SLOW_MODEL_H_
#define QUORATE_TESTS_SERVER_LICENSING_SLOW_MODEL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "quorate/internal/v1/command.pb.h"

#include "server/licensing/ledger.h"
#include "tests/server/policy/slow_policy.h"

namespace quorate::licensing {

// Thread-compatible.
class SlowModel {
 public:
  explicit SlowModel(const LedgerLimits& limits) : limits_(limits) {}

  // As Ledger::Apply, for commands that the random test makes; the metadata
  // of refusals is left out.
  LedgerAnswer Apply(const internal::v1::Command& command,
                     const EntryTime& time);

  // What `quorated restore` makes of a backup of it; nothing where it must not
  // be restored.
  std::optional<SlowModel> Restored(uint32_t epoch) const;

  // Total and out of each pool that a licence or a seat names.
  std::map<std::string, std::pair<uint64_t, uint64_t>> Pools() const;

  // The highest version that there ever was.
  uint64_t policy_version() const { return last_policy_; }

 private:
  struct Session {
    internal::v1::SessionDescription client;
    std::string principal;
    int64_t ttl_ms;
    int64_t lease_end_ms;
    policy::SlowSubject who;
  };

  struct Seat {
    uint64_t session = 0;
    std::string pool;
    uint64_t count = 0;
    std::string group;
    std::string token_pool;
    uint64_t tokens = 0;
  };

  struct Term {
    std::string license_id;
    internal::v1::FeatureTerms feature;
    std::string pool;
    int64_t start_ms;
    int64_t end_ms;
  };

  struct Remembered {
    std::string principal;
    std::string request_id;
    std::string body;
    int64_t at_ms;
    LedgerAnswer answer;
  };

  // A checkout that waits, or did; it is its own remembered answer.
  struct Place {
    std::string principal;
    std::string request_id;
    std::string body;
    internal::v1::Checkout checkout;
    int64_t due_ms;
    bool waits;
    LedgerAnswer answer;  // Once it does not wait.
  };

  // Of a feature that somebody waits for.
  struct Line {
    bool held = false;
    bool unserved = true;
  };

  // A session that was terminated.
  struct Termination {
    std::string principal;
    policy::SlowSubject who;
    std::set<std::string> features;
    int64_t cool_down_end_ms;
    int64_t forget_ms;
  };

  // A restored cluster, until the old one's leases have ended.
  struct Hold {
    uint32_t old_epoch;
    uint64_t first_session;
    bool released;
    int64_t quiet_until_ms;
  };

  // In favour of whom it gave way.
  struct Heir {
    uint32_t epoch;
    std::string restore_id;
  };

  // Why a cluster that waits, or gave way, does not do this; 0 where it does.
  ErrorReason WhyNotHere(const internal::v1::Command& command) const;
  LedgerAnswer Release(const internal::v1::ReleaseRestored& body);
  LedgerAnswer Retire(const internal::v1::RetireCluster& body);
  void MoveTime(const EntryTime& time);
  void ErasePlacesOf(uint64_t session);
  void EndSession(uint64_t id);
  bool Alive(uint64_t session) const;
  uint64_t SeatsOf(uint64_t session) const;
  LedgerAnswer ApplyPolicy(const internal::v1::ApplyPolicy& body);
  LedgerAnswer RollBackPolicy(const internal::v1::RollBackPolicy& body);
  LedgerAnswer PutInForce(const internal::v1::Policy& policy);
  ErrorReason WhyNotByPolicy(
      uint64_t session, const std::map<std::string, uint64_t>& asked) const;
  LedgerAnswer Renew(const internal::v1::RenewSessions& body);
  LedgerAnswer Act(const internal::v1::Command& command);
  LedgerAnswer Open(const internal::v1::Command& command);
  static LedgerAnswer No(ErrorReason reason);
  static LedgerAnswer Bad();
  // What tells a repeat from another request.
  static std::string BodyOf(internal::v1::Command command);
  LedgerAnswer Execute(const internal::v1::Command& command);
  LedgerAnswer CheckOut(const internal::v1::Command& command);
  // Why not now, and what there is too little of.
  std::pair<ErrorReason, std::string> WhyNotNow(
      const internal::v1::Checkout& body);
  // Why the policy or a termination forbids it; 0 where nothing does.
  ErrorReason WhyNotAllowed(const internal::v1::Checkout& body) const;
  LedgerAnswer HandOut(const internal::v1::Checkout& body);
  void GiveBack(uint64_t handle);
  void MarkReturn(const Seat& seat);
  LedgerAnswer Resize(const internal::v1::ResizeSeat& body);
  LedgerAnswer Terminate(const internal::v1::TerminateSession& body);
  LedgerAnswer Cancel(const internal::v1::Command& command);
  // The numbers of those who wait for it, in the order of service.
  std::vector<uint64_t> LineOf(const std::string& feature) const;
  // Its lines are to be served; those in which nobody waits are gone.
  void MarkLines(const Place& place);
  void EndWait(uint64_t place, const LedgerAnswer& answer);
  void Serve();
  LedgerAnswer AnswerOf(uint64_t place) const;
  LedgerAnswer CheckIn(const internal::v1::Checkin& body);
  LedgerAnswer Install(const internal::v1::InstallLicense& body);
  // Why no licence in force names the feature; 0 where one does.
  ErrorReason WhyNotInForce(const std::string& feature) const;
  bool InForce(const Term& term) const;
  // Of each pool of the feature in force, in the order of use.
  std::vector<Term> InOrder(const std::string& feature) const;
  uint64_t Ceiling(const std::string& pool) const;
  uint64_t Out(const std::string& pool) const;
  // Why the pool is not for this; 0 where it is.
  ErrorReason WhyNotCovered(const internal::v1::FeatureTerms& pool,
                            const internal::v1::CheckoutItem& item,
                            const Session& session) const;
  ErrorReason WhyNever(const internal::v1::CheckoutItem& item,
                       const Session& session) const;
  // Adds seats as long as no pool has too many out; false where one had.
  // `lacking`: the feature of which there were too few.
  bool PlaceSeats(const internal::v1::Checkout& body, std::string* lacking);
  bool PlaceSeat(const internal::v1::CheckoutItem& item, uint64_t session_id);

  LedgerLimits limits_;
  uint32_t epoch_ = 1;
  std::optional<Hold> hold_;
  std::optional<Heir> heir_;
  EntryTime now_;
  uint64_t next_session_ = 1;
  uint64_t next_seat_ = 1;
  std::map<uint64_t, Session> sessions_;
  std::map<uint64_t, Seat> seats_;
  std::map<std::string, internal::v1::InstallLicense> licenses_;
  std::vector<Term> terms_;
  std::vector<Remembered> remembered_;
  std::map<uint64_t, internal::v1::Policy> policies_;
  uint64_t last_policy_ = 0;
  uint64_t next_place_ = 1;
  std::map<uint64_t, Place> places_;
  std::map<std::string, Line> lines_;
  std::map<uint64_t, Termination> terminated_;
};

}  // namespace quorate::licensing

#endif  // QUORATE_TESTS_SERVER_LICENSING_SLOW_MODEL_H_
