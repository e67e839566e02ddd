#include "server/licensing/pool_kind.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"

#include "server/policy/version_range.h"

namespace quorate::licensing {
namespace {

using internal::v1::SharedBy;

absl::string_view NameOf(SharedBy by) {
  switch (by) {
    case internal::v1::SHARED_BY_USER:
      return "user";
    case internal::v1::SHARED_BY_HOST:
      return "host";
    case internal::v1::SHARED_BY_DISPLAY:
      return "display";
    case internal::v1::SHARED_BY_SITE:
      return "site";
    case internal::v1::SHARED_BY_KEY:
      return "key";
    default:
      return "";
  }
}

int RankOf(Counting counting) {
  if (counting == Counting::kNamed) return 0;
  return counting == Counting::kCredits ? 2 : 1;
}

}  // namespace

PoolKind KindOf(const internal::v1::FeatureTerms& feature) {
  PoolKind kind;
  kind.feature = feature.name();
  if (!feature.token_feature().empty()) {
    kind.counting = Counting::kTokens;
    kind.token_feature = feature.token_feature();
    kind.token_cost = feature.token_cost();
  } else if (feature.uncounted()) {
    kind.counting = Counting::kUncounted;
  } else if (feature.credits()) {
    kind.counting = Counting::kCredits;
  } else if (feature.named_users()) {
    kind.counting = Counting::kNamed;
    kind.recycle_count = feature.recycle_count();
    kind.recycle_days = feature.recycle_days();
  }
  kind.trial_days = feature.trial_days();
  kind.casual_minutes = feature.casual_minutes();
  kind.version_max = feature.version_max();
  kind.maintenance_end_ms = feature.maintenance_end_ms();
  for (const internal::v1::Attribute& attribute : feature.attributes()) {
    kind.attributes.emplace_back(attribute.name(), attribute.value());
  }
  std::sort(kind.attributes.begin(), kind.attributes.end());
  for (const std::string& host : feature.hosts()) {
    kind.hosts.push_back(absl::AsciiStrToLower(host));
  }
  std::sort(kind.hosts.begin(), kind.hosts.end());
  for (const int by : feature.shared_by()) {
    kind.shared_by.push_back(static_cast<SharedBy>(by));
  }
  std::sort(kind.shared_by.begin(), kind.shared_by.end());
  return kind;
}

std::string PoolName(const PoolKind& kind) {
  std::vector<std::string> parts;
  if (kind.counting == Counting::kUncounted) parts.push_back("uncounted");
  if (kind.counting == Counting::kCredits) parts.push_back("credits");
  if (kind.counting == Counting::kNamed) {
    parts.push_back("named");
    if (kind.recycle_count > 0) {
      parts.push_back(absl::StrCat("recycle:", kind.recycle_count, "/",
                                   kind.recycle_days, "d"));
    }
  }
  if (kind.counting == Counting::kTokens) {
    parts.push_back(absl::StrCat(kind.token_cost, "*", kind.token_feature));
  }
  if (kind.casual_minutes > 0) {
    parts.push_back(absl::StrCat("casual:", kind.casual_minutes, "m"));
  }
  if (kind.trial_days > 0) {
    parts.push_back(absl::StrCat("trial:", kind.trial_days, "d"));
  }
  if (!kind.version_max.empty()) {
    parts.push_back(absl::StrCat("version<=", kind.version_max));
  }
  if (kind.maintenance_end_ms != 0) {
    parts.push_back(absl::StrCat(
        "released<",
        absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ",
                         absl::FromUnixMillis(kind.maintenance_end_ms),
                         absl::UTCTimeZone())));
  }
  for (const auto& [name, value] : kind.attributes) {
    parts.push_back(absl::StrCat(name, "=", value));
  }
  if (!kind.hosts.empty()) {
    parts.push_back(absl::StrCat("host:", absl::StrJoin(kind.hosts, "|")));
  }
  if (!kind.shared_by.empty()) {
    parts.push_back(absl::StrCat(
        "shared:",
        absl::StrJoin(kind.shared_by, "+", [](std::string* out, SharedBy by) {
          absl::StrAppend(out, NameOf(by));
        })));
  }
  if (parts.empty()) return kind.feature;
  return absl::StrCat(kind.feature, "{", absl::StrJoin(parts, ","), "}");
}

absl::string_view FeatureOfPool(absl::string_view pool_name) {
  return pool_name.substr(0, pool_name.find('{'));
}

bool IsNarrower(const PoolKind& left, const PoolKind& right) {
  if (RankOf(left.counting) != RankOf(right.counting)) {
    return RankOf(left.counting) < RankOf(right.counting);
  }
  if (left.version_max.empty() != right.version_max.empty()) {
    return !left.version_max.empty();
  }
  const int versions =
      policy::CompareVersions(left.version_max, right.version_max);
  if (versions != 0) return versions < 0;
  const auto rest = [](const PoolKind& kind) {
    constexpr int64_t kNoEnd = std::numeric_limits<int64_t>::max();
    return std::make_tuple(
        kind.maintenance_end_ms == 0 ? kNoEnd : kind.maintenance_end_ms,
        -static_cast<int64_t>(kind.attributes.size()), kind.hosts.empty(),
        PoolName(kind));
  };
  return rest(left) < rest(right);
}

}  // namespace quorate::licensing
