#include "tests/sim/sim_licenses.h"

#include "absl/strings/str_cat.h"

#include "server/licensing/limits.h"
#include "tests/sim/sim_storage.h"

namespace quorate::sim {
namespace {

using internal::v1::FeatureTerms;

constexpr const char* kRegions[] = {"eu", "us"};
// As text they are in their order.
constexpr const char* kVersions[] = {"1.0", "2.0", "3.0"};
constexpr const char* kKeys[] = {"blue", "green"};
constexpr int64_t kReleases[] = {1'000, 2'000, 3'000};

template <typename Value, size_t size>
Value OneOf(Random* random, const Value (&values)[size]) {
  return values[random->Below(size)];
}

FeatureTerms* Add(const char* name, uint64_t count,
                  internal::v1::LicenseTerms* license) {
  FeatureTerms* const feature = license->add_features();
  feature->set_name(name);
  feature->set_count(static_cast<uint32_t>(count));
  feature->set_borrow_max_ms(licensing::kMaxBorrowMs);
  // Some are left for those who are there.
  if (count > 2) feature->set_borrow_low_water(2);
  return feature;
}

void AddRegion(const char* region, internal::v1::Attribute* attribute) {
  attribute->set_name("region");
  attribute->set_value(region);
}

// Who may take it.
void DrawCover(Random* random, FeatureTerms* feature) {
  if (random->OneIn(3)) feature->set_version_max(OneOf(random, kVersions));
  if (random->OneIn(4)) {
    feature->set_maintenance_end_ms(OneOf(random, kReleases) + 1);
  }
  if (random->OneIn(3)) {
    AddRegion(OneOf(random, kRegions), feature->add_attributes());
  }
  if (random->OneIn(4)) {
    feature->add_hosts(absl::StrCat("station", random->Below(3)));
  }
}

// How it counts.
void DrawCounting(Random* random, FeatureTerms* feature) {
  if (random->OneIn(3)) {
    feature->set_overdraft(static_cast<uint32_t>(random->Between(1, 2)));
  }
  if (!random->OneIn(2)) return;
  for (const auto by :
       {internal::v1::SHARED_BY_USER, internal::v1::SHARED_BY_HOST,
        internal::v1::SHARED_BY_DISPLAY, internal::v1::SHARED_BY_SITE,
        internal::v1::SHARED_BY_KEY}) {
    if (random->OneIn(4)) feature->add_shared_by(by);
  }
}

internal::v1::LicenseTerms License(const char* id) {
  internal::v1::LicenseTerms license;
  license.set_license_id(id);
  license.set_serial(1);
  license.set_vendor_id("vendor");
  license.set_customer_id("customer");
  license.set_issued_ms(1);
  license.set_not_before_ms(1);
  license.set_cluster_id(SimStorage::kClusterId);
  license.set_cluster_epoch(SimStorage::kClusterEpoch);
  return license;
}

}  // namespace

std::vector<internal::v1::LicenseTerms> SimLicenses(const SimOptions& options) {
  std::vector<internal::v1::LicenseTerms> licenses = {License("demonstration")};
  Add("cad", 5, &licenses[0]);
  Add("solver", 3, &licenses[0]);
  if (options.conditions_per_mille == 0) return licenses;
  Random random(options.seed ^ 0x6c6963);
  licenses.push_back(License("second"));
  // Adds up with the first one's.
  Add("cad", random.Between(1, 2), &licenses[1]);
  Add("token", random.Between(4, 8), &licenses[0]);
  FeatureTerms* const mesh = Add("mesh", 0, &licenses[0]);
  mesh->set_token_feature("token");
  mesh->set_token_cost(static_cast<uint32_t>(random.Between(1, 3)));
  FeatureTerms* const viewer = Add("viewer", 0, &licenses[1]);
  viewer->set_uncounted(true);
  // Of both licences, so that two are used up one after the other.
  for (internal::v1::LicenseTerms& license : licenses) {
    Add("run", random.Between(5, 30), &license)->set_credits(true);
  }
  Add("edit", random.Between(1, 3), &licenses[1])->set_named_users(true);
  FeatureTerms* const solve = Add("solve", 0, &licenses[1]);
  solve->set_token_feature("run");
  solve->set_token_cost(2);
  for (const char* const name : {"cad", "solver", "viewer", "token", "mesh"}) {
    for (internal::v1::LicenseTerms& license : licenses) {
      if (!random.Chance(options.conditions_per_mille, 1000)) continue;
      FeatureTerms* const feature = Add(name, random.Between(1, 4), &license);
      DrawCover(&random, feature);
      if (name == absl::string_view("mesh")) {
        feature->set_count(0);
        feature->set_token_feature("token");
        feature->set_token_cost(static_cast<uint32_t>(random.Between(1, 3)));
      } else {
        DrawCounting(&random, feature);
      }
    }
  }
  FeatureTerms* const guest = Add("guest", random.Between(1, 3), &licenses[0]);
  guest->clear_borrow_max_ms();
  guest->clear_borrow_low_water();
  guest->set_casual_minutes(static_cast<uint32_t>(random.Between(1, 3)));
  // Of both, so that two trials begin with one checkout.
  for (internal::v1::LicenseTerms& license : licenses) {
    Add("trial", random.Between(1, 2), &license)->set_trial_days(1);
  }
  return licenses;
}

std::vector<std::string> SimFeatures(const SimOptions& options) {
  if (options.conditions_per_mille == 0) return {"cad", "solver"};
  return {"cad", "solver", "mesh",  "viewer", "token",
          "run", "edit",   "solve", "guest",  "trial"};
}

internal::v1::SessionDescription SimDescription(int client) {
  internal::v1::SessionDescription description;
  description.set_user(absl::StrCat("user", client % 4));
  description.set_host(absl::StrCat("station", client % 3));
  description.set_display(absl::StrCat(":", client % 2));
  description.set_version(kVersions[client % 3]);
  return description;
}

void DrawConditions(Random* random, internal::v1::CheckoutItem* item) {
  if (random->OneIn(3)) item->set_version(OneOf(random, kVersions));
  if (random->OneIn(2)) item->set_released_ms(OneOf(random, kReleases));
  if (random->OneIn(4)) {
    AddRegion(OneOf(random, kRegions), item->add_attributes());
  }
  if (random->OneIn(2)) item->set_share_key(OneOf(random, kKeys));
}

}  // namespace quorate::sim
