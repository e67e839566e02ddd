#include "server/licensing/refusals.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "base/check.h"

namespace quorate::licensing {
namespace {

uint64_t NumberIn(const LedgerAnswer& refusal, absl::string_view key) {
  uint64_t number = 0;
  for (const auto& [name, value] : refusal.metadata) {
    if (name == key) QUORATE_CHECK(absl::SimpleAtoi(value, &number));
  }
  return number;
}

}  // namespace

LedgerAnswer Refuse(ErrorReason reason, std::initializer_list<Fact> facts) {
  LedgerAnswer answer;
  answer.reason = reason;
  answer.metadata.reserve(facts.size());
  for (const Fact& fact : facts) {
    answer.metadata.emplace_back(std::string(fact.first), fact.second);
  }
  return answer;
}

LedgerAnswer RefuseField(absl::string_view field, absl::string_view problem) {
  return Refuse(
      type::v1::ERROR_REASON_BAD_REQUEST,
      {{"field", std::string(field)}, {"problem", std::string(problem)}});
}

LedgerAnswer RefuseCoolDown(absl::string_view feature, int64_t left_ms) {
  return Refuse(type::v1::ERROR_REASON_COOLING_DOWN,
                {{"feature", std::string(feature)},
                 {"seconds_left", absl::StrCat((left_ms + 999) / 1000)}});
}

LedgerAnswer RefuseOverLimit(absl::string_view limit, uint64_t max) {
  return Refuse(type::v1::ERROR_REASON_LIMIT_REACHED,
                {{"limit", std::string(limit)}, {"max", absl::StrCat(max)}});
}

bool WaitingHelps(const LedgerAnswer& refusal) {
  switch (refusal.reason) {
    case type::v1::ERROR_REASON_POOL_EXHAUSTED:
    case type::v1::ERROR_REASON_SEATS_RESERVED:
      return true;
    case type::v1::ERROR_REASON_POLICY_LIMIT:
      return NumberIn(refusal, "asked") <= NumberIn(refusal, "units");
    default:
      return false;
  }
}

}  // namespace quorate::licensing
