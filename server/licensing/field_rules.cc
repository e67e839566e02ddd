#include "server/licensing/field_rules.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"
#include "absl/strings/ascii.h"

#include "server/licensing/ledger.h"

namespace quorate::licensing {
namespace {

bool HasNameSize(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes;
}

bool IsNameByte(char byte) {
  return absl::ascii_isalnum(static_cast<unsigned char>(byte)) || byte == '_' ||
         byte == '-';
}

}  // namespace

bool IsFeatureName(absl::string_view name) {
  return HasNameSize(name) && std::all_of(name.begin(), name.end(), IsNameByte);
}

bool IsLicenseId(absl::string_view id) {
  return HasNameSize(id) && std::all_of(id.begin(), id.end(), [](char byte) {
           return IsNameByte(byte) || byte == '.';
         });
}

bool AreAttributes(
    const google::protobuf::RepeatedPtrField<internal::v1::Attribute>& list) {
  if (list.size() > kMaxAttributes) return false;
  absl::string_view before;
  for (const internal::v1::Attribute& attribute : list) {
    if (!IsLicenseId(attribute.name()) || !IsLicenseId(attribute.value()) ||
        attribute.name() <= before) {
      return false;
    }
    before = attribute.name();
  }
  return true;
}

bool AreDistinct(const google::protobuf::RepeatedField<uint64_t>& numbers) {
  if (numbers.size() < 2) return true;
  absl::InlinedVector<uint64_t, 16> ordered(numbers.begin(), numbers.end());
  std::sort(ordered.begin(), ordered.end());
  return std::adjacent_find(ordered.begin(), ordered.end()) == ordered.end();
}

bool IsRequestId(absl::string_view id) {
  return HasNameSize(id) && std::all_of(id.begin(), id.end(), [](char byte) {
           return absl::ascii_isprint(static_cast<unsigned char>(byte));
         });
}

bool IsPlainText(absl::string_view text) {
  return text.size() <= kMaxTextBytes &&
         std::none_of(text.begin(), text.end(), [](char byte) {
           return absl::ascii_iscntrl(static_cast<unsigned char>(byte));
         });
}

bool IsPlainDescription(const internal::v1::SessionDescription& description) {
  return IsPlainText(description.user()) && IsPlainText(description.host()) &&
         IsPlainText(description.display()) &&
         IsPlainText(description.application()) &&
         IsPlainText(description.version()) &&
         IsPlainText(description.project());
}

bool IsPrincipal(absl::string_view principal) {
  return !principal.empty() && IsPlainText(principal);
}

}  // namespace quorate::licensing
