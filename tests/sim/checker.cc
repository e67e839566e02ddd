#include "tests/sim/checker.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"

namespace quorate::sim {
namespace {

// FNV-1a over the parts; only ever compared with itself.
class Digest {
 public:
  Digest& Add(absl::string_view bytes) {
    Add(static_cast<uint64_t>(bytes.size()));
    for (const char byte : bytes)
      Mix(static_cast<unsigned char>(byte));
    return *this;
  }

  Digest& Add(uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) {
      Mix(static_cast<unsigned char>(number >> shift));
    }
    return *this;
  }

  uint64_t value() const { return value_; }

 private:
  void Mix(unsigned char byte) { value_ = (value_ ^ byte) * 0x100000001b3u; }

  uint64_t value_ = 0xcbf29ce484222325u;
};

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

}  // namespace

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

void Checker::OnRole(raft::MemberId member, raft::Role role, raft::Term term) {
  raft::Term& last = last_term_[member];
  if (term < last) {
    Fail("term went back", absl::StrCat("member ", member.value(), " from ",
                                        last.value(), " to ", term.value()));
  }
  last = term;
  if (trace_ && roles_[member] != std::pair(role, term)) {
    roles_[member] = {role, term};
    Note(member, absl::StrCat(raft::RoleName(role), " term ", term.value()));
  }
  if (role != raft::Role::kLeader) return;
  const auto [found, is_new] = leader_of_term_.emplace(term, member);
  if (found->second != member) {
    Fail("one leader a term",
         absl::StrCat("term ", term.value(), ": members ",
                      found->second.value(), " and ", member.value()));
  }
  if (!is_new) return;
  const std::vector<raft::Term>& log = logs_[member];
  for (size_t i = 0; i < committed_.size(); ++i) {
    if (committed_[i].committed_by >= term) continue;
    if (i >= log.size() || log[i] != committed_[i].term) {
      Fail("leader completeness",
           absl::StrCat("member ", member.value(), " leads term ", term.value(),
                        " without committed entry ", i + 1));
      return;
    }
  }
}

void Checker::OnAppend(raft::MemberId member,
                       const std::vector<raft::Entry>& entries) {
  std::vector<raft::Term>& log = logs_[member];
  for (const raft::Entry& entry : entries) {
    Note(member, absl::StrCat("append ", entry.index.value(), " of term ",
                              entry.term.value()));
    const uint64_t digest = EntryDigest(entry);
    const auto [found, is_new] =
        entries_.emplace(std::pair(entry.index, entry.term), digest);
    if (found->second != digest) {
      Fail("log matching",
           absl::StrCat("two entries at index ", entry.index.value(),
                        " of term ", entry.term.value()));
    }
    if (entry.index.value() > log.size() + 1) {
      Fail("log without holes", absl::StrCat("member ", member.value(), " at ",
                                             entry.index.value()));
      return;
    }
    log.resize(entry.index.value() - 1);
    log.push_back(entry.term);
  }
}

void Checker::OnRestart(raft::MemberId member,
                        const std::vector<raft::Entry>& log) {
  Note(member, absl::StrCat("start with ", log.size(), " entries"));
  logs_[member].clear();
  last_term_.erase(member);
  OnAppend(member, log);
}

void Checker::OnApply(raft::MemberId member, const raft::Entry& entry,
                      const std::vector<licensing::RecordChange>& changes) {
  const size_t i = entry.index.value() - 1;
  Note(member, absl::StrCat("apply ", i + 1, " of term ", entry.term.value()));
  const uint64_t digest = EntryDigest(entry);
  if (i > committed_.size()) {
    Fail("applied in order",
         absl::StrCat("member ", member.value(), " applied ", i + 1, " before ",
                      committed_.size() + 1));
    return;
  }
  const raft::Term known = last_term_[member];
  if (i == committed_.size()) {
    committed_.push_back({entry.term, known, digest});
  }
  Committed& committed = committed_[i];
  committed.committed_by = std::min(committed.committed_by, known);
  if (committed.digest != digest) {
    Fail("state machine safety",
         absl::StrCat("member ", member.value(), " applied another entry at ",
                      i + 1, " (terms ", entry.term.value(), " and ",
                      committed.term.value(), ")"));
    return;
  }
  Digest state;
  state.Add(i == 0 ? 0 : committed_[i - 1].state_digest);
  for (const licensing::RecordChange& change : changes) {
    state.Add(change.key).Add(change.value.has_value());
    if (change.value.has_value()) state.Add(*change.value);
  }
  if (committed.has_state && committed.state_digest != state.value()) {
    Fail("equal state at equal index",
         absl::StrCat("member ", member.value(), " at ", i + 1));
  }
  committed.state_digest = state.value();
  committed.has_state = true;
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

void Checker::OnBelief(const std::string& feature, int64_t change,
                       int64_t total) {
  int64_t& believed = believed_[feature];
  believed += change;
  if (believed > total) {
    Fail("never a seat too many", absl::StrCat("clients believe in ", believed,
                                               " of ", total, " ", feature));
  }
}

}  // namespace quorate::sim
