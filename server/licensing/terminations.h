// Sessions that were terminated: who may ask why, and who has to wait.

#ifndef QUORATE_SERVER_LICENSING_TERMINATIONS_H_
#define QUORATE_SERVER_LICENSING_TERMINATIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/strings/string_view.h"

#include "quorate/internal/v1/record.pb.h"

namespace quorate::licensing {

// All that are remembered. Thread-compatible.
class Terminations {
 public:
  Terminations() = default;
  Terminations(const Terminations&) = delete;
  Terminations& operator=(const Terminations&) = delete;

  // False, and nothing is changed, where the session has one already.
  bool Add(internal::v1::TerminationRecord record);
  void Erase(uint64_t session_id);

  // Null where there is none.
  const internal::v1::TerminationRecord* Find(uint64_t session_id) const;

  // Cluster time until which the same client gets the feature no more, at
  // `now_ms`; nothing where it gets it. A client is principal, user, host and
  // application.
  std::optional<int64_t> CoolDownEndMs(
      absl::string_view principal,
      const internal::v1::SessionDescription& client, absl::string_view feature,
      int64_t now_ms) const;
  // The same of whichever principal. O(all).
  std::optional<int64_t> CoolDownEndOfAnyMs(
      const internal::v1::SessionDescription& client, absl::string_view feature,
      int64_t now_ms) const;

  // The one that is forgotten first, null where there is none.
  const internal::v1::TerminationRecord* FirstToForget() const;

  size_t size() const { return by_session_.size(); }

  using BySession = absl::btree_map<uint64_t, internal::v1::TerminationRecord>;

  const BySession& by_session() const { return by_session_; }

 private:
  // Invariant: all hold the same sessions.
  BySession by_session_;
  std::set<std::pair<int64_t, uint64_t>> by_forget_;
  std::set<std::pair<std::string, uint64_t>> by_client_;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_TERMINATIONS_H_
