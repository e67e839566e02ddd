#include "tests/sim/shrink.h"

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"

#include "tests/sim/options.h"

namespace quorate::sim {
namespace {

// "the rule: details of this run" as "the rule".
std::string RuleOf(const std::string& failure) {
  return failure.substr(0, failure.find(':'));
}

// What differs from the options of `begin`.
std::string Difference(const SimOptions& options, const SeedCase& begin) {
  const SimOptions drawn =
      OptionsOf({.seed = begin.seed, .only = begin.only}).value();
  std::string set;
  for (const SimOptionField& field : SimOptionFields()) {
    if (drawn.*field.value == options.*field.value) continue;
    absl::StrAppend(&set, set.empty() ? "" : ",", field.name, "=",
                    options.*field.value);
  }
  return set;
}

class Shrinker {
 public:
  Shrinker(const SeedCase& failing, const SimOptions& options)
      : failing_(failing),
        options_(options),
        rule_(RuleOf(FailureOf(options))) {}

  const SimOptions& Run() {
    if (rule_.empty()) return options_;
    std::printf("shrinking \"%s\"\n", rule_.c_str());
    while (Shorten() || SwitchOff()) {
    }
    return options_;
  }

 private:
  bool Try(const SimOptions& smaller) {
    if (RuleOf(FailureOf(smaller)) != rule_) return false;
    options_ = smaller;
    std::printf("  %s\n", Difference(options_, failing_).c_str());
    std::fflush(stdout);
    return true;
  }

  bool Shorten() {
    bool helped = false;
    for (uint64_t parts = 2; parts <= 8; parts *= 2) {
      SimOptions shorter = options_;
      shorter.faulty_time -= shorter.faulty_time / parts;
      if (shorter.faulty_time < options_.faulty_time && Try(shorter)) {
        helped = true;
        break;
      }
    }
    return helped;
  }

  bool SwitchOff() {
    bool helped = false;
    for (const SimOptionField& field : SimOptionFields()) {
      if (!field.can_be_off || options_.*field.value == field.off) continue;
      SimOptions without = options_;
      without.*field.value = field.off;
      helped = Try(without) || helped;
    }
    return helped;
  }

  const SeedCase failing_;
  SimOptions options_;
  const std::string rule_;
};

}  // namespace

SeedCase Shrink(const SeedCase& failing) {
  const auto options = OptionsOf(failing);
  if (!options.ok()) return failing;
  return {.seed = failing.seed,
          .set = Difference(Shrinker(failing, *options).Run(), failing),
          .only = failing.only};
}

}  // namespace quorate::sim
