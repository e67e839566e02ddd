#include "tools/raft_script/member_text.h"

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace quorate::raft_script {

namespace {

using raft::MemberChange;
using raft::MemberId;

std::optional<MemberChange::Kind> KindOfLetter(char letter) {
  switch (letter) {
    case 'v':
      return MemberChange::Kind::kAddVoter;
    case 'l':
      return MemberChange::Kind::kAddLearner;
    case 'r':
      return MemberChange::Kind::kRemove;
    case 'u':
      return MemberChange::Kind::kUpdate;
    default:
      return std::nullopt;
  }
}

std::string IdsText(const std::vector<MemberId>& ids) {
  return absl::StrCat("(",
                      absl::StrJoin(ids, " ",
                                    [](std::string* out, MemberId id) {
                                      absl::StrAppend(out,
                                                      absl::Hex(id.value()));
                                    }),
                      ")");
}

}  // namespace

absl::StatusOr<std::vector<MemberChange>> ParseChanges(absl::string_view text) {
  std::vector<MemberChange> changes;
  for (const absl::string_view word :
       absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty())) {
    uint64_t id = 0;
    const std::optional<MemberChange::Kind> kind = KindOfLetter(word.front());
    if (!kind.has_value() || !absl::SimpleAtoi(word.substr(1), &id)) {
      return absl::InvalidArgumentError(
          absl::StrCat("not a change of a member: ", word));
    }
    changes.push_back({.kind = *kind, .id = MemberId(id)});
  }
  return changes;
}

std::string MembershipText(const raft::Membership& membership) {
  std::string text = absl::StrCat("voters=", IdsText(membership.voters));
  if (!membership.voters_outgoing.empty()) {
    absl::StrAppend(&text, "&&", IdsText(membership.voters_outgoing));
  }
  if (!membership.learners.empty()) {
    absl::StrAppend(&text, " learners=", IdsText(membership.learners));
  }
  if (!membership.learners_next.empty()) {
    absl::StrAppend(&text,
                    " learners_next=", IdsText(membership.learners_next));
  }
  if (membership.auto_leave) absl::StrAppend(&text, " autoleave");
  return text;
}

}  // namespace quorate::raft_script
