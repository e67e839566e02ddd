#include "client/messages.h"

#include "absl/strings/str_cat.h"

#include "base/utf8.h"
#include "client/caller.h"

namespace quorate {

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) +
         absl::Nanoseconds(duration.nanos());
}

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) +
         absl::Nanoseconds(time.nanos());
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration result;
  result.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  result.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return result;
}

std::string RequestIdOf(const CallOptions& options) {
  return options.request_id.empty() ? DrawRequestId() : options.request_id;
}

absl::Status CheckText(absl::string_view field, absl::string_view text) {
  if (IsUtf8(text)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, " is not UTF-8"));
}

}  // namespace quorate
