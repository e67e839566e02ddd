// What each member keeps for itself, and only it can tell: asked of each.

#ifndef QUORATE_TOOLS_QUORATE_ONE_MEMBER_H_
#define QUORATE_TOOLS_QUORATE_ONE_MEMBER_H_

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "quorate/monitoring/v1/monitoring.pb.h"

#include "client/client_options.h"

namespace quorate::cli {

struct MemberPlace {
  std::string name;
  std::string endpoint;  // Where clients reach it.
};

// One member, also where it serves no more. Each call is one attempt.
// Thread-safe.
class OneMember {
 public:
  OneMember(const ClientOptions& options, const std::string& endpoint);
  ~OneMember();

  OneMember(const OneMember&) = delete;
  OneMember& operator=(const OneMember&) = delete;

  absl::StatusOr<monitoring::v1::SearchLogsResponse> SearchLogs(
      const monitoring::v1::SearchLogsRequest& request);
  absl::StatusOr<monitoring::v1::GetLatencyResponse> GetLatency(
      const monitoring::v1::GetLatencyRequest& request);

 private:
  struct Calls;

  const std::unique_ptr<Calls> calls_;
};

// Calls `ask` for each member by the cluster's own word, one after another, or
// only for the one that is named (NOT_FOUND where there is none). Who does not
// answer is left out, and named on standard error. Fails where nobody answers,
// with what `ask` fails with where the member did answer, and as AskStatus.
absl::Status AskEachMember(
    const ClientOptions& options, const std::string& only,
    absl::FunctionRef<absl::Status(const MemberPlace&)> ask);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_ONE_MEMBER_H_
