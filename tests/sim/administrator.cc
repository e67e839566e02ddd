#include "tests/sim/administrator.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "tests/sim/quorums.h"

namespace quorate::sim {

using Kind = raft::MemberChange::Kind;

namespace {

constexpr SimTime kLookPeriod = 200 * kMillisecond;

// A step that was refused, or not answered, so often is given up; but for the
// replacement of a lost member.
constexpr int kMaxAttempts = 8;
constexpr SimTime kPatience = 4 * kSecond;
constexpr absl::Duration kTimeout = absl::Seconds(3);

// Voters and learners. Beyond this there is nothing new to see.
constexpr size_t kMaxMembers = 6;

bool StandsIn(const raft::Configuration& configuration, raft::MemberId id) {
  return std::any_of(
      configuration.addresses.begin(), configuration.addresses.end(),
      [id](const raft::MemberAddress& address) { return address.id == id; });
}

raft::MemberAddress AddressOf(raft::MemberId id, bool promote) {
  return {.id = id,
          .name = absl::StrCat("m", id.value()),
          .peer_endpoint = absl::StrCat("sim:", id.value()),
          .client_endpoint = absl::StrCat("client:", id.value()),
          .promote = promote};
}

}  // namespace

Administrator::Administrator(const Deps& deps)
    : deps_(deps), random_(deps.options->seed ^ 0x61646d) {}

void Administrator::Start() {
  deps_.scheduler->After(kLookPeriod, [this] { Look(); });
}

SimMember* Administrator::Find(raft::MemberId id) const {
  for (const auto& member : *deps_.members) {
    if (member->id() == id) return member.get();
  }
  return nullptr;
}

std::optional<raft::MemberId> Administrator::LostMember() const {
  const raft::Configuration* const current = deps_.checker->configuration();
  if (current == nullptr) return std::nullopt;
  for (const raft::MemberAddress& address : current->addresses) {
    const SimMember* const member = Find(address.id);
    if (member == nullptr || member->gone()) return address.id;
  }
  return std::nullopt;
}

// A careful administrator takes nobody away while another may be dead.
bool Administrator::SomeoneMayBeLost() const {
  return std::any_of(
      deps_.members->begin(), deps_.members->end(), [](const auto& member) {
        return member->damaged() && !member->gone() && !member->up();
      });
}

bool Administrator::idle() const {
  return plan_.empty() && !LostMember().has_value();
}

bool Administrator::AllStand(const raft::Configuration& configuration) const {
  return std::all_of(
      configuration.addresses.begin(), configuration.addresses.end(),
      [&](const raft::MemberAddress& address) {
        const SimMember* const member = Find(address.id);
        return member != nullptr && member->working() && !member->damaged() &&
               member->loop().raft().configuration() == configuration;
      });
}

bool Administrator::MayLoseMember() const {
  const raft::Configuration* const current = deps_.checker->configuration();
  // What was asked for and given up may still be on its way.
  const bool quiet = deps_.scheduler->now() - asked_at_ > kPatience + kSecond;
  return !calm_ && plan_.empty() && quiet && current != nullptr &&
         current->membership.voters.size() >= 3 &&
         current->membership.voters_outgoing.empty() && AllStand(*current);
}

// Where its addition was given up, it may still be committed, and the leader
// may count on whom it heard a moment ago.
bool Administrator::IsExpected(raft::MemberId id) const {
  const raft::Configuration& current = *deps_.checker->configuration();
  return std::any_of(
      deps_.members->begin(), deps_.members->end(), [&](const auto& member) {
        return StandsIn(current, member->id()) && member->working() &&
               StandsIn(member->loop().raft().configuration(), id);
      });
}

void Administrator::OnElected(SimMember* leader) {
  const raft::Configuration* const current = deps_.checker->configuration();
  if (calm_ || current == nullptr || SomeoneMayBeLost() ||
      LostMember().has_value() ||
      !random_.Chance(deps_.options->change_at_election_per_mille, 1000)) {
    return;
  }
  const std::vector<raft::MemberId>& voters = current->membership.voters;
  const std::vector<raft::MemberId>& learners = current->membership.learners;
  raft::ConfigurationChange change;
  if (!learners.empty() && random_.OneIn(2)) {
    change.changes = {{.kind = Kind::kAddVoter,
                       .id = learners[random_.Below(learners.size())]}};
  } else if (voters.size() > 2) {
    change.changes = {
        {.kind = Kind::kRemove, .id = voters[random_.Below(voters.size())]}};
  } else {
    return;
  }
  asked_at_ = deps_.scheduler->now();
  leader->Request({.what = std::move(change)}, kTimeout,
                  [](const absl::Status&) {});
}

void Administrator::Look() {
  if (deps_.checker->failed()) return;
  deps_.scheduler->After(kLookPeriod, [this] { Look(); });
  KeepHouse();
  AcceptLeaps();
  if (!plan_.empty() || deps_.checker->configuration() == nullptr) return;
  const std::optional<raft::MemberId> lost = LostMember();
  if (lost.has_value()) {
    Replace(*lost);
    return Ask();
  }
  if (calm_ || SomeoneMayBeLost()) return;
  const auto due = [this](uint64_t mean) {
    return mean > 0 && random_.Chance(kLookPeriod, mean);
  };
  if (due(deps_.options->change_every)) {
    BeginChange();
  } else if (due(deps_.options->transfer_every)) {
    BeginTransfer();
  }
  if (!plan_.empty()) Ask();
}

// Now and then, on any member, up to a moment that is right or far off.
void Administrator::AcceptLeaps() {
  if (calm_ || deps_.options->clock_every == 0 || !random_.OneIn(16)) return;
  SimMember* const member =
      (*deps_.members)[random_.Below(deps_.members->size())].get();
  if (!member->working()) return;
  const absl::Time up_to =
      SimClock::TrueCalendar(deps_.scheduler->now()) +
      absl::Hours(random_.OneIn(8) ? 200'000
                                   : static_cast<int64_t>(random_.Below(100)));
  member->AcceptCalendar(absl::ToUnixMillis(up_to), kTimeout);
}

// Members that a committed configuration has are started; those that one had,
// and the last has no more, are shut down some time later.
void Administrator::KeepHouse() {
  const raft::Configuration* const current = deps_.checker->configuration();
  if (current == nullptr) return;
  for (const raft::MemberAddress& address : current->addresses) {
    SimMember* const member = Find(address.id);
    if (member != nullptr && member->asleep()) member->Start();
  }
  if (!plan_.empty()) return;
  for (const auto& member : *deps_.members) {
    if (member->gone() || StandsIn(*current, member->id())) continue;
    if (!leaving_.insert(member->id()).second) continue;
    deps_.scheduler->After(
        TimeBelow(&random_, 10 * kSecond), [this, leaver = member.get()] {
          leaving_.erase(leaver->id());
          const auto* now = deps_.checker->configuration();
          if (StandsIn(*now, leaver->id()) || IsExpected(leaver->id())) {
            return;
          }
          leaver->Retire();
        });
  }
}

void Administrator::Plan(Kind kind, raft::MemberId id) {
  plan_.push_back(
      {.change = {.changes = {{.kind = kind, .id = id}}, .addresses = {}}});
}

raft::MemberId Administrator::PlanRecruit(bool promote) {
  raft::MemberId id(random_.Between(1, 999));
  while (Find(id) != nullptr)
    id = raft::MemberId(random_.Between(1, 999));
  const raft::MemberAddress address = AddressOf(id, promote);
  raft::Configuration known = *deps_.checker->configuration();
  known.addresses.push_back(address);
  std::sort(known.addresses.begin(), known.addresses.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  known.membership.learners.push_back(id);
  std::sort(known.membership.learners.begin(), known.membership.learners.end());
  SimMember* const member = deps_.recruit(id, known);
  const bool starts_early = random_.OneIn(2);
  if (starts_early) member->Start();
  plan_.push_back(
      {.change = {.changes = {{.kind = Kind::kAddLearner, .id = id}},
                  .addresses = {address}},
       .starts = id});
  return id;
}

void Administrator::Replace(raft::MemberId lost) {
  const raft::Configuration& current = *deps_.checker->configuration();
  const bool voted = Votes(current.membership, lost);
  const bool remove_first = !voted || random_.OneIn(2);
  if (remove_first) Plan(Kind::kRemove, lost);
  if (voted) PlanRecruit(/*promote=*/true);
  if (!remove_first) Plan(Kind::kRemove, lost);
}

void Administrator::BeginChange() {
  const raft::Configuration& current = *deps_.checker->configuration();
  const std::vector<raft::MemberId>& voters = current.membership.voters;
  const std::vector<raft::MemberId>& learners = current.membership.learners;
  const raft::MemberId voter = voters[random_.Below(voters.size())];
  if (current.addresses.size() < kMaxMembers && random_.OneIn(2)) {
    const raft::MemberId added = PlanRecruit(random_.OneIn(2));
    // A replacement: the new one votes, then the other one goes.
    if (random_.OneIn(3)) {
      Plan(Kind::kAddVoter, added);
      Plan(Kind::kRemove, voter);
    }
    return;
  }
  if (!learners.empty() && random_.OneIn(2)) {
    const raft::MemberId learner = learners[random_.Below(learners.size())];
    Plan(random_.OneIn(4) ? Kind::kRemove : Kind::kAddVoter, learner);
    // In one step, through a joint configuration.
    if (voters.size() > 1 && random_.OneIn(3)) {
      plan_.back().change.changes.push_back(
          {.kind = Kind::kRemove, .id = voter});
    }
    return;
  }
  if (voters.size() > 1) Plan(Kind::kRemove, voter);
}

void Administrator::BeginTransfer() {
  const std::vector<raft::MemberId>& voters =
      deps_.checker->configuration()->membership.voters;
  Step step;
  if (random_.OneIn(2)) step.transfer_to = voters[random_.Below(voters.size())];
  plan_.push_back(step);
}

void Administrator::Ask() {
  const uint64_t attempt = ++attempt_;
  asked_at_ = deps_.scheduler->now();
  std::vector<SimMember*> there;
  for (const auto& member : *deps_.members) {
    if (member->working() &&
        StandsIn(*deps_.checker->configuration(), member->id())) {
      there.push_back(member.get());
    }
  }
  deps_.scheduler->After(kPatience, [this, attempt] {
    OnAnswer(attempt, absl::DeadlineExceededError("no answer"));
  });
  if (there.empty()) return;
  SimMember* const member = there[random_.Below(there.size())];
  const Step& step = plan_.front();
  const auto done = [this, attempt](const absl::Status& status) {
    // Not from within the member's own work.
    deps_.scheduler->After(
        0, [this, attempt, status] { OnAnswer(attempt, status); });
  };
  if (step.change.changes.empty()) {
    member->Request(
        {.what = replication::LeadershipTransfer{.to = step.transfer_to}},
        kTimeout, done);
  } else {
    deps_.checker->Note(member->id(),
                        absl::StrCat("is asked for a change of ",
                                     step.change.changes[0].id.value()));
    member->Request({.what = step.change}, kTimeout, done);
  }
}

void Administrator::OnAnswer(uint64_t attempt, const absl::Status& status) {
  if (attempt != attempt_ || plan_.empty() || deps_.checker->failed()) return;
  ++attempt_;
  deps_.checker->Note(raft::kNobody, absl::StrCat("the administrator hears ",
                                                  status.ToString()));
  if (status.ok()) {
    SimMember* const starts = Find(plan_.front().starts);
    plan_.pop_front();
    attempts_ = 0;
    if (starts != nullptr) starts->Start();
    if (!plan_.empty()) Ask();
    return;
  }
  if (++attempts_ >= kMaxAttempts) return GiveUp();
  const uint64_t waiting = attempt_;
  deps_.scheduler->After(TimeBelow(&random_, kSecond) + 50 * kMillisecond,
                         [this, waiting] {
                           if (waiting == attempt_ && !plan_.empty()) Ask();
                         });
}

// What must be done is found to be missing again by the next look.
void Administrator::GiveUp() {
  plan_.clear();
  attempts_ = 0;
}

}  // namespace quorate::sim
