// What the items of a checkout may say.

#include <optional>

#include "absl/strings/str_cat.h"

#include "server/licensing/allotment.h"
#include "server/licensing/field_rules.h"
#include "server/licensing/refusals.h"

namespace quorate::licensing {
namespace {

using internal::v1::CheckoutItem;

std::optional<LedgerAnswer> CheckItem(const CheckoutItem& item, int i) {
  const auto field = [i](absl::string_view name) {
    return absl::StrCat("items[", i, "].", name);
  };
  if (!IsFeatureName(item.feature())) {
    return RefuseField(field("feature"),
                       "must be 1 to 64 letters, digits, '_' or '-'");
  }
  if (item.count() < 1) {
    return RefuseField(field("count"), "must be at least 1");
  }
  if (!IsPlainText(item.version())) {
    return RefuseField(field("version"), "must be plain text");
  }
  if (item.released_ms() < 0) {
    return RefuseField(field("released_ms"), "must not be negative");
  }
  if (!AreAttributes(item.attributes())) {
    return RefuseField(field("attributes"), kAttributesRule);
  }
  if (!IsPlainText(item.share_key())) {
    return RefuseField(field("share_key"), "must be plain text");
  }
  return std::nullopt;
}

}  // namespace

std::optional<LedgerAnswer> CheckItems(const CheckoutItems& items) {
  if (items.size() < 1 || items.size() > kMaxItems) {
    return RefuseField("items", absl::StrCat("must be 1 to ", kMaxItems));
  }
  for (int i = 0; i < items.size(); ++i) {
    if (auto refusal = CheckItem(items[i], i)) return refusal;
  }
  return std::nullopt;
}

}  // namespace quorate::licensing
