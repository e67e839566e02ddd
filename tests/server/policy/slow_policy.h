// The policy's decision again, slow and obvious: it walks the policy's text and
// the list of what is out, and reads each value anew.

#ifndef QUORATE_TESTS_SERVER_POLICY_SLOW_POLICY_H_
#define QUORATE_TESTS_SERVER_POLICY_SLOW_POLICY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "quorate/internal/v1/policy.pb.h"

#include "server/policy/decision.h"

namespace quorate::policy {

// As a Subject, with an IPv4 address as text.
struct SlowSubject {
  std::string user;
  std::string host;
  std::string display;
  std::string application;
  std::string version;
  std::string project;
  std::string address;
};

struct SlowSeat {
  SlowSubject holder;
  std::string feature;
  uint64_t units;
};

struct SlowQuestion {
  SlowSubject who;
  std::string feature;
  uint64_t count;
  int64_t calendar_ms;
  uint64_t total;
  uint64_t claimed;
};

// For values of the forms that RandomPolicy writes.
Verdict SlowDecide(const internal::v1::Policy& policy,
                   const std::vector<SlowSeat>& seats,
                   const SlowQuestion& question);

// The rule names the feature or a group that has it, or nothing at all.
bool IsAbout(const internal::v1::Policy& policy,
             const internal::v1::PolicyRule& rule, const std::string& feature);

// What is out of those whom the rule counts together with `who`.
uint64_t SlowUse(const internal::v1::Policy& policy,
                 const internal::v1::PolicyRule& rule,
                 const std::vector<SlowSeat>& seats, const std::string& feature,
                 const SlowSubject& who);

}  // namespace quorate::policy

#endif  // QUORATE_TESTS_SERVER_POLICY_SLOW_POLICY_H_
