#include "tools/vendor/feature_text.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"

#include "base/status.h"
#include "tools/vendor/dates.h"
#include "trust/names.h"

namespace quorate::vendor {
namespace {

using document::v1::Feature;
using Pair = std::pair<absl::string_view, absl::string_view>;

absl::Status Wrong(absl::string_view part, absl::string_view rule) {
  return absl::InvalidArgumentError(
      absl::StrCat("--feature: ", trust::Quoted(part), " ", rule));
}

bool ParseCount(absl::string_view text, uint32_t* count) {
  return !text.empty() &&
         absl::ascii_isdigit(static_cast<unsigned char>(text[0])) &&
         absl::SimpleAtoi(text, count);
}

// COUNT, "uncounted" or COST*TOKENS.
absl::Status ParseCounting(absl::string_view text, Feature* feature) {
  uint32_t number = 0;
  const Pair tokens = absl::StrSplit(text, absl::MaxSplits('*', 1));
  if (text == "uncounted") {
    feature->set_uncounted(true);
  } else if (ParseCount(text, &number)) {
    feature->set_count(number);
  } else if (!tokens.second.empty() && ParseCount(tokens.first, &number)) {
    feature->set_token_cost(number);
    feature->set_token_feature(std::string(tokens.second));
  } else {
    return Wrong(text, "is no count, not uncounted and not like 5*TOKENS");
  }
  return absl::OkStatus();
}

absl::Status ParseShared(absl::string_view text, Feature* feature) {
  constexpr std::pair<absl::string_view, document::v1::SharedBy> kWords[] = {
      {"user", document::v1::SHARED_BY_USER},
      {"host", document::v1::SHARED_BY_HOST},
      {"display", document::v1::SHARED_BY_DISPLAY},
      {"site", document::v1::SHARED_BY_SITE},
      {"key", document::v1::SHARED_BY_KEY},
  };
  std::vector<int> shared;
  for (const absl::string_view word : absl::StrSplit(text, '+')) {
    const auto* found =
        std::find_if(std::begin(kWords), std::end(kWords),
                     [word](const auto& each) { return each.first == word; });
    if (found == std::end(kWords)) {
      return Wrong(word, "is not user, host, display, site or key");
    }
    shared.push_back(found->second);
  }
  std::sort(shared.begin(), shared.end());
  for (const int by : shared) {
    feature->add_shared_by(static_cast<document::v1::SharedBy>(by));
  }
  return absl::OkStatus();
}

absl::Status ParseAttribute(absl::string_view text, Feature* feature) {
  const Pair pair = absl::StrSplit(text, absl::MaxSplits(':', 1));
  if (pair.second.empty()) return Wrong(text, "is not like region:eu");
  document::v1::Attribute* const attribute = feature->add_attributes();
  attribute->set_name(std::string(pair.first));
  attribute->set_value(std::string(pair.second));
  return absl::OkStatus();
}

// "2/30": two names in thirty days.
absl::Status ParseRecycling(absl::string_view text, Feature* feature) {
  const Pair pair = absl::StrSplit(text, absl::MaxSplits('/', 1));
  uint32_t count = 0;
  uint32_t days = 0;
  if (!ParseCount(pair.first, &count) || !ParseCount(pair.second, &days)) {
    return Wrong(text, "is not like 2/30");
  }
  feature->set_recycle_count(count);
  feature->set_recycle_days(days);
  return absl::OkStatus();
}

// "30d" or "12h".
absl::Status ParseBorrow(absl::string_view text, Feature* feature) {
  constexpr int64_t kHourMs = 3'600'000;
  uint32_t number = 0;
  const char unit = text.empty() ? ' ' : text.back();
  if ((unit != 'd' && unit != 'h') ||
      !ParseCount(text.substr(0, text.size() - 1), &number) || number == 0) {
    return Wrong(text, "is not like 30d or 12h");
  }
  feature->set_borrow_max_ms(number * kHourMs * (unit == 'd' ? 24 : 1));
  return absl::OkStatus();
}

absl::Status ParseCountInto(absl::string_view text, Feature* feature,
                            void (Feature::*set)(uint32_t)) {
  uint32_t count = 0;
  if (!ParseCount(text, &count)) return Wrong(text, "is no count");
  (feature->*set)(count);
  return absl::OkStatus();
}

absl::Status ParseCondition(absl::string_view key, absl::string_view value,
                            Feature* feature) {
  if (key == "version") {
    feature->set_version_max(std::string(value));
  } else if (key == "maintenance") {
    QUORATE_ASSIGN_OR_RETURN(const int64_t end, LastMsOf(std::string(value)));
    feature->set_maintenance_end_ms(end);
  } else if (key == "attribute") {
    return ParseAttribute(value, feature);
  } else if (key == "host") {
    feature->add_hosts(std::string(value));
  } else if (key == "share") {
    return ParseShared(value, feature);
  } else if (key == "model") {
    if (value != "credits" && value != "named") {
      return Wrong(value, "is not credits or named");
    }
    feature->set_credits(value == "credits");
    feature->set_named_users(value == "named");
  } else if (key == "recycle") {
    return ParseRecycling(value, feature);
  } else if (key == "casual") {
    uint32_t minutes = 0;
    if (!ParseCount(value, &minutes) || minutes == 0) {
      return Wrong(value, "is no number of minutes");
    }
    feature->set_casual_minutes(minutes);
  } else if (key == "trial") {
    uint32_t days = 0;
    if (!ParseCount(value, &days) || days == 0) {
      return Wrong(value, "is no number of days");
    }
    feature->set_trial_days(days);
  } else if (key == "overdraft") {
    return ParseCountInto(value, feature, &Feature::set_overdraft);
  } else if (key == "linger") {
    absl::Duration span;
    if (!absl::ParseDuration(value, &span) || span <= absl::ZeroDuration()) {
      return Wrong(value, "is not like 10m or 2h");
    }
    feature->set_linger_ms(absl::ToInt64Milliseconds(span));
  } else if (key == "overdraft-end") {
    QUORATE_ASSIGN_OR_RETURN(const int64_t end, LastMsOf(std::string(value)));
    feature->set_overdraft_end_ms(end);
  } else if (key == "borrow") {
    return ParseBorrow(value, feature);
  } else if (key == "borrow-count") {
    return ParseCountInto(value, feature, &Feature::set_borrow_max_count);
  } else if (key == "borrow-keep") {
    return ParseCountInto(value, feature, &Feature::set_borrow_low_water);
  } else {
    return Wrong(key,
                 "is not version, maintenance, attribute, host, share, suite, "
                 "model, recycle, casual, trial, linger, overdraft, "
                 "overdraft-end, borrow, borrow-count or borrow-keep");
  }
  return absl::OkStatus();
}

// The components of a suite: each takes a unit of it, and those of one user on
// one host take the same.
std::vector<Feature> ComponentsOf(absl::string_view names, Feature* suite) {
  if (suite->shared_by().empty()) {
    suite->add_shared_by(document::v1::SHARED_BY_USER);
    suite->add_shared_by(document::v1::SHARED_BY_HOST);
  }
  std::vector<Feature> components;
  for (const absl::string_view name : absl::StrSplit(names, '+')) {
    Feature& component = components.emplace_back();
    component.set_name(std::string(name));
    component.set_token_feature(suite->name());
    component.set_token_cost(1);
  }
  return components;
}

}  // namespace

absl::StatusOr<std::vector<Feature>> ParseFeatureText(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ',');
  const Pair named = absl::StrSplit(parts[0], absl::MaxSplits('=', 1));
  if (named.second.empty()) {
    return Wrong(text, "is not NAME=COUNT, like cad=20");
  }
  Feature feature;
  QUORATE_RETURN_IF_ERROR(ParseCounting(named.second, &feature));
  absl::string_view suite;
  for (size_t i = 1; i < parts.size(); ++i) {
    const Pair pair = absl::StrSplit(parts[i], absl::MaxSplits('=', 1));
    if (pair.second.empty()) return Wrong(parts[i], "is not like version=3.1");
    if (pair.first == "suite") {
      suite = pair.second;
      continue;
    }
    QUORATE_RETURN_IF_ERROR(ParseCondition(pair.first, pair.second, &feature));
  }
  std::sort(feature.mutable_attributes()->begin(),
            feature.mutable_attributes()->end(),
            [](const auto& left, const auto& right) {
              return left.name() < right.name();
            });
  std::vector<Feature> features;
  for (const absl::string_view name : absl::StrSplit(named.first, '+')) {
    features.push_back(feature);
    features.back().set_name(std::string(name));
  }
  if (suite.empty()) return features;
  if (features.size() > 1) return Wrong(text, "is a package and a suite");
  const std::vector<Feature> components = ComponentsOf(suite, &features[0]);
  features.insert(features.end(), components.begin(), components.end());
  return features;
}

}  // namespace quorate::vendor
