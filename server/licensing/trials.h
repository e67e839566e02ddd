// Trials: when each began, for ever.
//
// By licence and feature: neither a newer issue of the licence nor installing
// it again begins it anew.

#ifndef QUORATE_SERVER_LICENSING_TRIALS_H_
#define QUORATE_SERVER_LICENSING_TRIALS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "quorate/internal/v1/record.pb.h"

namespace quorate::licensing {

// Thread-compatible.
class TrialBook {
 public:
  TrialBook() = default;
  TrialBook(const TrialBook&) = delete;
  TrialBook& operator=(const TrialBook&) = delete;

  // Nothing where it has not begun.
  std::optional<int64_t> StartOf(absl::string_view license_id,
                                 absl::string_view feature) const;

  // It has not begun.
  void Start(absl::string_view license_id, absl::string_view feature,
             int64_t now_ms);

  // False, and nothing is changed, where it has begun.
  bool Restore(const internal::v1::TrialRecord& record);

  // In the order of the keys.
  std::vector<internal::v1::TrialRecord> Records() const;
  // Those that have begun since the last call, likewise.
  std::vector<internal::v1::TrialRecord> TakeChanges();

 private:
  using Term = std::pair<std::string, std::string>;  // Licence, feature.

  std::map<Term, int64_t> started_ms_;
  std::map<Term, int64_t> changed_;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_TRIALS_H_
