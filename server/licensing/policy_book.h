// The policy in force, the versions before it, and what its rules count.

#ifndef QUORATE_SERVER_LICENSING_POLICY_BOOK_H_
#define QUORATE_SERVER_LICENSING_POLICY_BOOK_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

#include "quorate/internal/v1/command.pb.h"
#include "quorate/internal/v1/record.pb.h"

#include "server/licensing/times.h"
#include "server/policy/compiled_policy.h"
#include "server/policy/rule_use.h"
#include "server/policy/seat_terms.h"

namespace quorate::licensing {

// Of a session, as the policy in force compares it.
policy::Subject SubjectOf(const internal::v1::SessionDescription& description);

// Seats count for the rules from the moment they are taken until they are given
// back; a new policy counts all of them anew. Thread-compatible.
class PolicyBook {
 public:
  using Versions = std::map<uint64_t, internal::v1::PolicyVersionRecord>;

  PolicyBook() = default;
  PolicyBook(const PolicyBook&) = delete;
  PolicyBook& operator=(const PolicyBook&) = delete;

  // 0: there never was one, and everything is allowed.
  uint64_t version() const;

  // Null where it is not kept.
  const internal::v1::PolicyVersionRecord* FindVersion(uint64_t version) const;
  // The one that this request made; null where it made none that is kept.
  const internal::v1::PolicyVersionRecord* FindRequest(
      absl::string_view author, absl::string_view request_id) const;

  // By number; at most kMaxPolicyVersions.
  const Versions& versions() const { return versions_; }

  const policy::CompiledPolicy& compiled() const { return *compiled_; }

  const policy::RuleUse& use() const { return use_; }

  // Of what is borrowed.
  const policy::RuleUse& borrow_use() const { return borrow_use_; }

  // Puts a version, higher than all others, in force. Nothing is counted for
  // it yet.
  void Add(internal::v1::PolicyVersionRecord record,
           std::unique_ptr<const policy::CompiledPolicy> compiled);

  // Moves the calendar, which never goes back. True where rules may have come
  // into effect or gone out of it since the last call.
  bool MoveTo(int64_t calendar_ms);

  // The next moment at which some may; kNever where none does.
  int64_t next_change_ms() const { return next_change_ms_; }

  void EraseOldest() { versions_.erase(versions_.begin()); }

  // How long this holder's seats of the feature may be idle; nothing: for ever.
  std::optional<policy::IdleTerms> FindIdleTerms(
      const internal::v1::SessionDescription& holder,
      absl::string_view feature) const;

  // How long a seat that this holder gives back stays out.
  int64_t FindLingerMs(const internal::v1::SessionDescription& holder,
                       absl::string_view feature) const;

  // With what priority at most this client waits for the feature; nothing: with
  // the one that he likes.
  std::optional<uint32_t> FindMaxPriority(
      const internal::v1::SessionDescription& client, absl::string_view feature,
      int64_t calendar_ms) const;

  const std::string& RuleName(uint32_t rule) const {
    return compiled_->rule(rule).name();
  }

  void TakeSeat(const internal::v1::SessionRecord& holder,
                absl::string_view feature, uint64_t units);
  void GiveBackSeat(const internal::v1::SessionRecord& holder,
                    absl::string_view feature, uint64_t units);

 private:
  bool Counts(const internal::v1::SessionRecord& holder,
              absl::string_view feature) const;

  Versions versions_;
  std::unique_ptr<const policy::CompiledPolicy> compiled_ =
      policy::CompiledPolicy::Empty();
  policy::RuleUse use_;
  policy::RuleUse borrow_use_{policy::RuleUse::Of::kBorrows};
  int64_t calendar_ms_ = 0;
  int64_t next_change_ms_ = kNever;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_POLICY_BOOK_H_
