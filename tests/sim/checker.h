// What must hold in every simulated world, checked from outside.
//
// The checker is told what members write, apply and answer, and keeps its own
// record; it shares no code with what it checks. A broken rule is reported
// once, with the rule's name; the run then stops.

#ifndef QUORATE_TESTS_SIM_CHECKER_H_
#define QUORATE_TESTS_SIM_CHECKER_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "replication/raft/ready.h"
#include "replication/raft/types.h"
#include "server/licensing/ledger.h"
#include "tests/sim/scheduler.h"

namespace quorate::sim {

// Thread-compatible.
class Checker {
 public:
  // `scheduler` tells the time for the trace; not owned.
  explicit Checker(const Scheduler* scheduler) : scheduler_(scheduler) {}

  // Prints a line for every event from now on.
  void Trace() { trace_ = true; }

  // An event that no rule is about, for the trace.
  void Note(raft::MemberId member, const std::string& event);

  // A member's core says this about itself, after any event. Rules: at most
  // one leader a term (Raft, §5.2); a term never goes back while it runs; a
  // leader's log holds every entry that was committed in an earlier term
  // (leader completeness, §5.4; a paused member may learn late that it won a
  // term that is long over).
  void OnRole(raft::MemberId member, raft::Role role, raft::Term term);

  // A member takes these entries into its log, from their first index on.
  // Rule: one index and term, one entry (log matching, §5.3).
  void OnAppend(raft::MemberId member, const std::vector<raft::Entry>& entries);

  // A member started again; this is its log.
  void OnRestart(raft::MemberId member, const std::vector<raft::Entry>& log);

  // A member applied an entry, and its state then had this digest (over all
  // changes since the beginning). Rules: one entry an index for ever (state
  // machine safety); equal state at equal index; at most one effect for a
  // request id.
  void OnApply(raft::MemberId member, const raft::Entry& entry,
               const std::vector<licensing::RecordChange>& changes);
  void OnAnswer(const raft::Entry& entry, const std::string& request_id,
                const licensing::LedgerAnswer& answer);

  // A client believes that it holds `count` more (or fewer) of a feature.
  // Rule: never more than the licence has, all clients together.
  void OnBelief(const std::string& feature, int64_t change, int64_t total);

  void Fail(absl::string_view rule, const std::string& detail);

  bool failed() const { return !failure_.empty(); }

  const std::string& failure() const { return failure_; }

  raft::Index last_committed() const;

  size_t effects() const { return effect_of_request_.size(); }

 private:
  struct Committed {
    raft::Term term;
    // It was committed in this term or before: the least term of a member
    // that applied it.
    raft::Term committed_by;
    uint64_t digest = 0;
    uint64_t state_digest = 0;
    bool has_state = false;
  };

  const Scheduler* const scheduler_;
  bool trace_ = false;
  std::string failure_;
  std::map<raft::MemberId, std::pair<raft::Role, raft::Term>> roles_;
  std::map<raft::Term, raft::MemberId> leader_of_term_;
  std::map<raft::MemberId, raft::Term> last_term_;
  std::map<std::pair<raft::Index, raft::Term>, uint64_t> entries_;
  std::map<raft::MemberId, std::vector<raft::Term>> logs_;  // By index - 1.
  std::vector<Committed> committed_;                        // By index - 1.
  std::map<std::string, raft::Index> effect_of_request_;
  std::map<std::string, int64_t> believed_;
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_CHECKER_H_
