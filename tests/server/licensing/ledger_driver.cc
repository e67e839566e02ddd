#include "tests/server/licensing/ledger_driver.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "server/licensing/restoration.h"
#include "tests/server/licensing/commands.h"

namespace quorate::licensing {

using internal::v1::Command;

void ApplyChanges(const std::vector<RecordChange>& changes, Records* records) {
  std::set<std::string> keys;
  for (const RecordChange& change : changes) {
    EXPECT_TRUE(keys.insert(change.key).second) << "a key changes twice";
    if (change.value.has_value()) {
      (*records)[change.key] = *change.value;
    } else {
      EXPECT_EQ(records->erase(change.key), 1u) << "erases what is not there";
    }
  }
}

std::unique_ptr<Ledger> RestoreLedger(const Records& records,
                                      const LedgerLimits& limits,
                                      uint64_t order_seed,
                                      uint32_t cluster_epoch) {
  std::vector<std::pair<std::string, std::string>> order(records.begin(),
                                                         records.end());
  Random random(order_seed);
  for (size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[random.Below(i)]);
  }
  auto ledger = std::make_unique<Ledger>(kClusterId, cluster_epoch, limits);
  for (const auto& [key, value] : order) {
    const absl::Status status = ledger->RestoreRecord(key, value);
    EXPECT_TRUE(status.ok()) << status;
  }
  const absl::Status status = ledger->FinishRestore();
  EXPECT_TRUE(status.ok()) << status;
  return ledger;
}

Records DumpedRecords(const Ledger& ledger) {
  Records records;
  std::string previous;
  for (const RecordChange& change : ledger.Dump()) {
    EXPECT_LT(previous, change.key) << "the dump is out of order";
    previous = change.key;
    records[change.key] = change.value.value();
  }
  return records;
}

absl::StatusOr<Records> RestoredRecords(const Records& records,
                                        uint32_t epoch) {
  Records restored = records;
  for (const auto& [key, value] : records) {
    const auto change =
        RestoreRecordFor({.epoch = epoch, .restore_id = "b"}, key, value);
    if (!change.ok()) return change.status();
    if (!change->has_value()) continue;
    EXPECT_EQ((*change)->key, key);
    restored.erase(key);
    if ((*change)->value.has_value()) restored[key] = *(*change)->value;
  }
  return restored;
}

std::string Fact(const LedgerAnswer& answer, const std::string& key) {
  for (const auto& [name, value] : answer.metadata) {
    if (name == key) return value;
  }
  return "";
}

LedgerDriver::LedgerDriver(const LedgerLimits& limits)
    : limits(limits), ledger(std::make_unique<Ledger>(kClusterId, 1, limits)) {}

LedgerAnswer LedgerDriver::Do(Command command, const std::string& principal) {
  return Apply(Prepared(std::move(command), principal));
}

LedgerAnswer LedgerDriver::DoAsAlice(const Command& command) {
  return Do(command, kAlice);
}

LedgerAnswer LedgerDriver::Apply(const Command& command) {
  last_changes.clear();
  LedgerAnswer answer = ledger->Apply(command, now, &last_changes);
  ApplyChanges(last_changes, &records);
  EXPECT_EQ(records, DumpedRecords(*ledger));
  const absl::Status status = ledger->CheckInvariants();
  EXPECT_TRUE(status.ok()) << status;
  return answer;
}

Command LedgerDriver::Prepared(Command command, const std::string& principal) {
  command.set_request_id(absl::StrCat("r", next_request++));
  command.set_principal(principal);
  command.set_not_after_cluster_ms(now.cluster_ms + kAttemptMs);
  return command;
}

uint64_t LedgerDriver::OpenSession(int64_t ttl_ms) {
  const LedgerAnswer answer = DoAsAlice(OpenCommand(ttl_ms));
  EXPECT_TRUE(answer.ok());
  return answer.session_id;
}

uint64_t LedgerDriver::out(const std::string& feature) const {
  const std::optional<PoolView> pool = ledger->FindPool(feature);
  return pool.has_value() ? pool->out : 0;
}

uint64_t LedgerDriver::total(const std::string& feature) const {
  const std::optional<PoolView> pool = ledger->FindPool(feature);
  return pool.has_value() ? pool->total : 0;
}

}  // namespace quorate::licensing
