// What tells the pools of one feature apart.
//
// Licences of one feature add up where they agree in everything that decides
// who may take a unit and how it counts; else they are pools of their own, as
// with other servers (FlexNet: "lines differing in those form separate pools").
// Pure functions.

#ifndef QUORATE_SERVER_LICENSING_POOL_KIND_H_
#define QUORATE_SERVER_LICENSING_POOL_KIND_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "quorate/internal/v1/command.pb.h"

namespace quorate::licensing {

enum class Counting {
  kCounted,
  kUncounted,
  kTokens,   // Units are taken of another feature's pool.
  kCredits,  // Units are used up.
  kNamed,    // Units are names of users.
};

struct PoolKind {
  std::string feature;
  Counting counting = Counting::kCounted;
  std::string version_max;         // Empty: every version.
  int64_t maintenance_end_ms = 0;  // 0: every release.
  std::vector<std::pair<std::string, std::string>> attributes;
  std::vector<std::string> hosts;  // Lower case, ascending; none: every host.
  std::vector<internal::v1::SharedBy> shared_by;  // Ascending.
  std::string token_feature;
  uint32_t token_cost = 0;
  uint32_t recycle_count = 0;  // Names that may be freed in so many days.
  uint32_t recycle_days = 0;
  uint32_t trial_days = 0;      // 0: it is no trial.
  uint32_t casual_minutes = 0;  // Of each user, a month; 0: no limit.
};

PoolKind KindOf(const internal::v1::FeatureTerms& feature);

// The pool's name: the feature's where nothing is special, else like
// "cad{version<=2026.1,region=eu}".
std::string PoolName(const PoolKind& kind);

// The feature of a pool of that name.
absl::string_view FeatureOfPool(absl::string_view pool_name);

// True where `left` is to be used up before `right`: names of users first,
// since nobody else can use them; credits last, since they do not come back;
// else what fewer applications can use first. The older version_max, then the
// earlier end of maintenance, then more attributes, then named hosts, then the
// name.
bool IsNarrower(const PoolKind& left, const PoolKind& right);

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_POOL_KIND_H_
