#include "tests/replication/storage/log_samples.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "replication/storage/bootstrap.h"

namespace quorate::replication {

using raft::AppendWork;
using raft::Entry;
using raft::EntryType;
using raft::HardState;
using raft::Index;
using raft::MemberId;
using raft::Term;

raft::Configuration ThreeMembers() {
  raft::Configuration configuration;
  for (const uint64_t id : {11, 12, 13}) {
    configuration.membership.voters.push_back(MemberId(id));
    configuration.addresses.push_back(
        {.id = MemberId(id),
         .name = absl::StrCat("m", id - 10),
         .peer_endpoint = absl::StrCat("127.0.0.1:70", id),
         .client_endpoint = absl::StrCat("127.0.0.1:80", id)});
  }
  return configuration;
}

MemberIdentity FirstMember() {
  return {.cluster_id = kClusterId, .member_id = MemberId(11)};
}

Entry Command(uint64_t index, uint64_t term, absl::string_view payload) {
  return Entry{.index = Index(index),
               .term = Term(term),
               .type = EntryType::kCommand,
               .proposal = {.run = 99, .sequence = index},
               .stamp = {.cluster_ms = static_cast<int64_t>(100 * index),
                         .calendar_ms = 1'700'000'000'000},
               .payload = std::make_shared<const std::string>(payload)};
}

ExpectedLog::ExpectedLog()
    : hard_state(BootstrapHardState()),
      entries{BootstrapEntry(ThreeMembers())} {}

void ExpectedLog::Apply(const LogWrite& write) {
  if (write.hard_state.has_value()) hard_state = *write.hard_state;
  for (const Entry& entry : write.entries) {
    entries.resize(entry.index.value() - 1);
    entries.push_back(entry);
  }
}

Index ExpectedLog::LastIndex() const {
  return entries.back().index;
}

namespace {

std::string DifferenceOfEntries(const LogStore& store,
                                const std::vector<Entry>& expected) {
  const Index last = expected.back().index;
  if (store.FirstIndex() != Index(1) || store.LastIndex() != last) {
    return absl::StrCat("last index ", store.LastIndex().value(), " not ",
                        last.value());
  }
  const std::vector<Entry> read =
      store.Read(Index(1), last.Next(), size_t{1} << 30);
  if (read.size() != expected.size()) {
    return absl::StrCat("read ", read.size(), " entries");
  }
  for (size_t i = 0; i < read.size(); ++i) {
    if (!raft::SameEntry(read[i], expected[i]) ||
        store.TermAt(read[i].index) != expected[i].term) {
      return absl::StrCat("entry ", i + 1, " differs");
    }
  }
  return "";
}

// What a store that was opened on `expected` says it found.
std::string DifferenceOfRestored(const LogStore& store,
                                 const ExpectedLog& expected) {
  const HardState state = store.RestoredHardState();
  if (state != expected.hard_state) {
    return absl::StrCat("hard state ", state.term.value(), "/",
                        state.vote.value(), "/", state.commit.value());
  }
  const auto configurations = store.RestoredConfigurations();
  size_t seen = 0;
  for (const Entry& entry : expected.entries) {
    if (entry.type != EntryType::kConfiguration) continue;
    if (seen == configurations.size() ||
        configurations[seen].index != entry.index ||
        *configurations[seen].configuration != *entry.configuration) {
      return absl::StrCat("configuration ", entry.index.value(), " differs");
    }
    ++seen;
  }
  if (seen != configurations.size()) return "a configuration too many";
  return store.identity() == FirstMember() ? "" : "identity differs";
}

}  // namespace

std::string Difference(const LogStore& store, const ExpectedLog& expected) {
  std::string entries = DifferenceOfEntries(store, expected.entries);
  if (!entries.empty()) return entries;
  return DifferenceOfRestored(store, expected);
}

namespace {

std::vector<Entry> RandomEntries(Random* random, Index first, Term term) {
  std::vector<Entry> entries;
  for (uint64_t left = random->Between(1, 4); left > 0; --left) {
    const uint64_t index = first.value() + entries.size();
    Entry entry =
        Command(index, term.value(),
                std::string(random->Below(200),
                            static_cast<char>('a' + random->Below(26))));
    if (random->OneIn(4)) {
      entry.type = EntryType::kConfiguration;
      entry.payload = nullptr;
      raft::Configuration configuration = ThreeMembers();
      configuration.addresses[1].peer_endpoint =
          absl::StrCat("moved:", random->Below(60000));
      entry.configuration =
          std::make_shared<const raft::Configuration>(configuration);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

AppendWork RandomWork(Random* random, const ExpectedLog& log) {
  AppendWork work;
  HardState next = log.hard_state;
  const Index last = log.LastIndex();
  const uint64_t kind = random->Below(10);
  if (kind < 2) {  // A commit index alone.
    next.commit = Index(random->Between(next.commit.value(), last.value()));
    work.hard_state = next;
    return work;
  }
  if (kind < 5) {  // A new term, or a vote in this one.
    if (next.vote != raft::kNobody || random->OneIn(2)) {
      next.term = next.term.Plus(random->Between(1, 2));
      next.vote = raft::kNobody;
    }
    if (random->OneIn(2)) next.vote = MemberId(random->Between(11, 13));
    work.hard_state = next;
  }
  if (kind >= 4) {
    Index first = last.Next();
    // A tail is only ever replaced by entries of another, later leader.
    if (next.term > log.entries.back().term && random->OneIn(2)) {
      first = Index(random->Between(next.commit.value() + 1, last.value() + 1));
    }
    work.entries = RandomEntries(random, first, next.term);
  }
  work.must_sync = true;
  return work;
}

LogWrite ToWrite(const AppendWork& work) {
  return {.hard_state = work.hard_state,
          .entries = work.entries,
          .must_sync = work.must_sync};
}

}  // namespace quorate::replication
