// What each member keeps for itself, and only it can tell: asked of each.

#ifndef QUORATE_TOOLS_QUORATE_ONE_MEMBER_H_
#define QUORATE_TOOLS_QUORATE_ONE_MEMBER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "quorate/monitoring/v1/monitoring.pb.h"

#include "client/client_options.h"

namespace quorate::cli {

struct MemberPlace {
  std::string name;
  std::string endpoint;  // Where clients reach it.
};

// All members by the cluster's own word, or the one that is named (NOT_FOUND
// where there is none). Errors as AskStatus has them.
absl::StatusOr<std::vector<MemberPlace>> MembersToAsk(
    const ClientOptions& options, const std::string& only);

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

// Says on standard error which members did not answer. The status of the last
// of them where none of `asked` did.
absl::Status SayWhoIsMissing(const std::vector<std::string>& failures,
                             absl::Status last, size_t asked);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_ONE_MEMBER_H_
