#include "tests/sim/sim_world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace quorate::sim {
namespace {

// When faults have stopped, every member must have answered a new request
// within this time. Reasons: a few elections, and whatever was under way.
constexpr SimTime kProgressLimit = 30 * kSecond;

// And within this time more all must have the same state. Reason: sessions end
// by entries of their own, a time to live after the last request.
constexpr SimTime kAgreementLimit = 60 * kSecond;

raft::Configuration FirstConfiguration(uint64_t members) {
  raft::Configuration configuration;
  for (uint64_t i = 1; i <= members; ++i) {
    const raft::MemberId id(11 * i);
    configuration.membership.voters.push_back(id);
    configuration.addresses.push_back(
        {.id = id,
         .name = absl::StrCat("m", id.value()),
         .peer_endpoint = absl::StrCat("sim:", id.value()),
         .client_endpoint = absl::StrCat("client:", id.value())});
  }
  return configuration;
}

}  // namespace

SimWorld::SimWorld(const SimOptions& options)
    : options_(options),
      checker_(&scheduler_),
      network_(options_, &scheduler_),
      nemesis_({.options = &options_,
                .scheduler = &scheduler_,
                .network = &network_,
                .members = &members_}) {
  Found();
  for (uint64_t i = 0; i < options_.clients; ++i) {
    clients_.push_back(
        std::make_unique<SimClient>(SimClient::Deps{.options = &options_,
                                                    .scheduler = &scheduler_,
                                                    .network = &network_,
                                                    .checker = &checker_,
                                                    .members = &members_},
                                    static_cast<int>(i)));
  }
}

SimWorld::~SimWorld() = default;

void SimWorld::Found() {
  const raft::Configuration configuration =
      FirstConfiguration(options_.members);
  for (const raft::MemberId id : configuration.membership.voters) {
    members_.push_back(std::make_unique<SimMember>(
        SimMember::Deps{
            .options = &options_,
            .scheduler = &scheduler_,
            .network = &network_,
            .checker = &checker_,
            .find = [this](raft::MemberId other) { return Find(other); }},
        id, configuration, /*joining=*/false));
  }
}

SimMember* SimWorld::Find(raft::MemberId id) const {
  for (const auto& member : members_) {
    if (member->id() == id) return member.get();
  }
  return nullptr;
}

SimReport SimWorld::Run() {
  for (const auto& member : members_)
    member->Start();
  InstallLicense();
  nemesis_.Start();
  RunUntil(static_cast<SimTime>(options_.faulty_time));
  if (!checker_.failed()) nemesis_.Calm();
  if (!checker_.failed() && RunToProgress() && RunToAgreement()) CheckEnd();

  SimReport report;
  report.passed = !checker_.failed();
  report.failure = checker_.failure();
  report.failed_at = scheduler_.now();
  report.entries = checker_.last_committed().value();
  report.effects = checker_.effects();
  report.crashes = nemesis_.crashes();
  report.installs = checker_.installs();
  report.membership = checker_.configurations();
  report.failovers = checker_.failovers();
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

void SimWorld::RunUntil(SimTime end) {
  while (!checker_.failed() && scheduler_.RunNext(end)) {
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

// Equal state at equal index was compared at every apply, so members agree
// where they have applied as much as anyone has.
bool SimWorld::Agree() const {
  return std::all_of(
      members_.begin(), members_.end(), [this](const auto& member) {
        return member->up() && member->applied() == checker_.last_committed() &&
               member->loop().raft().last_index() == member->applied();
      });
}

bool SimWorld::RunToAgreement() {
  for (const auto& client : clients_)
    client->Stop();
  const SimTime end = scheduler_.now() + kAgreementLimit;
  while (!checker_.failed() && !Agree()) {
    if (!scheduler_.RunNext(end)) break;
  }
  if (!checker_.failed() && !Agree()) {
    checker_.Fail("agreement after the faults",
                  "some member has not applied everything in time");
  }
  return !checker_.failed();
}

void SimWorld::CheckEnd() {
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
