#include "server/history/history_sums.h"

#include <algorithm>

namespace quorate::history {

using internal::v1::DenialRecord;
using internal::v1::LoadRecord;
using internal::v1::SeatUseRecord;
using internal::v1::UsageRecord;

namespace {

uint64_t Positive(int64_t span_ms) {
  return static_cast<uint64_t>(std::max<int64_t>(span_ms, 0));
}

// Nothing changed in it so far: it begins with what was out before.
void Open(uint64_t opening, int64_t begin_ms, LoadRecord* load) {
  if (load->since_ms() != 0) return;
  load->set_opening(opening);
  load->set_out(opening);
  load->set_since_ms(begin_ms);
  load->set_peak(opening);
  load->set_peak_ms(begin_ms);
}

void RaisePeak(uint64_t out, int64_t at_ms, LoadRecord* load) {
  if (out <= load->peak()) return;
  load->set_peak(out);
  load->set_peak_ms(at_ms);
}

}  // namespace

void AddUse(const SeatUseRecord& use, int64_t ended_ms, UsageRecord* sum) {
  sum->set_seats(sum->seats() + 1);
  sum->set_unit_ms(sum->unit_ms() + use.count() * Positive(use.held_ms()));
  sum->set_last_ms(std::max(sum->last_ms(), ended_ms));
  if (use.waited_ms() <= 0) return;
  const uint64_t waited_ms = Positive(use.waited_ms());
  sum->set_waits(sum->waits() + 1);
  sum->set_waited_ms(sum->waited_ms() + waited_ms);
  sum->set_longest_wait_ms(std::max(sum->longest_wait_ms(), waited_ms));
}

void AddUsage(const UsageRecord& more, UsageRecord* sum) {
  sum->set_seats(sum->seats() + more.seats());
  sum->set_unit_ms(sum->unit_ms() + more.unit_ms());
  sum->set_last_ms(std::max(sum->last_ms(), more.last_ms()));
  sum->set_waits(sum->waits() + more.waits());
  sum->set_waited_ms(sum->waited_ms() + more.waited_ms());
  sum->set_longest_wait_ms(
      std::max(sum->longest_wait_ms(), more.longest_wait_ms()));
}

void AddDenials(const DenialRecord& more, DenialRecord* sum) {
  if (sum->denials() == 0) sum->set_first_ms(more.first_ms());
  sum->set_denials(sum->denials() + more.denials());
  sum->set_last_ms(more.last_ms());
  sum->set_units(std::max(sum->units(), more.units()));
  sum->set_application(more.application());
  sum->set_rule(more.rule());
}

void ChangeLoad(const licensing::LoadChange& change, int64_t begin_ms,
                int64_t now_ms, LoadRecord* load) {
  Open(change.before, begin_ms, load);
  load->set_unit_ms(UnitMsUntil(*load, now_ms));
  load->set_out(change.out);
  load->set_since_ms(now_ms);
  load->set_total(change.total);
  RaisePeak(change.out, now_ms, load);
}

void AddLoad(const LoadRecord& part, int64_t begin_ms, int64_t part_ms,
             LoadRecord* sum) {
  Open(part.opening(), begin_ms, sum);
  sum->set_unit_ms(UnitMsUntil(*sum, part_ms) + part.unit_ms());
  sum->set_out(part.out());
  sum->set_since_ms(part.since_ms());
  sum->set_total(part.total());
  RaisePeak(part.peak(), part.peak_ms(), sum);
}

uint64_t UnitMsUntil(const LoadRecord& load, int64_t until_ms) {
  return load.unit_ms() + load.out() * Positive(until_ms - load.since_ms());
}

}  // namespace quorate::history
