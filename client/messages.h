// What goes into messages to the cluster, and comes out of them.

#ifndef QUORATE_CLIENT_MESSAGES_H_
#define QUORATE_CLIENT_MESSAGES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

#include "client/client_options.h"

namespace quorate {

absl::Duration FromProto(const google::protobuf::Duration& duration);
absl::Time FromProto(const google::protobuf::Timestamp& time);
google::protobuf::Duration ToProto(absl::Duration duration);

// The one that the options name, or a fresh one.
std::string RequestIdOf(const CallOptions& options);

// INVALID_ARGUMENT where it is not UTF-8: such a message is refused by the
// transport, without a reason.
absl::Status CheckText(absl::string_view field, absl::string_view text);

}  // namespace quorate

#endif  // QUORATE_CLIENT_MESSAGES_H_
