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

raft::Stamp StampAt(Index index) {
  return {.cluster_ms = static_cast<int64_t>(100 * index.value()),
          .calendar_ms = 1'700'000'000'000};
}

Entry Command(uint64_t index, uint64_t term, absl::string_view payload) {
  return Entry{.index = Index(index),
               .term = Term(term),
               .type = EntryType::kCommand,
               .proposal = {.run = 99, .sequence = index},
               .stamp = StampAt(Index(index)),
               .payload = std::make_shared<const std::string>(payload)};
}

ExpectedLog::ExpectedLog()
    : hard_state(BootstrapHardState()),
      entries{BootstrapEntry(ThreeMembers())} {}

void ExpectedLog::Apply(const LogWrite& write) {
  if (write.install.has_value()) {
    entries.clear();
    snapshot = write.install;
  }
  if (write.hard_state.has_value()) hard_state = *write.hard_state;
  for (const Entry& entry : write.entries) {
    entries.resize(entry.index.value() - BaseIndex().value() - 1);
    entries.push_back(entry);
  }
  if (write.compact_to.has_value()) {
    const Index to = write.compact_to->index;
    std::erase_if(entries, [to](const Entry& e) { return e.index <= to; });
    snapshot = write.compact_to;
  }
  hard_state.commit = std::max(hard_state.commit, BaseIndex());
}

Index ExpectedLog::BaseIndex() const {
  return snapshot.has_value() ? snapshot->index : Index(0);
}

Index ExpectedLog::LastIndex() const {
  return BaseIndex().Plus(entries.size());
}

Term ExpectedLog::TermAt(Index index) const {
  if (index == Index(0)) return Term(0);
  if (index == BaseIndex()) return snapshot->term;
  return entries.at(index.value() - BaseIndex().value() - 1).term;
}

raft::SnapshotPosition ExpectedLog::PositionAt(Index index) const {
  raft::SnapshotPosition position;
  if (snapshot.has_value()) position = *snapshot;
  position.index = index;
  position.term = TermAt(index);
  position.stamp = StampAt(index);
  for (const Entry& entry : entries) {
    if (entry.type != EntryType::kConfiguration || entry.index > index) {
      continue;
    }
    position.configuration = entry.configuration;
    position.configuration_index = entry.index;
  }
  return position;
}

bool SamePosition(const std::optional<raft::SnapshotPosition>& a,
                  const std::optional<raft::SnapshotPosition>& b) {
  if (!a.has_value() || !b.has_value()) return a.has_value() == b.has_value();
  return a->index == b->index && a->term == b->term &&
         a->configuration_index == b->configuration_index &&
         a->stamp == b->stamp && *a->configuration == *b->configuration;
}

namespace {

std::string DifferenceOfEntries(const LogStore& store,
                                const ExpectedLog& expected) {
  const Index first = expected.BaseIndex().Next();
  const Index last = expected.LastIndex();
  if (store.FirstIndex() != first || store.LastIndex() != last) {
    return absl::StrCat("entries ", store.FirstIndex().value(), " to ",
                        store.LastIndex().value(), " not ", first.value(),
                        " to ", last.value());
  }
  if (store.TermAt(expected.BaseIndex()) !=
      expected.TermAt(expected.BaseIndex())) {
    return "the term before the first entry differs";
  }
  if (expected.entries.empty()) return "";
  const std::vector<Entry> read =
      store.Read(first, last.Next(), size_t{1} << 30);
  if (read.size() != expected.entries.size()) {
    return absl::StrCat("read ", read.size(), " entries");
  }
  for (size_t i = 0; i < read.size(); ++i) {
    if (!raft::SameEntry(read[i], expected.entries[i]) ||
        store.TermAt(read[i].index) != expected.entries[i].term) {
      return absl::StrCat("entry ", read[i].index.value(), " differs");
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
  if (!SamePosition(store.RestoredSnapshot(), expected.snapshot)) {
    return "the snapshot differs";
  }
  const auto configurations = store.RestoredConfigurations();
  size_t seen = 0;
  if (expected.snapshot.has_value()) {
    if (configurations.empty() ||
        configurations[0].index != expected.snapshot->configuration_index ||
        *configurations[0].configuration != *expected.snapshot->configuration) {
      return "the snapshot's configuration differs";
    }
    ++seen;
  }
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
  std::string entries = DifferenceOfEntries(store, expected);
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

// A snapshot that the leader sent: of a log that this one lost touch with.
AppendWork RandomInstall(Random* random, const ExpectedLog& log) {
  AppendWork work{.must_sync = true};
  HardState next = log.hard_state;
  if (random->OneIn(2)) {
    next.term = next.term.Next();
    next.vote = raft::kNobody;
  }
  const Index index = next.commit.Plus(random->Between(1, 20));
  raft::Configuration configuration = ThreeMembers();
  configuration.addresses[2].name =
      absl::StrCat("renamed", random->Below(1000));
  work.install = raft::SnapshotPosition{
      .index = index,
      .term = next.term,
      .configuration =
          std::make_shared<const raft::Configuration>(configuration),
      .configuration_index =
          Index(random->Between(next.commit.value(), index.value())),
      .stamp = StampAt(index)};
  next.commit = index;
  work.hard_state = next;
  if (random->OneIn(2)) {
    work.entries = RandomEntries(random, index.Next(), next.term);
  }
  return work;
}

}  // namespace

AppendWork RandomWork(Random* random, const ExpectedLog& log) {
  const uint64_t kind = random->Below(12);
  if (kind == 0) return RandomInstall(random, log);
  if (kind > 1) return RandomAppend(random, log);
  AppendWork work;
  work.compact_to = log.PositionAt(
      Index(random->Between(std::max<uint64_t>(log.BaseIndex().value(), 1),
                            log.hard_state.commit.value())));
  return work;
}

AppendWork RandomAppend(Random* random, const ExpectedLog& log) {
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
    if (next.term > log.TermAt(last) && random->OneIn(2)) {
      first = Index(random->Between(next.commit.value() + 1, last.value() + 1));
    }
    work.entries = RandomEntries(random, first, next.term);
  }
  work.must_sync = true;
  return work;
}

LogWrite ToWrite(const AppendWork& work) {
  return {.install = work.install,
          .hard_state = work.hard_state,
          .entries = work.entries,
          .compact_to = work.compact_to,
          .must_sync = work.must_sync};
}

}  // namespace quorate::replication
