// What the ledger is made of: all that is replicated.

#ifndef QUORATE_SERVER_LICENSING_LEDGER_TABLES_H_
#define QUORATE_SERVER_LICENSING_LEDGER_TABLES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "quorate/internal/v1/record.pb.h"

#include "server/licensing/accounts.h"
#include "server/licensing/ledger.h"
#include "server/licensing/model_books.h"
#include "server/licensing/policy_book.h"
#include "server/licensing/pools.h"
#include "server/licensing/queue.h"
#include "server/licensing/request_log.h"
#include "server/licensing/seats.h"
#include "server/licensing/sessions.h"
#include "server/licensing/terminations.h"
#include "server/licensing/write_offs.h"

namespace quorate::licensing {

// What the ledger's own record holds beside the cluster.
struct Counters {
  uint64_t next_session_id = 1;
  uint64_t next_seat_handle = 1;
  uint64_t next_answer_sequence = 1;
  uint64_t next_queue_place = 1;
  int64_t cluster_ms = 0;
  int64_t calendar_ms = 0;
  uint64_t account_changes = 0;

  friend bool operator==(const Counters&, const Counters&) = default;
};

using LicensesById =
    std::map<std::string, internal::v1::LicenseRecord, std::less<>>;

// Everything that is replicated. Thread-compatible.
struct Tables {
  std::string cluster_id;
  uint32_t cluster_epoch = 0;
  Counters counters;
  LicensesById licenses;
  ModelBooks models;
  Pools pools{&models};
  SessionTable sessions;
  PolicyBook policies;
  Queue queue;
  Terminations terminations;
  WriteOffs write_offs;
  AccountBook accounts;
  SeatTable seats{&pools, &policies, &queue};
  RequestLog requests;
  std::optional<internal::v1::Restoration> restoration;
  std::optional<internal::v1::Retirement> retirement;

  EntryTime time() const {
    return {.cluster_ms = counters.cluster_ms,
            .calendar_ms = counters.calendar_ms};
  }

  // Nothing where no licence and no seat names it.
  std::optional<FeatureView> FindFeature(absl::string_view feature) const;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_LEDGER_TABLES_H_
