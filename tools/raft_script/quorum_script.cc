#include "tools/raft_script/quorum_script.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "base/status.h"
#include "replication/raft/membership.h"
#include "replication/raft/quorum.h"
#include "tools/raft_script/text_comparison.h"

namespace quorate::raft_script {

namespace {

using raft::Index;
using raft::kEveryIndex;
using raft::MemberId;
using raft::Membership;
using raft::VoteResult;

// Of each voter that has answered. A vote is 2 for yes and 1 for no, so that
// both commands read their answers alike; 0 in the script's list is "_".
using Answers = std::map<MemberId, uint64_t>;

// What a command is about.
struct Question {
  Membership membership;
  bool joint = false;              // cfgj is there, if only as "zero".
  std::vector<MemberId> in_order;  // As the script names them, each once.
  std::vector<uint64_t> listed;    // As the script lists them.
  Answers answers;
};

absl::Status ReadVoters(const Directive& d, absl::string_view key,
                        std::vector<MemberId>& half, Question& question) {
  const std::vector<std::string>* values = d.Find(key);
  if (values == nullptr || *values == std::vector<std::string>{"zero"}) {
    return absl::OkStatus();
  }
  for (const std::string& value : *values) {
    QUORATE_ASSIGN_OR_RETURN(const uint64_t number, ParseNumber(d, value));
    const MemberId id(number);
    half.push_back(id);
    std::vector<MemberId>& all = question.in_order;
    if (std::find(all.begin(), all.end(), id) == all.end()) all.push_back(id);
  }
  std::sort(half.begin(), half.end());
  half.erase(std::unique(half.begin(), half.end()), half.end());
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> ReadAnswer(const Directive& d,
                                    const std::string& value) {
  if (value == "_") return 0;
  if (d.command == "committed") return ParseNumber(d, value);
  if (value == "y") return 2;
  if (value == "n") return 1;
  return absl::InvalidArgumentError(
      absl::StrCat(d.position, ": not a vote: ", value));
}

absl::StatusOr<Question> ReadQuestion(const Directive& d) {
  Question question;
  question.joint = d.Find("cfgj") != nullptr;
  QUORATE_RETURN_IF_ERROR(
      ReadVoters(d, "cfg", question.membership.voters, question));
  QUORATE_RETURN_IF_ERROR(
      ReadVoters(d, "cfgj", question.membership.voters_outgoing, question));
  const auto* values = d.Find(d.command == "committed" ? "idx" : "votes");
  if (values == nullptr) return question;
  for (const std::string& value : *values) {
    QUORATE_ASSIGN_OR_RETURN(const uint64_t answer, ReadAnswer(d, value));
    const size_t place = question.listed.size();
    question.listed.push_back(answer);
    if (answer != 0 && place < question.in_order.size()) {
      question.answers[question.in_order[place]] = answer;
    }
  }
  return question;
}

Index IndexOf(const Answers& answers, MemberId id) {
  const auto found = answers.find(id);
  return found == answers.end() ? Index(0) : Index(found->second);
}

Index Committed(const Membership& membership, const Answers& answers) {
  return raft::QuorumIndex(
      membership, [&answers](MemberId id) { return IndexOf(answers, id); });
}

VoteResult Tally(const Membership& membership, const Answers& answers) {
  return raft::TallyVotes(membership,
                          [&answers](MemberId id) -> std::optional<bool> {
                            const auto found = answers.find(id);
                            if (found == answers.end()) return std::nullopt;
                            return found->second == 2;
                          });
}

Membership Swapped(Membership membership) {
  std::swap(membership.voters, membership.voters_outgoing);
  return membership;
}

std::string IndexText(Index index) {
  return index == kEveryIndex ? "∞" : absl::StrCat(index.value());
}

const char* VoteText(VoteResult result) {
  switch (result) {
    case VoteResult::kPending:
      return "VotePending";
    case VoteResult::kWon:
      return "VoteWon";
    case VoteResult::kLost:
      return "VoteLost";
  }
  return "";
}

// Who has acknowledged how much, as bars: equally long for equal indexes, and
// as long as the number of voters that are behind.
std::string Diagram(const Question& question) {
  const std::vector<MemberId> voters =
      raft::MembersExcept(question.membership, raft::kNobody);
  if (voters.empty()) return "<empty majority quorum>";
  std::string text = absl::StrCat(std::string(voters.size(), ' '), "    idx\n");
  for (const MemberId voter : voters) {
    const Index index = IndexOf(question.answers, voter);
    const auto behind = static_cast<size_t>(std::count_if(
        voters.begin(), voters.end(), [&question, index](MemberId other) {
          return IndexOf(question.answers, other) < index;
        }));
    const bool known = question.answers.count(voter) > 0;
    const size_t rest = voters.size() - (known ? behind : 0);
    absl::StrAppend(&text, std::string(behind, 'x'), known ? ">" : "?",
                    std::string(rest, ' '));
    absl::StrAppendFormat(&text, " %5d    (id=%x)\n", index.value(),
                          voter.value());
  }
  return text;
}

// The slow, obvious count: the highest index that more than half have.
Index CountedIndex(const Membership& membership, const Answers& answers) {
  if (membership.voters.empty()) return kEveryIndex;
  Index best(0);
  for (const auto& [candidate_id, value] : answers) {
    const auto reached =
        std::count_if(membership.voters.begin(), membership.voters.end(),
                      [&answers, value = value](MemberId id) {
                        return IndexOf(answers, id) >= Index(value);
                      });
    if (static_cast<size_t>(reached) > membership.voters.size() / 2) {
      best = std::max(best, Index(value));
    }
  }
  return best;
}

// Other ways to the same index; what they say is printed where it differs.
std::string OtherWays(const Question& question, Index index) {
  std::string text;
  const auto note = [&text, index](Index other, absl::string_view way) {
    if (other == index) return;
    absl::StrAppend(&text, IndexText(other), " <-- ", way, "\n");
  };
  const Membership& membership = question.membership;
  if (question.joint) {
    note(Committed(Swapped(membership), question.answers), "via symmetry");
    return text;
  }
  note(CountedIndex(membership, question.answers),
       "via alternative computation");
  note(Committed(Swapped(membership), question.answers),
       "via zero-joint quorum");
  Membership doubled = membership;
  doubled.voters_outgoing = membership.voters;
  note(Committed(doubled, question.answers), "via self-joint quorum");
  for (const auto& [id, own] : question.answers) {
    if (Index(own) >= index) continue;
    // Who was behind may be further behind.
    for (const uint64_t lower : {own - 1, uint64_t{0}}) {
      Answers lowered = question.answers;
      lowered[id] = lower;
      note(Committed(membership, lowered),
           absl::StrCat("overlaying ", id.value(), "->", lower));
    }
  }
  return text;
}

std::string AnswerCommitted(const Question& question) {
  const Index index = Committed(question.membership, question.answers);
  return absl::StrCat(Diagram(question), OtherWays(question, index),
                      IndexText(index), "\n");
}

std::string AnswerVote(const Question& question) {
  const VoteResult result = Tally(question.membership, question.answers);
  const VoteResult swapped =
      Tally(Swapped(question.membership), question.answers);
  return absl::StrCat(swapped == result ? ""
                                        : absl::StrCat(VoteText(swapped),
                                                       " <-- via symmetry\n"),
                      VoteText(result), "\n");
}

std::string MismatchText(const Question& question) {
  const std::string voters =
      absl::StrJoin(raft::MembersExcept(question.membership, raft::kNobody),
                    " ", [](std::string* out, MemberId id) {
                      absl::StrAppend(out, id.value(), ":{}");
                    });
  return absl::StrCat("error: mismatched input (explicit or _) for voters map[",
                      voters, "]: [", absl::StrJoin(question.listed, " "), "]");
}

}  // namespace

absl::StatusOr<std::optional<Difference>> QuorumScript::Run(
    const Directive& directive) {
  QUORATE_ASSIGN_OR_RETURN(const Question question, ReadQuestion(directive));
  if (question.listed.size() != question.in_order.size()) {
    return CompareText(directive, MismatchText(question));
  }
  return CompareText(directive, directive.command == "committed"
                                    ? AnswerCommitted(question)
                                    : AnswerVote(question));
}

}  // namespace quorate::raft_script
