#include "tests/sim/checker.h"

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "absl/strings/str_cat.h"

#include "tests/sim/quorums.h"
#include "tests/sim/state_digest.h"

namespace quorate::sim {
namespace {

uint64_t EntryDigest(const raft::Entry& entry) {
  Digest digest;
  digest.Add(entry.index.value())
      .Add(entry.term.value())
      .Add(static_cast<uint64_t>(entry.type))
      .Add(entry.proposal.run)
      .Add(entry.proposal.sequence)
      .Add(static_cast<uint64_t>(entry.stamp.cluster_ms))
      .Add(static_cast<uint64_t>(entry.stamp.calendar_ms));
  if (entry.payload != nullptr) digest.Add(*entry.payload);
  return digest.value();
}

uint64_t ChangesDigest(const std::vector<licensing::RecordChange>& changes) {
  Digest digest;
  for (const licensing::RecordChange& change : changes) {
    digest.Add(change.key).Add(change.value.has_value());
    if (change.value.has_value()) digest.Add(*change.value);
  }
  return digest.value();
}

}  // namespace

bool Checker::Log::Has(uint64_t index, raft::Term term) const {
  if (index <= base) return true;
  return index - base <= terms.size() && terms[index - base - 1] == term;
}

// False where it would leave a hole.
bool Checker::Log::Put(const raft::Entry& entry) {
  const uint64_t index = entry.index.value();
  if (index <= base || index > base + terms.size() + 1) return false;
  terms.resize(index - base - 1);
  terms.push_back(entry.term);
  return true;
}

void Checker::Note(raft::MemberId member, const std::string& event) {
  if (!trace_) return;
  std::printf("%10.6f %4llu %s\n",
              static_cast<double>(scheduler_->now()) / kSecond,
              static_cast<unsigned long long>(member.value()), event.c_str());
}

void Checker::Fail(absl::string_view rule, const std::string& detail) {
  if (failure_.empty()) failure_ = absl::StrCat(rule, ": ", detail);
}

raft::Index Checker::last_committed() const {
  return raft::Index(committed_.size());
}

const raft::Configuration* Checker::configuration() const {
  return configurations_.empty() ? nullptr
                                 : configurations_.rbegin()->second.get();
}

Checker::Configurations::const_iterator Checker::ConfigurationAt(
    raft::Index index) const {
  const auto after = configurations_.upper_bound(index);
  return after == configurations_.begin() ? configurations_.end()
                                          : std::prev(after);
}

void Checker::OnVote(raft::MemberId member, raft::MemberId candidate,
                     raft::Term term) {
  Note(member, absl::StrCat("votes for ", candidate.value(), " in term ",
                            term.value()));
  votes_[{term, candidate}].insert(member);
}

void Checker::OnRole(raft::MemberId member, const raft::Raft& raft) {
  Seen& seen = seen_[member];
  const Seen before = seen;
  seen = {.role = raft.role(), .term = raft.term(), .commit = raft.commit()};
  if (seen.term < before.term) {
    Fail("term went back",
         absl::StrCat("member ", member.value(), " from ", before.term.value(),
                      " to ", seen.term.value()));
  }
  const bool same = seen.role == before.role && seen.term == before.term;
  if (trace_ && !same) {
    Note(member,
         absl::StrCat(raft::RoleName(seen.role), " term ", seen.term.value()));
  }
  if (raft.configuration_index() > raft.last_index()) {
    Fail("a configuration in force stands in the log",
         absl::StrCat("member ", member.value(), " has that of ",
                      raft.configuration_index().value(), " and a log up to ",
                      raft.last_index().value()));
  }
  if (seen.role != raft::Role::kLeader) return;
  if (!same) {
    OnNewLeader(member, raft);
  } else if (seen.commit > before.commit) {
    CheckCommit(member, raft);
  }
}

void Checker::OnNewLeader(raft::MemberId member, const raft::Raft& raft) {
  const raft::Term term = raft.term();
  const auto [found, is_new] = leader_of_term_.emplace(term, member);
  if (found->second != member) {
    Fail("one leader a term",
         absl::StrCat("term ", term.value(), ": members ",
                      found->second.value(), " and ", member.value()));
  }
  if (!is_new) return;
  if (leader_crashed_.has_value()) {
    failovers_.push_back(scheduler_->now() - *leader_crashed_);
    Note(member, absl::StrCat("failover took ", failovers_.back(), " us"));
    leader_crashed_.reset();
  }
  std::set<raft::MemberId> votes = votes_[{term, member}];
  votes.insert(member);
  if (!IsQuorum(raft.configuration().membership, votes)) {
    Fail("a majority voted for a leader",
         absl::StrCat("member ", member.value(), " leads term ", term.value()));
  }
  const auto known = ConfigurationAt(raft.commit());
  if (!Votes(raft.configuration().membership, member) &&
      (known == configurations_.end() ||
       !Votes(known->second->membership, member))) {
    Fail("who knows that it was removed does not lead",
         absl::StrCat("member ", member.value(), " leads term ", term.value()));
  }
  const Log& log = logs_[member];
  for (size_t i = log.base; i < committed_.size(); ++i) {
    if (committed_[i].committed_by >= term) continue;
    if (!log.Has(i + 1, committed_[i].term)) {
      Fail("leader completeness",
           absl::StrCat("member ", member.value(), " leads term ", term.value(),
                        " without committed entry ", i + 1));
      return;
    }
  }
}

void Checker::CheckCommit(raft::MemberId member, const raft::Raft& raft) {
  const uint64_t commit = raft.commit().value();
  const Log& own = logs_[member];
  if (commit <= own.base) return;
  const raft::Term term = own.terms.at(commit - own.base - 1);
  std::set<raft::MemberId> holders;
  for (const auto& [other, log] : durable_) {
    if (log.Has(commit, term)) holders.insert(other);
  }
  if (IsQuorum(raft.configuration().membership, holders)) return;
  Fail("a commit is on the disks of a majority",
       absl::StrCat("member ", member.value(), " commits ", commit, " of term ",
                    term.value(), ", which ", holders.size(), " members have"));
}

void Checker::OnAppend(raft::MemberId member,
                       const std::vector<raft::Entry>& entries) {
  Log& log = logs_[member];
  for (const raft::Entry& entry : entries) {
    if (trace_) {
      Note(member,
           absl::StrCat("append ", entry.index.value(), " of term ",
                        entry.term.value(), " at ", entry.stamp.cluster_ms,
                        " ms, ", entry.stamp.calendar_ms));
    }
    const uint64_t digest = EntryDigest(entry);
    const auto [found, is_new] = entries_.emplace(
        std::pair(entry.index.value(), entry.term.value()), digest);
    if (found->second != digest) {
      Fail("log matching",
           absl::StrCat("two entries at index ", entry.index.value(),
                        " of term ", entry.term.value()));
    }
    if (!log.Put(entry)) {
      Fail("log without holes", absl::StrCat("member ", member.value(), " at ",
                                             entry.index.value()));
      return;
    }
    if (!is_new) continue;
    const std::string broken =
        clocks_.OnStamp(entry, TermAt(log, entry.index.value() - 1));
    if (!broken.empty()) {
      Fail(broken, absl::StrCat("entry ", entry.index.value(), " of term ",
                                entry.term.value()));
    }
  }
}

// What a log does not have any more was committed.
raft::Term Checker::TermAt(const Log& log, uint64_t index) const {
  if (index > log.base) return log.terms.at(index - log.base - 1);
  return index == 0 || index > committed_.size() ? raft::Term(0)
                                                 : committed_[index - 1].term;
}

void Checker::OnInstallBegun(raft::MemberId member, raft::Index index) {
  Note(member, absl::StrCat("begins after ", index.value()));
  logs_[member] = {.base = index.value(), .terms = {}};
}

void Checker::OnDurable(raft::MemberId member,
                        const replication::LogWrite& write) {
  Log& log = durable_[member];
  if (write.install.has_value()) {
    log = {.base = write.install->index.value(), .terms = {}};
  }
  for (const raft::Entry& entry : write.entries)
    log.Put(entry);
}

void Checker::OnCrash(raft::MemberId member, bool led) {
  Note(member, "crash");
  if (led) leader_crashed_ = scheduler_->now();
}

void Checker::OnRestart(raft::MemberId member, raft::Index base,
                        const std::vector<raft::Entry>& log) {
  Note(member, absl::StrCat("start with ", log.size(), " entries after ",
                            base.value()));
  logs_[member] = {.base = base.value(), .terms = {}};
  seen_.erase(member);
  OnAppend(member, log);
  durable_[member] = logs_[member];
}

void Checker::OnPosition(raft::MemberId member,
                         const raft::SnapshotPosition& position) {
  const auto known = ConfigurationAt(position.index);
  const uint64_t index = position.index.value();
  const bool agrees = index > 0 && index <= committed_.size() &&
                      committed_[index - 1].term == position.term &&
                      known != configurations_.end() &&
                      known->first == position.configuration_index &&
                      position.configuration != nullptr &&
                      *known->second == *position.configuration;
  if (!agrees) {
    Fail("a snapshot stands for what was committed",
         absl::StrCat("member ", member.value(), " at ", index));
  }
}

void Checker::OnState(raft::MemberId member, raft::Index index,
                      uint64_t digest) {
  const uint64_t i = index.value();
  const bool known = i <= committed_.size();
  if (!known || digest != (i == 0 ? 0 : committed_[i - 1].state_digest)) {
    Fail("a restored state is what was applied",
         absl::StrCat("member ", member.value(), " at ", i));
  }
}

void Checker::OnInstalled(raft::MemberId member, raft::Index index) {
  Note(member, absl::StrCat("installed ", index.value()));
  ++installs_;
}

void Checker::OnApply(raft::MemberId member, const raft::Entry& entry,
                      const std::vector<licensing::RecordChange>& changes) {
  const size_t i = entry.index.value() - 1;
  if (trace_) {
    Note(member,
         absl::StrCat("apply ", i + 1, " of term ", entry.term.value()));
  }
  const uint64_t digest = EntryDigest(entry);
  if (i > committed_.size()) {
    Fail("applied in order",
         absl::StrCat("member ", member.value(), " applied ", i + 1, " before ",
                      committed_.size() + 1));
    return;
  }
  const raft::Term known = seen_[member].term;
  if (i == committed_.size()) Commit(entry, digest, known, changes);
  Committed& committed = committed_[i];
  committed.committed_by = std::min(committed.committed_by, known);
  if (committed.digest != digest) {
    Fail("state machine safety",
         absl::StrCat("member ", member.value(), " applied another entry at ",
                      i + 1, " (terms ", entry.term.value(), " and ",
                      committed.term.value(), ")"));
    return;
  }
  if (committed.changes_digest != ChangesDigest(changes)) {
    Fail("equal state at equal index",
         absl::StrCat("member ", member.value(), " at ", i + 1));
  }
}

// The first time that anyone applies it.
void Checker::Commit(const raft::Entry& entry, uint64_t digest,
                     raft::Term known,
                     const std::vector<licensing::RecordChange>& changes) {
  uint64_t state = committed_.empty() ? 0 : committed_.back().state_digest;
  for (const licensing::RecordChange& change : changes) {
    beliefs_.OnChange(change, entry.stamp.calendar_ms);
    const auto old = records_.find(change.key);
    if (old != records_.end()) state -= old->second;
    if (!change.value.has_value()) {
      if (old != records_.end()) records_.erase(old);
      continue;
    }
    const uint64_t record = RecordDigest(change.key, *change.value);
    state += record;
    records_[change.key] = record;
  }
  OnBelief(calendar_.OnEntry(entry.stamp.calendar_ms, changes));
  for (const uint64_t handle : calendar_.TakeTakenBack())
    beliefs_.OnTakenBack(handle);
  committed_.push_back({.term = entry.term,
                        .committed_by = known,
                        .digest = digest,
                        .changes_digest = ChangesDigest(changes),
                        .state_digest = state});
  if (entry.configuration != nullptr) CommitConfiguration(entry);
  if (entry.proposal.run == 0) return;
  applied_.insert(entry.proposal);
  if (refused_.contains(entry.proposal)) {
    Fail("a certain no is certain",
         absl::StrCat("applied at ", entry.index.value(), " all the same"));
  }
}

void Checker::CommitConfiguration(const raft::Entry& entry) {
  const raft::Configuration* const before = configuration();
  if (before != nullptr &&
      !QuorumsMeet(before->membership, entry.configuration->membership)) {
    Fail("majorities of one configuration and the next meet",
         absl::StrCat("at ", entry.index.value()));
  }
  configurations_[entry.index] = entry.configuration;
}

void Checker::OnRefusal(const raft::ProposalId& proposal) {
  refused_.insert(proposal);
  if (applied_.contains(proposal)) {
    Fail("a certain no is certain",
         absl::StrCat("proposal ", proposal.sequence, " was applied before"));
  }
}

void Checker::OnAnswer(const raft::Entry& entry, const std::string& request_id,
                       const licensing::LedgerAnswer& answer) {
  if (request_id.empty() || !answer.ok() || answer.repeated) return;
  const auto [found, is_new] =
      effect_of_request_.emplace(request_id, entry.index);
  if (found->second != entry.index) {
    Fail("one effect a request id",
         absl::StrCat(request_id, " at ", found->second.value(), " and ",
                      entry.index.value()));
  }
}

void Checker::OnBelief(const std::string& broken) {
  if (!broken.empty()) Fail("belief", broken);
}

}  // namespace quorate::sim
