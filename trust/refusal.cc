#include "trust/refusal.h"

#include <string>

#include "absl/strings/cord.h"

#include "base/check.h"

namespace quorate::trust {
namespace {

constexpr absl::string_view kPayloadUrl = "quorate.trust.Refusal";

}  // namespace

absl::string_view ToString(Refusal refusal) {
  switch (refusal) {
    using enum Refusal;
    case kSize:
      return "SIZE";
    case kForm:
      return "FORM";
    case kType:
      return "TYPE";
    case kSignature:
      return "SIGNATURE";
    case kRootOrder:
      return "ROOT_ORDER";
    case kCritical:
      return "CRITICAL";
    case kKeyRevoked:
      return "KEY_REVOKED";
    case kKeyTime:
      return "KEY_TIME";
    case kScope:
      return "SCOPE";
    case kMeaning:
      return "MEANING";
  }
  QUORATE_CHECK(false);
}

absl::Status Refuse(Refusal refusal, absl::string_view sentence) {
  absl::Status status = absl::InvalidArgumentError(sentence);
  status.SetPayload(kPayloadUrl, absl::Cord(ToString(refusal)));
  return status;
}

std::optional<Refusal> RefusalOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return std::nullopt;
  using enum Refusal;
  for (const Refusal refusal :
       {kSize, kForm, kType, kSignature, kRootOrder, kCritical, kKeyRevoked,
        kKeyTime, kScope, kMeaning}) {
    if (*payload == ToString(refusal)) return refusal;
  }
  return std::nullopt;
}

}  // namespace quorate::trust
