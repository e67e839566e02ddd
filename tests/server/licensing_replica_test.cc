// Records and applied position stay together: whatever prefix of the log a
// store has, replaying the rest gives the same ledger and the same answers.
// Entries are applied in batches of every size, with a restart between.

#include "server/licensing_replica.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "replication/storage/memory_state_store.h"
#include "tests/server/licensing/commands.h"

namespace quorate::server {
namespace {

using licensing::kAlice;
using licensing::kClusterId;
using replication::MemoryStateStore;
using type::v1::ErrorReason;

constexpr int64_t kNowMs = 1'767'225'600'000;

raft::Entry EntryAt(uint64_t index, raft::EntryType type) {
  return {.index = raft::Index(index),
          .term = raft::Term(1 + index / 5),
          .type = type,
          .stamp = {.cluster_ms = static_cast<int64_t>(index) * 1'000,
                    .calendar_ms = kNowMs + static_cast<int64_t>(index)}};
}

raft::Entry CommandAt(uint64_t index, internal::v1::Command command) {
  raft::Entry entry = EntryAt(index, raft::EntryType::kCommand);
  if (!command.has_renew_sessions() && !command.has_advance_clock()) {
    command.set_request_id("request-" + std::to_string(index));
    command.set_principal(kAlice);
    command.set_not_after_cluster_ms(entry.stamp.cluster_ms + 10'000);
  }
  entry.payload =
      std::make_shared<const std::string>(command.SerializeAsString());
  return entry;
}

// A short life: a licence, two sessions, seats, a renewal, one session's end.
std::vector<raft::Entry> Life() {
  std::vector<raft::Entry> log;
  log.push_back(EntryAt(1, raft::EntryType::kConfiguration));
  log.push_back(EntryAt(2, raft::EntryType::kNoop));
  log.push_back(CommandAt(3, licensing::InstallCommand("L1", 1, {{"cad", 5}})));
  log.push_back(CommandAt(4, licensing::OpenCommand(10'000)));
  log.push_back(CommandAt(5, licensing::OpenCommand(60'000)));
  log.push_back(CommandAt(6, licensing::CheckoutCommand(1, {{"cad", 2}})));
  log.push_back(CommandAt(7, licensing::CheckoutCommand(2, {{"cad", 3}})));
  log.push_back(CommandAt(8, licensing::CheckoutCommand(2, {{"cad", 1}})));
  log.push_back(CommandAt(9, licensing::RenewCommand(kAlice, {1, 2, 3})));
  log.push_back(CommandAt(10, licensing::CheckinCommand(2, {2})));
  raft::Entry garbage = EntryAt(11, raft::EntryType::kCommand);
  garbage.payload = std::make_shared<const std::string>("\xff\xff\xff");
  log.push_back(garbage);
  internal::v1::Command raise;
  for (const char* key : {"pool_usage/cad", "member_down/m2"}) {
    auto* facts = raise.mutable_raise_alerts()->add_alerts();
    facts->set_key(key);
    facts->set_kind(internal::v1::ALERT_KIND_POOL_USAGE);
    facts->set_stage(1);
  }
  log.push_back(CommandAt(12, raise));
  internal::v1::Command mailed;
  mailed.mutable_record_alert_mail()->add_numbers(1);
  mailed.mutable_record_alert_mail()->set_state(
      internal::v1::ALERT_MAIL_STATE_MAILED);
  log.push_back(CommandAt(13, mailed));
  internal::v1::Command settings;
  *settings.mutable_update_alert_settings()->mutable_settings() =
      licensing::AlertBook().settings().settings();
  log.push_back(CommandAt(14, settings));
  for (uint64_t index = 15; index < 30; ++index) {
    log.push_back(CommandAt(index, licensing::AdvanceCommand()));
  }
  return log;
}

std::unique_ptr<LicensingReplica> MustRestore(MemoryStateStore* store) {
  auto replica = LicensingReplica::Restore(kClusterId, 1, store);
  EXPECT_TRUE(replica.ok()) << replica.status();
  return *std::move(replica);
}

ErrorReason ReasonOf(const replication::Answer& answer) {
  return static_cast<const LicensingAnswer&>(answer).ledger.reason;
}

TEST(LicensingReplicaTest, AnswersEachEntryInOrder) {
  MemoryStateStore store;
  const auto replica = MustRestore(&store);
  const std::vector<raft::Entry> log = Life();
  const auto answers = replica->Apply(log);
  ASSERT_EQ(answers.size(), log.size());
  EXPECT_EQ(answers[0], nullptr);
  EXPECT_EQ(answers[1], nullptr);
  for (const size_t granted : {2, 3, 4, 5, 6, 8, 9, 11, 12, 13}) {
    EXPECT_EQ(ReasonOf(*answers[granted]), 0) << granted;
  }
  EXPECT_EQ(ReasonOf(*answers[7]), type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_EQ(ReasonOf(*answers[10]), type::v1::ERROR_REASON_BAD_REQUEST);
  EXPECT_EQ(replica->AppliedIndex(), raft::Index(29));
  // The first session was renewed at 9 s for 10 s and a quarter more.
  EXPECT_EQ(replica->ledger().session_count(), 1U);
}

TEST(LicensingReplicaTest, AnUndecodableEntryMovesTheTime) {
  MemoryStateStore store;
  const auto replica = MustRestore(&store);
  raft::Entry garbage = EntryAt(1, raft::EntryType::kCommand);
  garbage.payload = std::make_shared<const std::string>("\x0a");
  const auto answers = replica->Apply({&garbage, 1});
  EXPECT_EQ(ReasonOf(*answers[0]), type::v1::ERROR_REASON_BAD_REQUEST);
  EXPECT_EQ(replica->ledger().time().cluster_ms, 1'000);
}

TEST(LicensingReplicaTest, GoesOnAfterACrashAnywhere) {
  const std::vector<raft::Entry> log = Life();
  MemoryStateStore whole_store;
  const auto whole = MustRestore(&whole_store);
  const auto whole_answers = whole->Apply(log);
  for (size_t batch = 1; batch <= log.size(); ++batch) {
    MemoryStateStore store;
    for (size_t begin = 0; begin < log.size(); begin += batch) {
      // Each batch is applied by another process.
      const auto replica = MustRestore(&store);
      ASSERT_EQ(replica->AppliedIndex(), raft::Index(begin));
      const size_t size = std::min(batch, log.size() - begin);
      const auto answers = replica->Apply({&log[begin], size});
      for (size_t i = 0; i < size; ++i) {
        if (answers[i] == nullptr) continue;
        EXPECT_EQ(ReasonOf(*answers[i]), ReasonOf(*whole_answers[begin + i]));
      }
    }
    const auto restored = MustRestore(&store);
    EXPECT_EQ(restored->ledger().Dump(), whole->ledger().Dump());
    EXPECT_EQ(restored->view().alerts->Dump(), whole->view().alerts->Dump());
    EXPECT_EQ(restored->view().alerts->Dump().size(), 5U);
    EXPECT_EQ(restored->view().waiting_alerts.load(), 1U);
    EXPECT_EQ(restored->view().term, whole->view().term);
    EXPECT_TRUE(restored->ledger().CheckInvariants().ok());
  }
}

TEST(LicensingReplicaTest, WritesEachKeyOnceABatch) {
  class CountingStore final : public MemoryStateStore {
   public:
    void Write(const std::vector<replication::RecordChange>& changes,
               const replication::AppliedPosition& position) override {
      ++writes;
      for (size_t i = 1; i < changes.size(); ++i) {
        EXPECT_LT(changes[i - 1].key, changes[i].key);
      }
      last = position;
      MemoryStateStore::Write(changes, position);
    }

    int writes = 0;
    replication::AppliedPosition last;
  };

  CountingStore store;
  const auto replica = MustRestore(&store);
  const std::vector<raft::Entry> log = Life();
  replica->Apply(log);
  EXPECT_EQ(store.writes, 1);
  EXPECT_EQ(store.last.index, log.back().index);
  EXPECT_EQ(store.last.term, log.back().term);
  EXPECT_EQ(store.last.stamp, log.back().stamp);
}

TEST(LicensingReplicaTest, PublishesWhatIsDue) {
  MemoryStateStore store;
  const auto replica = MustRestore(&store);
  EXPECT_EQ(replica->view().due_cluster_ms, kNeverMs);
  const std::vector<raft::Entry> log = Life();
  replica->Apply({log.data(), 4});
  // The session was opened at 4 s for 10 s; its margin is a quarter.
  EXPECT_EQ(replica->view().due_cluster_ms, 16'500);
  EXPECT_EQ(replica->view().calendar_ms, kNowMs + 4);
}

TEST(LicensingReplicaTest, GoesOnFromAnInstalledCheckpoint) {
  const std::vector<raft::Entry> log = Life();
  for (size_t cut = 1; cut < log.size(); cut += 3) {
    MemoryStateStore from_store;
    const auto from = MustRestore(&from_store);
    from->Apply({log.data(), cut});
    const std::string folder = "/replica/" + std::to_string(cut);
    ASSERT_EQ(from->Checkpoint(folder), absl::OkStatus());
    MemoryStateStore to_store;
    const auto to = MustRestore(&to_store);
    to->Apply({log.data(), cut / 2});
    ASSERT_EQ(to->Install(folder), absl::OkStatus());
    EXPECT_EQ(to->AppliedIndex(), raft::Index(cut));
    EXPECT_EQ(to->view().term, log[cut - 1].term);
    EXPECT_EQ(to->view().cluster_ms, log[cut - 1].stamp.cluster_ms);
    EXPECT_EQ(to->view().ledger, &to->ledger());
    const std::vector<raft::Entry> rest(log.begin() + cut, log.end());
    const auto answers = to->Apply(rest);
    const auto expected = from->Apply(rest);
    for (size_t i = 0; i < rest.size(); ++i) {
      if (answers[i] == nullptr) continue;
      EXPECT_EQ(ReasonOf(*answers[i]), ReasonOf(*expected[i]));
    }
    EXPECT_EQ(to->ledger().Dump(), from->ledger().Dump());
    EXPECT_EQ(MustRestore(&to_store)->ledger().Dump(), from->ledger().Dump());
  }
}

TEST(LicensingReplicaTest, KeepsItsStateWhereACheckpointIsNotItsOwn) {
  MemoryStateStore from_store;
  const auto from = MustRestore(&from_store);
  from->Apply(Life());
  ASSERT_EQ(from->Checkpoint("/replica/foreign"), absl::OkStatus());
  MemoryStateStore store;
  auto other =
      LicensingReplica::Restore("ffffffffffffffffffffffffffffffff", 1, &store);
  ASSERT_TRUE(other.ok()) << other.status();
  const raft::Entry entry = EntryAt(1, raft::EntryType::kNoop);
  (*other)->Apply({&entry, 1});
  const auto before = (*other)->ledger().Dump();
  EXPECT_EQ((*other)->Install("/replica/foreign").code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ((*other)->AppliedIndex(), raft::Index(1));
  EXPECT_EQ((*other)->ledger().Dump(), before);
  EXPECT_EQ(store.ReadPosition()->index, raft::Index(1));
}

TEST(LicensingReplicaTest, RefusesAnotherClustersRecords) {
  MemoryStateStore store;
  MustRestore(&store)->Apply(Life());
  const auto other =
      LicensingReplica::Restore("ffffffffffffffffffffffffffffffff", 1, &store);
  EXPECT_EQ(other.status().code(), absl::StatusCode::kFailedPrecondition);
  const auto later = LicensingReplica::Restore(kClusterId, 2, &store);
  EXPECT_EQ(later.status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace quorate::server
