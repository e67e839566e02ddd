// What must hold in every simulated world, checked from outside.
//
// The checker is told what members write, apply and answer, and keeps its own
// record; it shares no code with what it checks. A broken rule is reported
// once, with the rule's name; the run then stops.

#ifndef QUORATE_TESTS_SIM_CHECKER_H_
#define QUORATE_TESTS_SIM_CHECKER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"

#include "replication/raft/raft.h"
#include "replication/storage/log_store.h"
#include "server/licensing/ledger.h"
#include "tests/sim/belief_book.h"
#include "tests/sim/calendar_book.h"
#include "tests/sim/clock_checker.h"
#include "tests/sim/scheduler.h"

namespace quorate::sim {

// Thread-compatible.
class Checker {
 public:
  // `scheduler` tells the time for the trace; not owned.
  explicit Checker(const Scheduler* scheduler)
      : scheduler_(scheduler), clocks_(scheduler) {}

  // Prints a line for every event from now on.
  void Trace() { trace_ = true; }

  // An event that no rule is about, for the trace.
  void Note(raft::MemberId member, const std::string& event);

  // A member's core says this about itself, after any event. Rules: at most
  // one leader a term (Raft, §5.2), which a majority of the voters in its own
  // configuration voted for; a term never goes back while it runs; a leader's
  // log holds every entry that was committed in an earlier term (leader
  // completeness, §5.4; a paused member may learn late that it won a term that
  // is long over); what a leader commits is on the disks of a majority of the
  // voters; a member that knows that it was removed does not come to lead; the
  // configuration in force stands in the log or before it.
  void OnRole(raft::MemberId member, const raft::Raft& raft);

  // A member says that it votes for `candidate`.
  void OnVote(raft::MemberId member, raft::MemberId candidate, raft::Term term);

  // A member takes these entries into its log, from their first index on.
  // Rule: one index and term, one entry (log matching, §5.3).
  // And the rules of ClockChecker::OnStamp.
  void OnAppend(raft::MemberId member, const std::vector<raft::Entry>& entries);

  // A member's log is to begin after `index`.
  void OnInstallBegun(raft::MemberId member, raft::Index index);

  // This is on a member's disk.
  void OnDurable(raft::MemberId member, const replication::LogWrite& write);

  // A process ended; it may have led.
  void OnCrash(raft::MemberId member, bool led);

  // A member started again; this is its log after index `base`.
  void OnRestart(raft::MemberId member, raft::Index base,
                 const std::vector<raft::Entry>& log);

  // This stands for the beginning of a member's log. Rule: it is what was
  // committed, with the configuration that was in force there.
  void OnPosition(raft::MemberId member,
                  const raft::SnapshotPosition& position);

  // A member's state at an index, as it started or took a snapshot over.
  // Rule: it is what applying the log made of it elsewhere.
  void OnState(raft::MemberId member, raft::Index index, uint64_t digest);

  // A member has put a snapshot in the place of its state.
  void OnInstalled(raft::MemberId member, raft::Index index);

  // A member applied an entry. Rules: one entry an index for ever (state
  // machine safety); equal changes at equal index; majorities of one
  // configuration and the next meet; at most one effect for a request id.
  void OnApply(raft::MemberId member, const raft::Entry& entry,
               const std::vector<licensing::RecordChange>& changes);
  void OnAnswer(const raft::Entry& entry, const std::string& request_id,
                const licensing::LedgerAnswer& answer);

  // A member said that this proposal was certainly not appended.
  // Rule: then it is never applied.
  void OnRefusal(const raft::ProposalId& proposal);

  ClockChecker& clocks() { return clocks_; }

  const ClockChecker& clocks() const { return clocks_; }

  // What clients were told; where a rule is broken by it, `broken` says how.
  BeliefBook& beliefs() { return beliefs_; }

  CalendarBook& calendar() { return calendar_; }

  // The rule of one of the two that is broken; empty where none is.
  void OnBelief(const std::string& broken);

  void Fail(absl::string_view rule, const std::string& detail);

  bool failed() const { return !failure_.empty(); }

  const std::string& failure() const { return failure_; }

  raft::Index last_committed() const;

  // The last configuration that was committed; null before the first.
  const raft::Configuration* configuration() const;

  size_t effects() const { return effect_of_request_.size(); }

  size_t installs() const { return installs_; }

  size_t configurations() const { return configurations_.size(); }

  // How long there was no new leader after one crashed.
  const std::vector<SimTime>& failovers() const { return failovers_; }

 private:
  struct Committed {
    raft::Term term;
    // It was committed in this term or before: the least term of a member
    // that applied it.
    raft::Term committed_by;
    uint64_t digest = 0;
    uint64_t changes_digest = 0;
    uint64_t state_digest = 0;
  };

  // What a member has, after index `base`.
  struct Log {
    uint64_t base = 0;
    std::vector<raft::Term> terms;

    // True where the entry is there, or before the beginning.
    bool Has(uint64_t index, raft::Term term) const;
    bool Put(const raft::Entry& entry);
  };

  struct Seen {
    raft::Role role = raft::Role::kFollower;
    raft::Term term;
    raft::Index commit;
  };

  using Configurations =
      std::map<raft::Index, std::shared_ptr<const raft::Configuration>>;

  void OnNewLeader(raft::MemberId member, const raft::Raft& raft);
  void CheckCommit(raft::MemberId member, const raft::Raft& raft);
  void Commit(const raft::Entry& entry, uint64_t digest, raft::Term known,
              const std::vector<licensing::RecordChange>& changes);
  void CommitConfiguration(const raft::Entry& entry);
  Configurations::const_iterator ConfigurationAt(raft::Index index) const;
  raft::Term TermAt(const Log& log, uint64_t index) const;

  const Scheduler* const scheduler_;
  ClockChecker clocks_;
  BeliefBook beliefs_;
  CalendarBook calendar_;
  bool trace_ = false;
  std::string failure_;
  std::map<raft::MemberId, Seen> seen_;
  std::map<raft::Term, raft::MemberId> leader_of_term_;
  std::map<std::pair<raft::Term, raft::MemberId>, std::set<raft::MemberId>>
      votes_;  // For a candidate in a term.
  absl::flat_hash_map<std::pair<uint64_t, uint64_t>, uint64_t> entries_;
  std::map<raft::MemberId, Log> logs_;
  std::map<raft::MemberId, Log> durable_;
  std::vector<Committed> committed_;                    // By index - 1.
  Configurations configurations_;                       // Committed ones.
  absl::flat_hash_map<std::string, uint64_t> records_;  // As of the last.
  absl::flat_hash_set<raft::ProposalId> applied_;
  absl::flat_hash_set<raft::ProposalId> refused_;
  absl::flat_hash_map<std::string, raft::Index> effect_of_request_;
  size_t installs_ = 0;
  std::optional<SimTime> leader_crashed_;
  std::vector<SimTime> failovers_;
};

}  // namespace quorate::sim

#endif  // QUORATE_TESTS_SIM_CHECKER_H_
