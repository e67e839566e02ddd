// How records of the history add up: into hours, into days, into answers.

#ifndef QUORATE_SERVER_HISTORY_HISTORY_SUMS_H_
#define QUORATE_SERVER_HISTORY_HISTORY_SUMS_H_

#include <cstdint>

#include "quorate/internal/v1/history.pb.h"

#include "server/licensing/history_event.h"

namespace quorate::history {

// A use that ended then.
void AddUse(const internal::v1::SeatUseRecord& use, int64_t ended_ms,
            internal::v1::UsageRecord* sum);
void AddUsage(const internal::v1::UsageRecord& more,
              internal::v1::UsageRecord* sum);

// `more` is not earlier than what is in `sum`.
void AddDenials(const internal::v1::DenialRecord& more,
                internal::v1::DenialRecord* sum);

// A change at `now_ms`, in the period that began at `begin_ms`. An empty record
// is one of a period in which nothing changed so far.
void ChangeLoad(const licensing::LoadChange& change, int64_t begin_ms,
                int64_t now_ms, internal::v1::LoadRecord* load);

// A part of the period that begins at `part_ms`, after what is in `sum`.
void AddLoad(const internal::v1::LoadRecord& part, int64_t begin_ms,
             int64_t part_ms, internal::v1::LoadRecord* sum);

// Units times time from the period's beginning until `until_ms`, which is not
// before the last change.
uint64_t UnitMsUntil(const internal::v1::LoadRecord& load, int64_t until_ms);

}  // namespace quorate::history

#endif  // QUORATE_SERVER_HISTORY_HISTORY_SUMS_H_
