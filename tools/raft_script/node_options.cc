#include "tools/raft_script/node_options.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "replication/raft/membership.h"

namespace quorate::raft_script {

namespace {

using raft::MemberId;

// No script has more; a mistyped number must not fill the memory.
constexpr uint64_t kMaxNodes = 100;

// Far from the end of the type, so that a log can grow from there.
constexpr uint64_t kMaxFirstIndex = uint64_t{1} << 32;

absl::Status ErrorAt(const Directive& directive, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(directive.position, ": ", what));
}

absl::StatusOr<std::vector<MemberId>> ReadIds(const Directive& directive,
                                              absl::string_view key) {
  std::vector<MemberId> ids;
  const std::vector<std::string>* values = directive.Find(key);
  if (values == nullptr) return ids;
  for (const std::string& value : *values) {
    QUORATE_ASSIGN_OR_RETURN(const uint64_t id, ParseNumber(directive, value));
    ids.push_back(MemberId(id));
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

absl::StatusOr<uint64_t> ReadNumber(const Directive& directive,
                                    absl::string_view key, uint64_t fallback) {
  const std::string text = directive.Text(key, "");
  if (text.empty()) return fallback;
  return ParseNumber(directive, text);
}

// A cluster begins after a snapshot that nobody took. Its term is the one that
// ours begin with (state_comparison.h, ScriptTerm).
absl::StatusOr<raft::SnapshotPosition> ReadStart(const Directive& directive,
                                                 uint64_t index) {
  auto configuration = std::make_shared<raft::Configuration>();
  raft::Membership& membership = configuration->membership;
  QUORATE_ASSIGN_OR_RETURN(membership.voters, ReadIds(directive, "voters"));
  QUORATE_ASSIGN_OR_RETURN(membership.learners, ReadIds(directive, "learners"));
  const absl::Status valid = raft::ValidateMembership(membership);
  if (!valid.ok()) return ErrorAt(directive, valid.message());
  for (const MemberId id : raft::MembersExcept(membership, raft::kNobody)) {
    const std::string name = absl::StrCat("m", id.value());
    configuration->addresses.push_back(
        {.id = id,
         .name = name,
         .peer_endpoint = absl::StrCat(name, ":1"),
         .client_endpoint = absl::StrCat(name, ":2")});
  }
  return raft::SnapshotPosition{.index = raft::Index(index),
                                .term = raft::Term(1),
                                .configuration = std::move(configuration),
                                .configuration_index = raft::Index(index),
                                .stamp = {}};
}

}  // namespace

absl::StatusOr<NodeOptions> ReadNodeOptions(const Directive& directive) {
  const std::vector<uint64_t> numbers = directive.Positional();
  if (numbers.size() != 1 || numbers.front() > kMaxNodes) {
    return ErrorAt(directive, "how many?");
  }
  NodeOptions options{.count = numbers.front(), .cluster = {}, .start = {}};
  raft::RaftOptions& core = options.cluster.member.core;
  core.election_ticks = kElectionTicks;
  core.heartbeat_ticks = kHeartbeatTicks;
  // The scripts' core makes a message of each proposal, ours one of all that it
  // finds; their limits of messages count entries.
  if (directive.Find("inflight") != nullptr) core.max_message_bytes = 1;
  QUORATE_ASSIGN_OR_RETURN(
      core.max_inflight_messages,
      ReadNumber(directive, "inflight", core.max_inflight_messages));
  QUORATE_ASSIGN_OR_RETURN(core.max_committed_bytes,
                           ReadNumber(directive, "max-committed-size-per-ready",
                                      core.max_committed_bytes));
  if (core.max_inflight_messages == 0 || core.max_committed_bytes == 0) {
    return ErrorAt(directive, "a limit of zero");
  }
  options.cluster.prevote = directive.Text("prevote", "") == "true";
  options.cluster.checkquorum = directive.Text("checkquorum", "") == "true";
  options.cluster.member.async_writes =
      directive.Text("async-storage-writes", "") == "true";
  QUORATE_ASSIGN_OR_RETURN(const uint64_t index,
                           ReadNumber(directive, "index", 0));
  if (index > kMaxFirstIndex) return ErrorAt(directive, "too high an index");
  if (index > 0) {
    QUORATE_ASSIGN_OR_RETURN(options.start, ReadStart(directive, index));
  }
  return options;
}

}  // namespace quorate::raft_script
