#include "tools/raft_script/script_kind.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "tools/raft_script/interaction_script.h"
#include "tools/raft_script/membership_script.h"
#include "tools/raft_script/quorum_script.h"

namespace quorate::raft_script {

namespace {

struct Kind {
  absl::string_view name;
  std::vector<absl::string_view> commands;
  std::unique_ptr<RunningScript> (*start)();
};

const std::vector<Kind>& Kinds() {
  static const auto* const kKinds = new std::vector<Kind>{
      {"quorum",
       {"committed", "vote"},
       []() -> std::unique_ptr<RunningScript> {
         return std::make_unique<QuorumScript>();
       }},
      {"confchange",
       {"simple", "enter-joint", "leave-joint"},
       []() -> std::unique_ptr<RunningScript> {
         return std::make_unique<MembershipScript>();
       }},
      {"interaction", InteractionScript::Commands(),
       []() -> std::unique_ptr<RunningScript> {
         return std::make_unique<InteractionScript>();
       }},
  };
  return *kKinds;
}

const Kind* FindKind(absl::string_view name) {
  for (const Kind& kind : Kinds()) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

bool HasCommand(const Kind& kind, absl::string_view command) {
  return std::find(kind.commands.begin(), kind.commands.end(), command) !=
         kind.commands.end();
}

}  // namespace

absl::StatusOr<std::unique_ptr<RunningScript>> StartScript(
    absl::string_view kind) {
  const Kind* const found = FindKind(kind);
  if (found == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("no such kind: ", kind));
  }
  return found->start();
}

absl::StatusOr<std::string> KindOf(absl::Span<const Directive> directives) {
  for (const Kind& kind : Kinds()) {
    if (std::all_of(directives.begin(), directives.end(),
                    [&kind](const Directive& directive) {
                      return HasCommand(kind, directive.command);
                    })) {
      return std::string(kind.name);
    }
  }
  return absl::InvalidArgumentError("no kind of script has all its commands");
}

absl::StatusOr<std::optional<Difference>> RunScript(absl::string_view path,
                                                    absl::string_view text,
                                                    absl::string_view kind) {
  const std::vector<std::string> lines = SplitLines(text);
  QUORATE_ASSIGN_OR_RETURN(const std::vector<Directive> directives,
                           ParseScript(path, lines));
  if (directives.empty()) {
    return absl::InvalidArgumentError("a script without commands");
  }
  std::string name(kind);
  if (name.empty()) {
    QUORATE_ASSIGN_OR_RETURN(name, KindOf(directives));
  }
  QUORATE_ASSIGN_OR_RETURN(const std::unique_ptr<RunningScript> script,
                           StartScript(name));
  for (const Directive& directive : directives) {
    if (!HasCommand(*FindKind(name), directive.command)) {
      return absl::InvalidArgumentError(absl::StrCat(
          directive.position, ": no such command: ", directive.command));
    }
    QUORATE_ASSIGN_OR_RETURN(std::optional<Difference> difference,
                             script->Run(directive));
    if (difference.has_value()) return difference;
  }
  return std::nullopt;
}

}  // namespace quorate::raft_script
