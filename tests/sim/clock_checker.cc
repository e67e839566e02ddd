#include "tests/sim/clock_checker.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"

#include "tests/sim/quorums.h"
#include "tests/sim/sim_clock.h"

namespace quorate::sim {
namespace {

// A leader knows a clock as it was so long ago at most: a reading lives for ten
// seconds of the leader's clock, and took one to come.
constexpr SimTime kOldestReading = 12 * kSecond;

// A person's word that is under way for longer is not heard any more.
constexpr SimTime kOldestAcceptance = 12 * kSecond;

constexpr int64_t kFreeLeapMs = int64_t{25} * 3600 * 1000;

// A second between two questions, and what readings and rates are wrong by.
constexpr int64_t kMostBehindMs = 4'000;

// What a clock counts while this passes, at most: clocks are 1 % fast.
int64_t CountedMs(SimTime passed) {
  return passed / kMillisecond + passed / (100 * kMillisecond) + 2;
}

}  // namespace

void ClockChecker::OnCalendarOff(raft::MemberId member, absl::Duration off) {
  offs_[member].push_back({.since = scheduler_->now(), .off = off});
}

void ClockChecker::OnAcceptance(int64_t up_to_ms) {
  acceptances_.emplace_back(scheduler_->now(), up_to_ms);
}

void ClockChecker::OnFounded(const raft::Configuration& configuration) {
  stamped_[{0, 0}] = {
      .at = scheduler_->now(),
      .configuration =
          std::make_shared<const raft::Configuration>(configuration)};
}

void ClockChecker::Put(const raft::Entry& entry, const Stamped& before) {
  // The core leaves a joint configuration by itself, and knows no time; the
  // leader's clock went on.
  const bool by_core = entry.type == raft::EntryType::kConfiguration &&
                       entry.stamp == before.stamp;
  stamped_[{entry.index.value(), entry.term.value()}] = {
      .stamp = entry.stamp,
      .at = by_core ? before.at : scheduler_->now(),
      .configuration = entry.configuration != nullptr ? entry.configuration
                                                      : before.configuration};
}

std::string ClockChecker::OnStamp(const raft::Entry& entry, raft::Term before) {
  const auto found = stamped_.find({entry.index.value() - 1, before.value()});
  if (found == stamped_.end()) return "an entry follows one that is known";
  const Stamped last = found->second;
  Put(entry, last);
  if (entry.stamp.cluster_ms < last.stamp.cluster_ms ||
      entry.stamp.calendar_ms < last.stamp.calendar_ms) {
    return "no stamp goes back";
  }
  const SimTime passed = scheduler_->now() - last.at;
  if (entry.stamp.cluster_ms > last.stamp.cluster_ms + CountedMs(passed)) {
    return absl::StrCat("the cluster's time is what passed: ",
                        entry.stamp.cluster_ms - last.stamp.cluster_ms,
                        " ms in ", passed, " us");
  }
  const int64_t counted_ms = last.stamp.calendar_ms + CountedMs(passed);
  const SimTime since = last.at - kOldestReading;
  const int64_t reached_ms = MajorityMs(last.configuration->membership, since) +
                             CountedMs(scheduler_->now() - since) -
                             (scheduler_->now() - since) / kMillisecond;
  if (entry.stamp.calendar_ms > std::max(counted_ms, reached_ms)) {
    return absl::StrCat(
        "the calendar is what a majority's clocks have reached: ",
        entry.stamp.calendar_ms - reached_ms, " ms beyond");
  }
  return CheckLeap(entry, last);
}

std::string ClockChecker::CheckLeap(const raft::Entry& entry,
                                    const Stamped& last) {
  const SimTime now = scheduler_->now();
  const auto [reign, began] = reigns_.emplace(
      entry.term, Reign{.calendar_ms = last.stamp.calendar_ms, .at = now});
  Reign& of = reign->second;
  if (entry.type == raft::EntryType::kNoop && !began) {
    const bool accepted = std::any_of(
        acceptances_.begin(), acceptances_.end(), [&](const auto& acceptance) {
          return acceptance.first >= now - kOldestAcceptance &&
                 acceptance.second >= entry.stamp.calendar_ms;
        });
    of = {.calendar_ms = entry.stamp.calendar_ms, .at = now};
    return accepted ? "" : "a person accepts a great leap";
  }
  if (of.calendar_ms == 0)
    of = {.calendar_ms = entry.stamp.calendar_ms, .at = now};
  const int64_t free_ms =
      of.calendar_ms + kFreeLeapMs + 2 * CountedMs(now - of.at);
  return entry.stamp.calendar_ms <= free_ms
             ? ""
             : absl::StrCat("a great leap waits for a person: ",
                            entry.stamp.calendar_ms - free_ms, " ms beyond");
}

// The furthest ahead that this clock was since then.
absl::Duration ClockChecker::MostOff(raft::MemberId member,
                                     SimTime since) const {
  const auto found = offs_.find(member);
  if (found == offs_.end()) return absl::ZeroDuration();
  absl::Duration before = absl::ZeroDuration();
  std::optional<absl::Duration> most;
  for (const Off& off : found->second) {
    if (off.since < since) {
      before = off.off;
    } else {
      most = std::max(most.value_or(off.off), off.off);
    }
  }
  return std::max(before, most.value_or(before));
}

// The latest moment that a majority of the voters' clocks show now, each as it
// was at its best since then. By trying all clocks.
int64_t ClockChecker::MajorityMs(const raft::Membership& membership,
                                 SimTime since) const {
  std::vector<raft::MemberId> voters = membership.voters;
  voters.insert(voters.end(), membership.voters_outgoing.begin(),
                membership.voters_outgoing.end());
  absl::Duration reached = -absl::InfiniteDuration();
  for (const raft::MemberId candidate : voters) {
    const absl::Duration off = MostOff(candidate, since);
    std::set<raft::MemberId> there;
    for (const raft::MemberId voter : voters) {
      if (MostOff(voter, since) >= off) there.insert(voter);
    }
    if (IsQuorum(membership, there)) reached = std::max(reached, off);
  }
  return absl::ToUnixMillis(SimClock::TrueCalendar(scheduler_->now()) +
                            reached);
}

std::string ClockChecker::OnShown(int64_t calendar_ms, bool held,
                                  const raft::Membership& membership) const {
  const int64_t majority_ms = MajorityMs(membership, scheduler_->now());
  if (held || calendar_ms >= majority_ms - kMostBehindMs) return "";
  return absl::StrCat("the calendar follows a majority's clocks: ",
                      majority_ms - calendar_ms, " ms behind");
}

}  // namespace quorate::sim
