#include "tests/sim/sim_world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace quorate::sim {
namespace {

constexpr uint64_t kMembers[] = {11, 22, 33};

// When faults have stopped, every member must have answered a new request
// within this time. Reasons: a few elections, and whatever was under way.
constexpr SimTime kProgressLimit = 30 * kSecond;

// Clocks may be this much too fast or slow (security.md, I12, allows 1 %).
constexpr uint64_t kMaxRatePpm = 10'000;

raft::Configuration ThreeMembers() {
  raft::Configuration configuration;
  for (const uint64_t id : kMembers) {
    configuration.membership.voters.push_back(raft::MemberId(id));
    configuration.addresses.push_back({.id = raft::MemberId(id),
                                       .name = absl::StrCat("m", id),
                                       .peer_endpoint = "sim:1",
                                       .client_endpoint = "sim:2"});
  }
  return configuration;
}

}  // namespace

SimWorld::SimWorld(const SimOptions& options)
    : options_(options),
      random_(options.seed ^ 0x5eed),
      checker_(&scheduler_),
      network_(options_, &scheduler_, &random_,
               [this](replication::PeerMessage message) {
                 for (const auto& member : members_) {
                   if (member->id() != message.to) continue;
                   member->Deliver(std::move(message));
                   return;
                 }
               }) {
  const raft::Configuration configuration = ThreeMembers();
  SimClient::Deps client_deps{.options = &options_,
                              .scheduler = &scheduler_,
                              .network = &network_,
                              .checker = &checker_,
                              .random = &random_,
                              .members = {}};
  for (const uint64_t id : kMembers) {
    members_.push_back(
        std::make_unique<SimMember>(SimMember::Deps{.options = &options_,
                                                    .scheduler = &scheduler_,
                                                    .network = &network_,
                                                    .checker = &checker_,
                                                    .random = &random_},
                                    raft::MemberId(id), configuration));
    client_deps.members.push_back(members_.back().get());
  }
  for (int i = 0; i < options_.clients; ++i) {
    clients_.push_back(std::make_unique<SimClient>(client_deps, i));
  }
}

SimWorld::~SimWorld() = default;

SimReport SimWorld::Run() {
  for (const auto& member : members_)
    member->Start();
  InstallLicense();
  Every(options_.crash_every, &SimWorld::CrashSomeone);
  Every(options_.leader_crash_every, &SimWorld::CrashLeader);
  Every(options_.partition_every, &SimWorld::CutLinks);
  Every(options_.pause_every, &SimWorld::PauseSomeone);
  Every(options_.clock_every, &SimWorld::DisturbClock);
  RunUntil(options_.faulty_time);
  if (!checker_.failed()) StopFaults();
  if (!checker_.failed() && RunToProgress()) CheckEnd();

  SimReport report;
  report.passed = !checker_.failed();
  report.failure = checker_.failure();
  report.failed_at = scheduler_.now();
  report.entries = checker_.last_committed().value();
  report.effects = checker_.effects();
  report.crashes = crashes_;
  for (const auto& member : members_) {
    if (!member->up()) continue;
    report.elections =
        std::max(report.elections, member->loop().raft().term().value());
  }
  return report;
}

void SimWorld::InstallLicense() {
  internal::v1::Command command;
  command.set_request_id("license");
  internal::v1::InstallLicense* install = command.mutable_install_license();
  install->set_license_file("simulated");
  install->set_payload_sha256(std::string(32, 'x'));
  internal::v1::LicenseTerms* terms = install->mutable_terms();
  terms->set_license_id("demonstration");
  terms->set_serial(1);
  terms->set_vendor_id("vendor");
  terms->set_customer_id("customer");
  terms->set_issued_ms(1);
  terms->set_not_before_ms(1);
  terms->set_cluster_id(SimStorage::kClusterId);
  terms->set_cluster_epoch(SimStorage::kClusterEpoch);
  for (const SimFeature& feature : kSimFeatures) {
    internal::v1::FeatureTerms* added = terms->add_features();
    added->set_name(feature.name);
    added->set_count(feature.count);
  }
  clients_.front()->RequestThrough(
      nullptr, std::move(command),
      [this](const licensing::LedgerAnswer& answer) {
        if (!answer.ok()) {
          checker_.Fail("the licence is installed",
                        absl::StrCat("reason ", answer.reason));
          return;
        }
        for (const auto& client : clients_)
          client->Start();
      });
}

