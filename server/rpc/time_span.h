// A span of time that a request is about.

#ifndef QUORATE_SERVER_RPC_TIME_SPAN_H_
#define QUORATE_SERVER_RPC_TIME_SPAN_H_

#include <cstdint>
#include <optional>

#include "google/protobuf/timestamp.pb.h"

#include "server/rpc/response_header.h"
#include "server/rpc/validation.h"

namespace quorate::server {

// Where no beginning is given.
inline constexpr int64_t kDefaultSpanMs = int64_t{30} * 24 * 3'600'000;

// [from_ms, until_ms); what was not given is found when it is asked for.
struct AskedSpan {
  std::optional<int64_t> from_ms;
  std::optional<int64_t> until_ms;

  // What happens now is in it.
  int64_t Until(int64_t now_ms) const { return until_ms.value_or(now_ms + 1); }

  int64_t From(int64_t now_ms) const {
    return from_ms.value_or(Until(now_ms) - kDefaultSpanMs);
  }
};

// Adds a fault for one that is no time.
inline int64_t ReadTime(const google::protobuf::Timestamp& time,
                        absl::string_view field, FieldFaults* faults) {
  if (IsTime(time)) return MsOf(time);
  faults->Add(field, "must be from 1970 to 9999");
  return 0;
}

// Of a request with start_time and end_time.
template <typename Request>
AskedSpan ReadSpan(const Request& request, FieldFaults* faults) {
  AskedSpan span;
  if (request.has_start_time()) {
    span.from_ms = ReadTime(request.start_time(), "start_time", faults);
  }
  if (request.has_end_time()) {
    span.until_ms = ReadTime(request.end_time(), "end_time", faults);
  }
  if (span.from_ms.has_value() && span.until_ms.has_value() &&
      *span.from_ms >= *span.until_ms) {
    faults->Add("end_time", "must be after start_time");
  }
  return span;
}

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_TIME_SPAN_H_
