// Random commands for the ledger that often hit what is there.

#ifndef QUORATE_TESTS_SERVER_LICENSING_RANDOM_COMMANDS_H_
#define QUORATE_TESTS_SERVER_LICENSING_RANDOM_COMMANDS_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "quorate/internal/v1/command.pb.h"

#include "base/random.h"
#include "server/licensing/ledger.h"
#include "tests/server/licensing/commands.h"
#include "tests/server/policy/policies.h"

namespace quorate::licensing {

// So small that random commands reach them.
inline constexpr LedgerLimits kSmallLimits = {.sessions = 14,
                                              .seats_of_session = 9,
                                              .licenses = 4,
                                              .answers = 160,
                                              .expiries_per_entry = 5,
                                              .policy_versions = 3,
                                              .queue_places = 30,
                                              .queue_places_of_session = 6,
                                              .settlements_per_entry = 2,
                                              .terminations = 5,
                                              .accounts = 3};

// Draws commands that often hit what is there, and sometimes what is not.
// Thread-compatible.
class CommandSource {
 public:
  explicit CommandSource(uint64_t seed) : random_(seed) {}

  internal::v1::Command Next();

  // Lets it know what was answered, to aim at.
  void Saw(const internal::v1::Command& command, const LedgerAnswer& answer);

  EntryTime now{.cluster_ms = 1'000, .calendar_ms = 1'000'000};
  uint32_t epoch = 1;  // Of the cluster.
  uint64_t policy_version = 0;
  uint64_t account_changes = 0;

 private:
  void MoveTime();
  uint64_t SomeSession();
  void Forget(uint64_t session);
  void ForgetSeat(uint64_t handle);

  std::string SomePrincipal() { return random_.OneIn(8) ? kBob : kAlice; }

  std::string SomeFeature() { return std::string(1, 'a' + random_.Below(4)); }

  std::string SomeVersion() { return policy::RandomVersion(&random_); }

  std::string SomeRegion() { return random_.OneIn(2) ? "eu" : "us"; }

  std::string SomeHost() { return policy::RandomHost(&random_); }

  // As random policies name them.
  std::string SomeApplication() { return random_.OneIn(2) ? "app0" : "app1"; }

  std::string SomeDisplay() { return random_.OneIn(2) ? ":0" : ":1"; }

  int64_t SomeTime() {
    return now.calendar_ms + static_cast<int64_t>(random_.Below(60'000)) -
           10'000;
  }

  static void AddAttribute(const std::string& region,
                           internal::v1::Attribute* attribute) {
    attribute->set_name("region");
    attribute->set_value(region);
  }

  void AddConditions(internal::v1::FeatureTerms* feature);
  void SetModel(internal::v1::FeatureTerms* feature);
  internal::v1::Command SomeBody();
  internal::v1::Command SomeCheckout();
  internal::v1::Command SomeCancel();
  internal::v1::Command SomeTermination();
  internal::v1::Command SomeResize();
  internal::v1::Command SomeCheckin();
  internal::v1::Command SomeLicense();
  internal::v1::Command SomeRelease();
  internal::v1::Command SomeRenewals();
  internal::v1::Command SomeRetirement();
  internal::v1::Command SomeOpen();
  internal::v1::Command SomePolicy();
  internal::v1::Command SomeAccount();
  // random_plans.cc: commands that random ones seldom come to in a row.
  internal::v1::Policy SomeLending(const std::string& user,
                                   const std::string& feature);
  internal::v1::Command PolicyCommand(internal::v1::Policy policy);
  internal::v1::Command OpenBy(const std::string& user);
  internal::v1::Command CheckoutBy(uint64_t session,
                                   const std::string& feature);
  void MakePlan();
  void PlanRecall(const std::string& feature);
  void PlanIdling(const std::string& feature);
  void PlanBorrow(const std::string& feature);
  // random_holders.cc
  void AddBorrowing(internal::v1::FeatureTerms* feature);
  uint64_t SomeHolder();
  internal::v1::Command SomeBorrow();
  internal::v1::Command SomeBooking();
  internal::v1::Command SomeEndOfHolder();
  void SawHolder(const internal::v1::Command& command,
                 const LedgerAnswer& answer);

  Random random_;
  std::deque<std::function<internal::v1::Command()>> plan_;
  bool holds_ = false;    // A restored cluster does, until it is released.
  uint32_t credits_ = 0;  // Of the licences to come.
  std::vector<uint64_t> sessions_;
  std::vector<std::pair<uint64_t, uint64_t>> seats_;  // Session, handle.
  internal::v1::SessionDescription opened_;           // The last one.
  std::vector<internal::v1::Command>
      waited_;  // Checkouts that were told to wait.
  std::vector<internal::v1::Command> granted_;  // Those that were not.
  std::vector<internal::v1::Command> sent_;
  std::vector<uint64_t> holders_;  // Borrows and bookings.
};

}  // namespace quorate::licensing

#endif  // QUORATE_TESTS_SERVER_LICENSING_RANDOM_COMMANDS_H_
