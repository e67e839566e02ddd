// One machine comes in: by a token, or back to its own place.

#ifndef QUORATE_SERVER_JOIN_ADMISSION_H_
#define QUORATE_SERVER_JOIN_ADMISSION_H_

#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "absl/time/time.h"

#include "quorate/internal/v1/join.pb.h"

#include "base/clock.h"
#include "replication/node/node.h"
#include "replication/raft/types.h"
#include "server/rpc/response_header.h"
#include "server/rpc/status_translation.h"

namespace quorate::server {

struct Newcomer {
  raft::MemberAddress address;  // `promote`: where it replaces nobody.

  // Whose name and part it takes over; kNobody: it is one more member.
  raft::MemberId replaces = raft::kNobody;
};

// Has the members agree on newcomers, each in one change: the one that it
// replaces goes as it comes, so that no more than one vote is ever missing.
// Thread-safe. Outlives what the node may still answer.
class Admission {
 public:
  struct Deps {
    replication::Node* node = nullptr;  // Not owned.
    const Clock* clock = nullptr;       // Not owned.
  };

  using Outcome = std::variant<Refusal, internal::v1::Admission>;
  using Done = std::function<void(Outcome)>;

  Admission(const Deps& deps, MemberDescription member)
      : deps_(deps), member_(std::move(member)) {}

  // Makes the newcomer a learner, and tells who the members are then. A repeat
  // of what is done is no error. `done` is called once, on a thread of the
  // node or on the caller's; it must not block.
  void Admit(const Newcomer& newcomer, absl::Duration timeout, Done done);

 private:
  struct Step;

  void Change(const Step& step);
  void Answer(const Step& step);
  absl::Duration Left(absl::Duration deadline) const;

  const Deps deps_;
  const MemberDescription member_;
};

// Why `newcomer` may not come in, and otherwise the change that lets it. Pure.
std::variant<Refusal, raft::ConfigurationChange> PlanAdmission(
    const replication::NodeStatus& status, const Newcomer& newcomer);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_JOIN_ADMISSION_H_
