// Credits: how much of what each licence grants is used up, for ever.
//
// Counted by licence and feature: a newer issue of the licence goes on from
// there, whatever its conditions and wherever its units stand.

#ifndef QUORATE_SERVER_LICENSING_CREDITS_H_
#define QUORATE_SERVER_LICENSING_CREDITS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "quorate/internal/v1/record.pb.h"

namespace quorate::licensing {

// Thread-compatible.
class CreditBook {
 public:
  CreditBook() = default;
  CreditBook(const CreditBook&) = delete;
  CreditBook& operator=(const CreditBook&) = delete;

  uint64_t Used(absl::string_view license_id, absl::string_view feature) const;
  void Use(absl::string_view license_id, absl::string_view feature,
           uint64_t count);

  // False, and nothing is changed, where it has one already or it says nothing.
  bool Restore(const internal::v1::CreditsRecord& record);

  // In the order of the keys.
  std::vector<internal::v1::CreditsRecord> Records() const;
  // The same of what changed since the last call.
  std::vector<internal::v1::CreditsRecord> TakeChanges();

 private:
  using Term = std::pair<std::string, std::string>;  // Licence, feature.

  internal::v1::CreditsRecord RecordOf(const Term& term) const;

  std::map<Term, uint64_t> used_;
  std::set<Term> changed_;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_CREDITS_H_
