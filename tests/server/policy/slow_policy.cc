#include "tests/server/policy/slow_policy.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"

namespace quorate::policy {
namespace {

using internal::v1::Policy;
using internal::v1::PolicyField;
using internal::v1::PolicyPart;
using internal::v1::PolicyRule;
using internal::v1::PolicyRuleKind;

int ToInt(absl::string_view text) {
  int number = 0;
  (void)absl::SimpleAtoi(text, &number);
  return number;
}

std::vector<int> Numbers(absl::string_view text, char between) {
  std::vector<int> numbers;
  for (const absl::string_view part :
       absl::StrSplit(text, between, absl::SkipEmpty())) {
    numbers.push_back(ToInt(part));
  }
  return numbers;
}

uint64_t Ipv4(absl::string_view text) {
  uint64_t number = 0;
  for (const int byte : Numbers(text, '.'))
    number = number * 256 + static_cast<uint64_t>(byte);
  return number;
}

bool SameName(const Policy& policy, absl::string_view a, absl::string_view b) {
  return policy.ignore_case() ? absl::EqualsIgnoreCase(a, b) : a == b;
}

bool InRange(const std::string& address, const std::string& value) {
  const std::vector<std::string> prefix = absl::StrSplit(value, '/');
  if (prefix.size() == 2) {
    const uint64_t size = uint64_t{1} << (32 - ToInt(prefix[1]));
    return Ipv4(address) / size == Ipv4(prefix[0]) / size;
  }
  const std::vector<std::string> ends = absl::StrSplit(value, '-');
  return Ipv4(ends[0]) <= Ipv4(address) && Ipv4(address) <= Ipv4(ends[1]);
}

bool InVersions(const std::string& version, const std::string& value) {
  const auto dots = value.find("..");
  if (dots == std::string::npos) {
    return Numbers(version, '.') == Numbers(value, '.');
  }
  const std::string last = value.substr(dots + 2);
  if (Numbers(version, '.') < Numbers(value.substr(0, dots), '.')) return false;
  return last.empty() || Numbers(version, '.') <= Numbers(last, '.');
}

bool OnDay(const std::string& days, absl::Weekday day) {
  const std::string week = "montuewedthufrisatsun";
  for (const std::string& part :
       std::vector<std::string>(absl::StrSplit(days, ','))) {
    size_t at = week.find(part.substr(0, 3)) / 3;
    const size_t end = week.find(part.substr(part.size() - 3)) / 3;
    while (static_cast<absl::Weekday>(at) != day && at != end)
      at = (at + 1) % 7;
    if (static_cast<absl::Weekday>(at) == day) return true;
  }
  return false;
}

bool InTimes(int64_t calendar_ms, const std::string& value) {
  std::string days = "mon-sun";
  std::string hours = "00:00-24:00";
  for (const std::string& word :
       std::vector<std::string>(absl::StrSplit(value, ' '))) {
    (word.find(':') == std::string::npos ? days : hours) = word;
  }
  const absl::CivilMinute now = absl::ToCivilMinute(
      absl::FromUnixMillis(calendar_ms), absl::UTCTimeZone());
  // Each minute of the window of today, and of yesterday's.
  for (int back = 0; back < 2; ++back) {
    const absl::CivilDay day = absl::CivilDay(now) - back;
    if (!OnDay(days, absl::GetWeekday(day))) continue;
    const absl::CivilMinute first = absl::CivilMinute(day) +
                                    ToInt(hours.substr(0, 2)) * 60 +
                                    ToInt(hours.substr(3, 2));
    absl::CivilMinute end = absl::CivilMinute(day) +
                            ToInt(hours.substr(6, 2)) * 60 +
                            ToInt(hours.substr(9, 2));
    if (end <= first) end += 24 * 60;
    if (first <= now && now < end) return true;
  }
  return false;
}

std::string TextOf(PolicyField field, const SlowSubject& who) {
  const std::string texts[] = {
      "",          who.user,        who.user,    who.host,
      who.host,    who.address,     who.address, who.project,
      who.project, who.application, who.version, who.display};
  return texts[field];
}

bool OneMatches(const Policy& policy, PolicyField field,
                const std::string& text, const std::string& value) {
  if (text.empty()) return false;
  if (field == internal::v1::POLICY_FIELD_ADDRESS) return InRange(text, value);
  if (field == internal::v1::POLICY_FIELD_VERSION) {
    return InVersions(text, value);
  }
  return SameName(policy, text, value);
}

bool PartMatches(const Policy& policy, const PolicyPart& part,
                 const SlowSubject& who, int64_t calendar_ms) {
  bool any = false;
  for (const std::string& value : part.values()) {
    if (part.field() == internal::v1::POLICY_FIELD_TIME) {
      any |= InTimes(calendar_ms, value);
      continue;
    }
    const std::string text = TextOf(part.field(), who);
    const internal::v1::PolicyGroupKind kind = GroupKindOf(part.field());
    if (kind == 0) any |= OneMatches(policy, part.field(), text, value);
    for (const internal::v1::PolicyGroup& group : policy.groups()) {
      if (kind == 0 || group.kind() != kind || group.name() != value) continue;
      const bool ranges = kind == internal::v1::POLICY_GROUP_KIND_ADDRESSES;
      for (const std::string& member : group.members()) {
        any |= OneMatches(policy,
                          ranges ? internal::v1::POLICY_FIELD_ADDRESS
                                 : internal::v1::POLICY_FIELD_USER,
                          text, member);
      }
    }
  }
  return any != part.negated();
}

// Without a time only by who it is.
bool RuleMatches(const Policy& policy, const PolicyRule& rule,
                 const SlowSubject& who, std::optional<int64_t> calendar_ms) {
  for (const PolicyPart& part : rule.parts()) {
    const bool time = part.field() == internal::v1::POLICY_FIELD_TIME;
    if (time && !calendar_ms.has_value()) continue;
    if (!PartMatches(policy, part, who, calendar_ms.value_or(0))) return false;
  }
  return true;
}

bool InEffect(const Policy& policy, const PolicyRule& rule,
              int64_t calendar_ms) {
  return std::all_of(rule.parts().begin(), rule.parts().end(),
                     [&](const PolicyPart& part) {
                       return part.field() != internal::v1::POLICY_FIELD_TIME ||
                              PartMatches(policy, part, {}, calendar_ms);
                     });
}

}  // namespace

bool IsAbout(const Policy& policy, const PolicyRule& rule,
             const std::string& feature) {
  if (rule.feature_group().empty()) {
    return rule.feature().empty() || rule.feature() == feature;
  }
  for (const internal::v1::PolicyGroup& group : policy.groups()) {
    if (group.kind() != internal::v1::POLICY_GROUP_KIND_FEATURES) continue;
    if (group.name() != rule.feature_group()) continue;
    for (const std::string& member : group.members()) {
      if (member == feature) return true;
    }
  }
  return false;
}

uint64_t SlowUse(const Policy& policy, const PolicyRule& rule,
                 const std::vector<SlowSeat>& seats, const std::string& feature,
                 const SlowSubject& who) {
  uint64_t units = 0;
  for (const SlowSeat& seat : seats) {
    if (seat.feature != feature) continue;
    if (!RuleMatches(policy, rule, seat.holder, std::nullopt)) continue;
    if (rule.each() == internal::v1::POLICY_EACH_USER &&
        !SameName(policy, seat.holder.user, who.user)) {
      continue;
    }
    if (rule.each() == internal::v1::POLICY_EACH_HOST &&
        !SameName(policy, seat.holder.host, who.host)) {
      continue;
    }
    units += seat.units;
  }
  return units;
}

Verdict SlowDecide(const Policy& policy, const std::vector<SlowSeat>& seats,
                   const SlowQuestion& question) {
  uint64_t out = 0;
  for (const SlowSeat& seat : seats) {
    if (seat.feature == question.feature) out += seat.units;
  }
  bool denied = false;
  bool covered = false;
  bool calls_back = false;
  bool full = false;
  bool some_allow = false;
  bool allowed = false;
  uint64_t for_others = 0;
  uint64_t left = question.total;
  for (const PolicyRule& rule : policy.rules()) {
    if (!IsAbout(policy, rule, question.feature)) continue;
    const bool his =
        RuleMatches(policy, rule, question.who, question.calendar_ms);
    const uint64_t used =
        SlowUse(policy, rule, seats, question.feature, question.who);
    const PolicyRuleKind kind = rule.kind();
    denied |= kind == internal::v1::POLICY_RULE_KIND_DENY && his;
    some_allow |= kind == internal::v1::POLICY_RULE_KIND_ALLOW;
    allowed |= kind == internal::v1::POLICY_RULE_KIND_ALLOW && his;
    full |= kind == internal::v1::POLICY_RULE_KIND_LIMIT && his &&
            used + question.count > rule.units();
    if (kind != internal::v1::POLICY_RULE_KIND_RESERVE) continue;
    if (!InEffect(policy, rule, question.calendar_ms)) continue;
    const uint64_t kept = std::min(left, rule.units());
    left -= kept;
    const uint64_t unused = kept - std::min(kept, used);
    calls_back |= rule.lend() && rule.span_ms() > 0;
    if (his) covered |= unused >= question.count;
    if (!his && !rule.lend()) for_others += unused;
  }
  if (denied) return Verdict::kDenied;
  if (!covered && some_allow && !allowed) return Verdict::kNotAllowed;
  if (!covered && full) return Verdict::kOverLimit;
  if (!covered && calls_back) for_others += question.claimed;
  const bool pool_refuses = out + question.count > question.total;
  if (!pool_refuses && out + question.count + for_others > question.total) {
    return Verdict::kReserved;
  }
  return Verdict::kGranted;
}

}  // namespace quorate::policy