void SimWorld::Every(SimTime mean, Fault fault) {
  if (mean == 0) return;
  const SimTime next =
      static_cast<SimTime>(random_.Below(2 * static_cast<uint64_t>(mean)));
  scheduler_.After(next, [this, mean, fault] {
    if (calm_) return;
    (this->*fault)();
    Every(mean, fault);
  });
}

SimMember* SimWorld::Someone() {
  return members_[random_.Below(members_.size())].get();
}

void SimWorld::CrashFor(SimMember* member) {
  if (!member->up()) return;
  ++crashes_;
  member->Crash();
  const SimTime down = static_cast<SimTime>(
      random_.Below(static_cast<uint64_t>(options_.down_time_max)));
  scheduler_.After(down, [this, member] {
    if (!member->up() && !checker_.failed()) member->Start();
  });
}

void SimWorld::CrashSomeone() {
  CrashFor(Someone());
  // Now and then all at once, as by a power cut.
  if (!random_.OneIn(8)) return;
  for (const auto& member : members_)
    CrashFor(member.get());
}

void SimWorld::CrashLeader() {
  for (const auto& member : members_) {
    if (member->Leads()) CrashFor(member.get());
  }
}

void SimWorld::CutLinks() {
  network_.HealAll();
  if (random_.OneIn(3)) return;
  SimMember* one = Someone();
  const bool one_way = random_.OneIn(3);
  const bool partial = random_.OneIn(3);
  for (const auto& other : members_) {
    if (other.get() == one) continue;
    network_.Cut(one->id(), other->id());
    if (!one_way) network_.Cut(other->id(), one->id());
    if (partial) break;
  }
}

void SimWorld::PauseSomeone() {
  SimMember* member = Someone();
  if (!member->working()) return;
  member->Pause();
  const SimTime pause = static_cast<SimTime>(random_.Below(4 * kSecond));
  scheduler_.After(pause, [member] { member->Resume(); });
}

void SimWorld::DisturbClock() {
  SimMember* member = Someone();
  member->clock()->SetRate(
      static_cast<int64_t>(random_.Below(2 * kMaxRatePpm)) -
      static_cast<int64_t>(kMaxRatePpm));
  member->clock()->JumpCalendar(
      absl::Hours(static_cast<int64_t>(random_.Below(48)) - 24));
}

void SimWorld::RunUntil(SimTime end) {
  while (!checker_.failed() && scheduler_.RunNext(end)) {
  }
}

void SimWorld::StopFaults() {
  calm_ = true;
  network_.HealAll();
  network_.Calm();
  for (const auto& member : members_) {
    member->Calm();
    member->Resume();
    if (!member->up()) member->Start();
  }
}

bool SimWorld::RunToProgress() {
  size_t answered = 0;
  SimClient* client = clients_.front().get();
  for (const auto& member : members_) {
    internal::v1::Command command;
    command.set_request_id(client->NewRequestId());
    internal::v1::OpenSession* open = command.mutable_open_session();
    open->mutable_description()->set_user("last");
    open->mutable_description()->set_host("station");
    open->set_ttl_ms(licensing::kMinTtlMs);
    client->RequestThrough(
        member.get(), std::move(command),
        [&answered](const licensing::LedgerAnswer&) { ++answered; });
  }
  const SimTime end = scheduler_.now() + kProgressLimit;
  while (!checker_.failed() && answered < members_.size()) {
    if (!scheduler_.RunNext(end)) break;
  }
  if (!checker_.failed() && answered < members_.size()) {
    checker_.Fail("progress after the faults",
                  absl::StrCat(answered, " of ", members_.size(),
                               " members answered in time"));
  }
  return !checker_.failed();
}

void SimWorld::CheckEnd() {
  // The members stand at different indexes while clients go on; equal state
  // at equal index was compared at every apply. Here: each ledger is sound
  // within, and what was restored agrees with what was applied.
  for (const auto& member : members_) {
    const absl::Status sound = member->ledger().CheckInvariants();
    if (!sound.ok()) {
      checker_.Fail("a sound ledger",
                    absl::StrCat("member ", member->id().value(), ": ",
                                 sound.ToString()));
    }
  }
}

}  // namespace quorate::sim
