#include "tests/sim/sim_world.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

#include "tests/sim/quorums.h"
#include "tests/sim/sim_licenses.h"

namespace quorate::sim {
namespace {

// When faults have stopped, members that are lost for good must be replaced
// within this time. Reason: a few changes, each with a few attempts.
constexpr SimTime kOrderLimit = 60 * kSecond;

// Then every member must have answered a new request
// within this time. Reasons: a few elections, and whatever was under way.
constexpr SimTime kProgressLimit = 30 * kSecond;

// And within this time more all must have the same state. Reason: sessions end
// by entries of their own, a time to live after the last request.
constexpr SimTime kAgreementLimit = 60 * kSecond;

// And within this time the leader's calendar must stand as a majority's clocks
// say. Reason: it asks for them every second, and may have just come to lead.
constexpr SimTime kCalendarLimit = 10 * kSecond;

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
      administrator_({.options = &options_,
                      .scheduler = &scheduler_,
                      .checker = &checker_,
                      .members = &members_,
                      .recruit =
                          [this](raft::MemberId id,
                                 const raft::Configuration& configuration) {
                            return Make(id, configuration, /*joining=*/true);
                          }}),
      nemesis_({.options = &options_,
                .scheduler = &scheduler_,
                .network = &network_,
                .members = &members_,
                .may_lose_member = [this] {
                  return administrator_.MayLoseMember();
                }}) {
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
  checker_.clocks().OnFounded(configuration);
  for (const raft::MemberId id : configuration.membership.voters)
    Make(id, configuration, /*joining=*/false);
}

SimMember* SimWorld::Make(raft::MemberId id,
                          const raft::Configuration& configuration,
                          bool joining) {
  members_.push_back(std::make_unique<SimMember>(
      SimMember::Deps{
          .options = &options_,
          .scheduler = &scheduler_,
          .network = &network_,
          .checker = &checker_,
          .find = [this](raft::MemberId other) { return Find(other); },
          .elected =
              [this](SimMember* leader) { administrator_.OnElected(leader); }},
      id, configuration, joining));
  return members_.back().get();
}

std::vector<SimMember*> SimWorld::Members() const {
  std::vector<SimMember*> members;
  if (checker_.configuration() == nullptr) return members;
  for (const auto& address : checker_.configuration()->addresses) {
    members.push_back(Find(address.id));
  }
  return members;
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
  InstallLicenses(SimLicenses(options_), 0);
  nemesis_.Start();
  administrator_.Start();
  RunUntil(static_cast<SimTime>(options_.faulty_time));
  if (!checker_.failed()) nemesis_.Calm();
  administrator_.Calm();
  if (RunToOrder() && RunToProgress() && RunToCalendar() && RunToAgreement()) {
    CheckEnd();
  }

  SimReport report;
  report.passed = !checker_.failed();
  report.failure = checker_.failure();
  report.failed_at = scheduler_.now();
  report.entries = checker_.last_committed().value();
  report.effects = checker_.effects();
  for (const auto& client : clients_) {
    report.waited += static_cast<uint64_t>(client->granted_later());
    report.called_back += static_cast<uint64_t>(client->called_back());
  }
  report.crashes = nemesis_.crashes();
  report.installs = checker_.installs();
  report.membership = checker_.configurations();
  report.losses = nemesis_.losses();
  report.failovers = checker_.failovers();
  for (const auto& member : members_) {
    if (!member->up()) continue;
    report.elections =
        std::max(report.elections, member->loop().raft().term().value());
  }
  return report;
}

// One after the other; then the clients begin.
void SimWorld::InstallLicenses(
    const std::vector<internal::v1::LicenseTerms>& licenses, size_t next) {
  if (next == licenses.size()) {
    for (const auto& client : clients_)
      client->Start();
    return;
  }
  checker_.beliefs().OnLicense(licenses[next]);
  checker_.calendar().OnLicense(licenses[next]);
  internal::v1::Command command;
  command.set_request_id(licenses[next].license_id());
  internal::v1::InstallLicense* install = command.mutable_install_license();
  install->set_license_file("simulated");
  install->set_payload_sha256(std::string(32, 'x'));
  *install->mutable_terms() = licenses[next];
  clients_.front()->RequestThrough(
      nullptr, std::move(command),
      [this, licenses, next](const licensing::LedgerAnswer& answer) {
        if (!answer.ok()) {
          checker_.Fail("the licence is installed",
                        absl::StrCat("reason ", answer.reason));
          return;
        }
        InstallLicenses(licenses, next + 1);
      });
}

void SimWorld::RunUntil(SimTime end) {
  while (!checker_.failed() && scheduler_.RunNext(end)) {
  }
}

bool SimWorld::RunToOrder() {
  const SimTime end = scheduler_.now() + kOrderLimit;
  while (!checker_.failed() && !administrator_.idle()) {
    if (!scheduler_.RunNext(end)) break;
  }
  if (!administrator_.idle()) {
    checker_.Fail("order after the faults", "a lost member is not replaced");
  }
  return !checker_.failed();
}

// A change that nobody waits for may still be done, so who must answer is
// looked at again and again.
bool SimWorld::RunToProgress() {
  std::set<raft::MemberId> asked;
  SimClient* const client = clients_.front().get();
  const auto all_answered = [&] {
    const std::vector<SimMember*> members = Members();
    return !members.empty() &&
           std::all_of(members.begin(), members.end(), [&](SimMember* member) {
             return answered_.contains(member->id());
           });
  };
  const SimTime end = scheduler_.now() + kProgressLimit;
  while (!checker_.failed() && !all_answered()) {
    for (SimMember* const member : Members()) {
      if (!asked.insert(member->id()).second) continue;
      internal::v1::Command command;
      command.set_request_id(client->NewRequestId());
      internal::v1::OpenSession* open = command.mutable_open_session();
      open->mutable_description()->set_user("last");
      open->mutable_description()->set_host("station");
      open->set_ttl_ms(licensing::kMinTtlMs);
      client->RequestThrough(
          member, std::move(command),
          [this, id = member->id()](const licensing::LedgerAnswer&) {
            answered_.insert(id);
          });
    }
    if (!scheduler_.RunNext(end)) break;
  }
  if (!all_answered()) {
    checker_.Fail("progress after the faults",
                  absl::StrCat(answered_.size(), " of ", Members().size(),
                               " members answered in time"));
  }
  return !checker_.failed();
}

// Equal state at equal index was compared at every apply, so members agree
// where they have applied as much as anyone has.
bool SimWorld::Agree() const {
  const std::vector<SimMember*> members = Members();
  return std::all_of(
      members.begin(), members.end(), [this](const SimMember* member) {
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

std::string SimWorld::CalendarFault() const {
  for (const SimMember* member : Members()) {
    if (!member->Leads()) continue;
    const replication::NodeStatus status = member->loop().Status();
    return checker_.clocks().OnShown(status.calendar->calendar_ms,
                                     status.calendar->held,
                                     status.configuration.membership);
  }
  return "nobody leads";
}

bool SimWorld::RunToCalendar() {
  const SimTime end = scheduler_.now() + kCalendarLimit;
  while (!checker_.failed() && !CalendarFault().empty()) {
    if (!scheduler_.RunNext(end)) break;
  }
  const std::string fault = CalendarFault();
  if (!fault.empty()) checker_.Fail("a calendar after the faults", fault);
  return !checker_.failed();
}

void SimWorld::CheckEnd() {
  for (const auto& member : members_) {
    if (member->Leads() &&
        !Votes(checker_.configuration()->membership, member->id())) {
      checker_.Fail("a removed member does not lead",
                    absl::StrCat("member ", member->id().value()));
    }
  }
  for (const SimMember* member : Members()) {
    const absl::Status sound = member->ledger().CheckInvariants();
    if (!sound.ok()) {
      checker_.Fail("a sound ledger",
                    absl::StrCat("member ", member->id().value(), ": ",
                                 sound.ToString()));
    }
  }
}

}  // namespace quorate::sim
