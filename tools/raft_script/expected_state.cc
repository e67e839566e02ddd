#include "tools/raft_script/expected_state.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "base/status.h"

namespace quorate::raft_script {

namespace {

constexpr absl::string_view kHandlingReady = " handling Ready";

bool IsLogLine(absl::string_view line) {
  for (const absl::string_view level :
       {"DEBUG ", "INFO ", "WARN ", "ERROR ", "FATAL "}) {
    if (absl::StartsWith(line, level)) return true;
  }
  return false;
}

absl::Status ErrorAt(const Directive& directive, absl::string_view line) {
  return absl::InvalidArgumentError(
      absl::StrCat(directive.position, ": not understood: ", line));
}

}  // namespace

std::optional<uint64_t> NumberAfter(absl::string_view line,
                                    absl::string_view key) {
  const size_t place = line.find(key);
  if (place == absl::string_view::npos) return std::nullopt;
  line.remove_prefix(place + key.size());
  size_t digits = 0;
  while (digits < line.size() &&
         absl::ascii_isdigit(static_cast<unsigned char>(line[digits]))) {
    ++digits;
  }
  uint64_t number = 0;
  if (!absl::SimpleAtoi(line.substr(0, digits), &number)) return std::nullopt;
  return number;
}

std::optional<ExpectedEntry> ParseEntry(absl::string_view line) {
  const std::vector<std::string> parts =
      absl::StrSplit(line, absl::MaxSplits(' ', 2));
  const std::vector<std::string> place = absl::StrSplit(parts[0], '/');
  ExpectedEntry entry;
  if (parts.size() < 2 || place.size() != 2 ||
      !absl::SimpleAtoi(place[0], &entry.term) ||
      !absl::SimpleAtoi(place[1], &entry.index)) {
    return std::nullopt;
  }
  entry.configuration = absl::StartsWith(parts[1], "EntryConfChange");
  if (!entry.configuration && parts[1] != "EntryNormal") return std::nullopt;
  if (parts.size() < 3) return entry;
  if (entry.configuration) {
    entry.text = parts[2];
    return entry;
  }
  absl::string_view quoted = parts[2];
  if (!absl::ConsumePrefix(&quoted, "\"") ||
      !absl::ConsumeSuffix(&quoted, "\"") ||
      !absl::CUnescape(quoted, &entry.text)) {
    return std::nullopt;
  }
  return entry;
}

std::string EntryText(const ExpectedEntry& entry) {
  const std::string place = absl::StrCat(entry.term, "/", entry.index);
  if (!entry.configuration) {
    return absl::StrCat(place, " EntryNormal \"", absl::CEscape(entry.text),
                        "\"");
  }
  return absl::StrCat(place, " EntryConfChange ", entry.text);
}

void ExpectedState::Begin() {
  for (auto& [id, member] : members_) {
    member.stages.clear();
    member.appended_now.clear();
    member.applied_now.clear();
    member.snapshot_now = 0;
  }
}

absl::Status ExpectedState::Learn(const Directive& directive,
                                  uint64_t subject) {
  // Whose Ready the lines are of; 0 while they are about something else.
  uint64_t member = subject;
  Section section = Section::kNone;
  for (const std::string& raw : SplitLines(directive.expected)) {
    absl::string_view line = raw;
    if (absl::ConsumePrefix(&line, "> ")) {
      section = Section::kNone;
      member = 0;
      if (absl::EndsWith(line, kHandlingReady)) {
        member = NumberAfter(line, "").value_or(0);
        if (member == 0) return ErrorAt(directive, raw);
      }
      continue;
    }
    if (member == 0) continue;
    // Under a heading of their own the lines of a Ready are indented.
    if (subject == 0) absl::ConsumePrefix(&line, "  ");
    if (!LearnLine(line, member, section).ok()) return ErrorAt(directive, raw);
  }
  return absl::OkStatus();
}

absl::Status ExpectedState::LearnLine(absl::string_view line, uint64_t subject,
                                      Section& section) {
  ExpectedMember& member = members_[subject];
  if (IsLogLine(line)) return absl::OkStatus();
  if (LearnState(line, member)) {
    if (!member.stages.empty()) member.stages.back() = member.state;
    return absl::OkStatus();
  }
  if (line == "Entries:" || line == "CommittedEntries:" ||
      line == "Messages:" || absl::StartsWith(line, "Ready MustSync=")) {
    section = line == "Entries:"            ? Section::kEntries
              : line == "CommittedEntries:" ? Section::kCommitted
                                            : Section::kOther;
    if (section == Section::kEntries) member.last_index.reset();
    if (absl::StartsWith(line, "Ready ")) member.stages.push_back(member.state);
    return absl::OkStatus();
  }
  if (section == Section::kOther || section == Section::kNone) {
    return absl::OkStatus();
  }
  const std::optional<ExpectedEntry> entry = ParseEntry(line);
  if (!entry.has_value()) {
    return absl::InvalidArgumentError("no entry");
  }
  if (section == Section::kEntries) {
    LearnAppended(*entry, member, !member.last_index.has_value());
    return absl::OkStatus();
  }
  const auto known = committed_.emplace(entry->index, *entry).first;
  if (known->second != *entry) {
    return absl::InvalidArgumentError("two entries are committed at one index");
  }
  member.applied = entry->index;
  member.applied_now.push_back(*entry);
  return absl::OkStatus();
}

// The lines that tell a member's state in one.
bool ExpectedState::LearnState(absl::string_view line, ExpectedMember& member) {
  if (absl::StartsWith(line, "Lead:")) {
    member.state.leader = NumberAfter(line, "Lead:");
    const size_t place = line.find("State:");
    if (place != absl::string_view::npos) {
      member.state.role = std::string(line.substr(place + 6));
    }
    return true;
  }
  if (absl::StartsWith(line, "HardState ")) {
    member.state.term = NumberAfter(line, "Term:");
    member.state.vote = NumberAfter(line, "Vote:").value_or(0);
    member.state.commit = NumberAfter(line, "Commit:");
    return true;
  }
  if (absl::StartsWith(line, "Snapshot ")) {
    member.log.clear();
    member.last_index = NumberAfter(line, "Index:");
    member.applied = member.last_index;
    member.snapshot_now = member.last_index.value_or(0);
    return true;
  }
  return false;
}

// The first entry of a write takes away what was behind it.
void ExpectedState::LearnAppended(const ExpectedEntry& entry,
                                  ExpectedMember& member, bool first) {
  if (first)
    member.log.erase(member.log.lower_bound(entry.index), member.log.end());
  member.log[entry.index] = entry;
  member.appended_now.push_back(entry);
  member.last_index = entry.index;
}

}  // namespace quorate::raft_script
