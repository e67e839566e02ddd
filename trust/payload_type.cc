#include "trust/payload_type.h"

#include "base/check.h"

namespace quorate::trust {

absl::string_view ToString(PayloadType type) {
  switch (type) {
    using enum PayloadType;
    case kRoot:
      return "application/vnd.quorate.root.v1+proto";
    case kKeyCertificate:
      return "application/vnd.quorate.keycert.v1+proto";
    case kLicense:
      return "application/vnd.quorate.license.v1+proto";
  }
  QUORATE_CHECK(false);
}

std::optional<PayloadType> ParsePayloadType(absl::string_view name) {
  for (const PayloadType type :
       {PayloadType::kRoot, PayloadType::kKeyCertificate,
        PayloadType::kLicense}) {
    if (name == ToString(type)) return type;
  }
  return std::nullopt;
}

}  // namespace quorate::trust
