// A ledger with what surrounds it in a member: stamps that move when the test
// says so, fresh request ids, and the records as a database would hold them.

#ifndef QUORATE_TESTS_SERVER_LICENSING_LEDGER_DRIVER_H_
#define QUORATE_TESTS_SERVER_LICENSING_LEDGER_DRIVER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "quorate/internal/v1/command.pb.h"

#include "server/licensing/ledger.h"

namespace quorate::licensing {

using Records = std::map<std::string, std::string>;

// A change in order to `records`. Fails the test where a key stands in
// `changes` twice, or something is erased that is not there.
void ApplyChanges(const std::vector<RecordChange>& changes, Records* records);

// A ledger restored from `records`, visited in an order that depends on
// `order_seed`. Fails the test, and returns an empty ledger, on an error.
std::unique_ptr<Ledger> RestoreLedger(const Records& records,
                                      const LedgerLimits& limits,
                                      uint64_t order_seed,
                                      uint32_t cluster_epoch = 1);

Records DumpedRecords(const Ledger& ledger);

// The same by the records of a backup, restored one by one as that epoch.
absl::StatusOr<Records> RestoredRecords(const Records& records, uint32_t epoch);

// The metadata value under `key`; empty where there is none.
std::string Fact(const LedgerAnswer& answer, const std::string& key);

class LedgerDriver {
 public:
  explicit LedgerDriver(const LedgerLimits& limits = {});

  // Applies as `principal` with a fresh request id.
  LedgerAnswer Do(internal::v1::Command command, const std::string& principal);
  LedgerAnswer DoAsAlice(const internal::v1::Command& command);
  // Applies as it is. Checks invariants and that the records are the dump.
  LedgerAnswer Apply(const internal::v1::Command& command);

  // With a fresh request id and a time limit.
  internal::v1::Command Prepared(internal::v1::Command command,
                                 const std::string& principal);

  void PassClusterTime(int64_t span_ms) { now.cluster_ms += span_ms; }

  void PassCalendar(int64_t span_ms) { now.calendar_ms += span_ms; }

  uint64_t OpenSession(int64_t ttl_ms = kDefaultTtlMs);
  uint64_t out(const std::string& feature) const;
  uint64_t total(const std::string& feature) const;

  LedgerLimits limits;
  EntryTime now{.cluster_ms = 1'000, .calendar_ms = 1'700'000'000'000};
  std::unique_ptr<Ledger> ledger;
  Records records;
  std::vector<RecordChange> last_changes;
  uint64_t next_request = 1;
};

}  // namespace quorate::licensing

#endif  // QUORATE_TESTS_SERVER_LICENSING_LEDGER_DRIVER_H_
