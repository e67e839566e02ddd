// Reading what is played again.

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "quorate/internal/v1/record.pb.h"

#include "base/status.h"
#include "server/history/replay.h"
#include "server/history/stored_record.h"
#include "server/licensing/record_codec.h"

namespace quorate::history {
namespace {

using internal::v1::DenialRecord;
using internal::v1::LoadRecord;
using internal::v1::PolicyVersionRecord;
using internal::v1::SeatRecord;
using internal::v1::SeatUseRecord;
using internal::v1::SessionRecord;
using policy::CompiledPolicy;

// More units or other rules could have granted it.
bool CouldBeGranted(type::v1::ErrorReason reason) {
  return reason == type::v1::ERROR_REASON_POOL_EXHAUSTED ||
         reason == type::v1::ERROR_REASON_COUNT_OVER_TOTAL ||
         reason == type::v1::ERROR_REASON_SEATS_RESERVED ||
         reason == type::v1::ERROR_REASON_POLICY_LIMIT ||
         reason == type::v1::ERROR_REASON_POLICY_DENIED ||
         reason == type::v1::ERROR_REASON_WAIT_TIMED_OUT;
}

class DemandReader {
 public:
  // Not owned.
  DemandReader(absl::string_view feature, int64_t now_ms, Demands* demands,
               HistoryView* view)
      : feature_(feature), now_ms_(now_ms), demands_(demands), view_(view) {}

  absl::Status Read();

 private:
  absl::Status ReadUses();
  absl::Status ReadSeats();
  absl::Status ReadDenials();
  absl::Status ReadLicensed();
  absl::Status Add(Demand demand);

  const absl::string_view feature_;
  const int64_t now_ms_;
  Demands* const demands_;
  HistoryView* const view_;
};

absl::Status DemandReader::Add(Demand demand) {
  if (demand.at_ms < demands_->from_ms || demand.at_ms >= demands_->until_ms) {
    return absl::OkStatus();
  }
  if (demands_->demands.size() >= kMaxDemands) {
    return absl::OutOfRangeError("too much was used to be played again");
  }
  demands_->demands.push_back(std::move(demand));
  return absl::OkStatus();
}

absl::Status DemandReader::ReadUses() {
  SeatUseRecord use;
  return view_->VisitRecords(
      HistoryKind::kUse, feature_, demands_->from_ms, now_ms_ + 1,
      [&](const HistoryKey& key, absl::string_view value) -> absl::Status {
        QUORATE_RETURN_IF_ERROR(ParseStored(key.rest, value, &use));
        return Add({.at_ms = key.time_ms - use.held_ms() - use.waited_ms(),
                    .held_ms = use.held_ms(),
                    .count = use.count(),
                    .subject = {.user = use.user(),
                                .host = use.host(),
                                .application = use.application(),
                                .project = use.project()}});
      });
}

absl::Status DemandReader::ReadSeats() {
  std::vector<SeatRecord> seats;
  QUORATE_RETURN_IF_ERROR(view_->VisitFamily(
      static_cast<char>(licensing::RecordFamily::kSeat),
      [&](absl::string_view key, absl::string_view value) -> absl::Status {
        SeatRecord seat;
        QUORATE_RETURN_IF_ERROR(ParseStored(key, value, &seat));
        if (seat.feature() == feature_) seats.push_back(std::move(seat));
        return absl::OkStatus();
      }));
  for (const SeatRecord& seat : seats) {
    QUORATE_ASSIGN_OR_RETURN(
        const std::optional<SessionRecord> session,
        view_->Find<SessionRecord>(licensing::SessionKey(seat.session_id())));
    if (!session.has_value()) continue;
    const int64_t begun_ms =
        std::max(seat.granted_calendar_ms(), seat.used_since_calendar_ms());
    if (begun_ms == 0) continue;
    QUORATE_RETURN_IF_ERROR(
        Add({.at_ms = begun_ms - seat.waited_ms(),
             .held_ms = now_ms_ - begun_ms,
             .count = seat.count(),
             .subject = {.user = session->description().user(),
                         .host = session->description().host(),
                         .application = session->description().application(),
                         .project = session->description().project()}}));
  }
  return absl::OkStatus();
}

absl::Status DemandReader::ReadDenials() {
  int64_t mean_ms = 0;
  for (const Demand& demand : demands_->demands) {
    // Of sums that fit: 500,000 times the years that a seat is held.
    mean_ms += demand.held_ms / static_cast<int64_t>(demands_->demands.size());
  }
  DenialRecord denials;
  return view_->VisitRecords(
      HistoryKind::kHourDenials, feature_, FloorHour(demands_->from_ms),
      demands_->until_ms,
      [&](const HistoryKey& key, absl::string_view value) -> absl::Status {
        const std::optional<DenialRestParts> parts = ParseDenialRest(key.rest);
        if (!parts.has_value()) return DamagedRecord(key.rest);
        if (!CouldBeGranted(parts->reason)) return absl::OkStatus();
        QUORATE_RETURN_IF_ERROR(ParseStored(key.rest, value, &denials));
        return Add({.at_ms = denials.first_ms(),
                    .held_ms = mean_ms,
                    .count = std::max<uint64_t>(denials.units(), 1),
                    .subject = {.user = std::string(parts->subject.user),
                                .host = std::string(parts->subject.host),
                                .application = denials.application(),
                                .project = std::string(parts->subject.project)},
                    .was_denied = true});
      });
}

absl::Status DemandReader::ReadLicensed() {
  LoadRecord load;
  return view_->VisitRecords(
      HistoryKind::kHourLoad, feature_, FloorHour(demands_->from_ms),
      demands_->until_ms,
      [&](const HistoryKey& key, absl::string_view value) -> absl::Status {
        QUORATE_RETURN_IF_ERROR(ParseStored(key.rest, value, &load));
        demands_->licensed = load.total();
        return absl::OkStatus();
      });
}

absl::Status DemandReader::Read() {
  QUORATE_RETURN_IF_ERROR(ReadUses());
  QUORATE_RETURN_IF_ERROR(ReadSeats());
  QUORATE_RETURN_IF_ERROR(ReadDenials());
  QUORATE_RETURN_IF_ERROR(ReadLicensed());
  std::stable_sort(demands_->demands.begin(), demands_->demands.end(),
                   [](const Demand& left, const Demand& right) {
                     return left.at_ms < right.at_ms;
                   });
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Demands> ReadDemands(absl::string_view feature, int64_t from_ms,
                                    int64_t until_ms, int64_t now_ms,
                                    HistoryView* view) {
  Demands demands = {.from_ms = std::max(from_ms, view->uses_from_ms()),
                     .until_ms = std::min(until_ms, now_ms + 1)};
  DemandReader reader(feature, now_ms, &demands, view);
  QUORATE_RETURN_IF_ERROR(reader.Read());
  return demands;
}

absl::StatusOr<std::unique_ptr<const CompiledPolicy>> ReadPolicyInForce(
    HistoryView* view) {
  PolicyVersionRecord last;
  QUORATE_RETURN_IF_ERROR(view->VisitFamily(
      static_cast<char>(licensing::RecordFamily::kPolicyVersion),
      [&last](absl::string_view key, absl::string_view value) {
        return ParseStored(key, value, &last);
      }));
  std::vector<policy::PolicyFault> faults;
  auto compiled = CompiledPolicy::Compile(last.policy(), &faults);
  if (compiled == nullptr) return DamagedRecord("the policy in force");
  return compiled;
}

}  // namespace quorate::history
