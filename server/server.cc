#include "server/server.h"

#include <atomic>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/clock.h"
#include "base/latency_book.h"
#include "base/log.h"
#include "base/status.h"
#include "replication/node/node.h"
#include "replication/transport/grpc_transport.h"
#include "server/alert_mailer.h"
#include "server/alert_watch.h"
#include "server/clock_driver.h"
#include "server/disk_room.h"
#include "server/join/join_port.h"
#include "server/join/rejoin_service.h"
#include "server/licensing/accounts.h"
#include "server/log_keeping.h"
#include "server/periodic_work.h"
#include "server/rpc/client_port.h"
#include "server/rpc/member_fields.h"

namespace quorate::server {
namespace {

// How often the member looks whether something is due and whether it serves.
constexpr absl::Duration kPeriod = absl::Milliseconds(100);

// How often it looks at the room on its disk: a disk takes longer to fill its
// last twentieth.
constexpr absl::Duration kDiskPeriod = absl::Seconds(1);

// How often it looks for what people are to be told: a mail takes longer.
constexpr absl::Duration kAlertPeriod = absl::Seconds(2);

// Calls under way when a member stops: longer than a change of leader.
constexpr absl::Duration kIdleTimeout = absl::Seconds(2);

// A transfer takes one round trip; who does not get it done in this time stops
// all the same, and the others elect.
constexpr absl::Duration kTransferTimeout = absl::Seconds(1);

// Replaying a large log takes minutes; nobody waits longer to be told.
constexpr absl::Duration kReplayTimeout = absl::Minutes(30);

}  // namespace

// In the order of construction: each may use those before it.
class Server::Parts {
 public:
  Parts(MemberFiles member_files, MemberStores member_stores)
      : files(std::move(member_files)), stores(std::move(member_stores)) {}

  MemberFiles files;
  MemberStores stores;
  LatencyBook latencies{&SystemClock()};
  std::atomic<bool> outlived = false;  // Set by the transport.
  std::unique_ptr<RejoinService> rejoin;
  std::unique_ptr<replication::GrpcTransport> transport;
  std::unique_ptr<replication::Node> node;
  std::unique_ptr<ClockDriver> clock_driver;
  std::unique_ptr<JoinPort> join_port;  // Null: no machine joins here.
  std::unique_ptr<AlertWatch> alert_watch;
  std::unique_ptr<AlertMailer> alert_mailer;
  std::unique_ptr<ClientPort> client_port;
  std::unique_ptr<PeriodicWork> alert_work;
  std::unique_ptr<PeriodicWork> periodic_work;
  std::unique_ptr<DiskRoom> disk_room;
  // A thread of its own: to make the reserve may take a while.
  std::unique_ptr<PeriodicWork> disk_work;
  bool stopped = false;
};

namespace {

MemberDescription DescriptionOf(const Config& config) {
  return {.cluster_id = config.cluster_id,
          .cluster_epoch = config.cluster_epoch,
          .name = config.self.name};
}

replication::GrpcTransport::Options TransportOptions(const Config& config,
                                                     const MemberFiles& files,
                                                     const MemberStores& stores,
                                                     RejoinService* rejoin) {
  return {
      .id = stores.log->identity().member_id,
      .listen = config.peer_listen,
      .tls = {.ca_pem = files.peer_tls.ca,
              .cert_pem = files.peer_tls.cert,
              .key_pem = files.peer_tls.key,
              .cluster_id = config.cluster_id},
      .cluster_epoch = config.cluster_epoch,
      .clock = &SystemClock(),
      .incarnation = stores.start,
      .last_index = stores.log->LastIndex(),
      .witness =
          [book = stores.witnesses.get()](const replication::Speaker& speaker) {
            return book->Admit({.id = speaker.id,
                                .run = speaker.run,
                                .incarnation = speaker.incarnation,
                                .last_index = speaker.last_index});
          },
      .services = {rejoin}};
}

replication::NodeOptions MakeNodeOptions(const Config& config) {
  return {.heartbeat_ticks = config.heartbeat_ticks,
          .election_ticks = config.election_ticks,
          .tick = config.tick,
          .snapshot_entries = config.snapshot_entries,
          .snapshot_bytes = config.snapshot_mib << 20};
}

// Others reach the join port where they reach this member, unless it listens
// somewhere in particular.
std::string JoinEndpoint(const Config& config) {
  const absl::string_view host = HostOf(config.join_listen);
  if (host != "0.0.0.0" && host != "::") return config.join_listen;
  const std::string& peer = config.self.peer_endpoint;
  return absl::StrCat(peer.substr(0, peer.rfind(':')),
                      config.join_listen.substr(config.join_listen.rfind(':')));
}

absl::StatusOr<JoinPort::Options> JoinPortOptions(const Config& config,
                                                  const MemberFiles& files) {
  JoinPort::Options options = {.listen = config.join_listen,
                               .cert_pem = files.peer_tls.cert,
                               .key_pem = files.peer_tls.key};
  options.join = {.member = DescriptionOf(config),
                  .peer_ca_pem = files.peer_tls.ca,
                  .client_ca_pem = files.client_tls.ca,
                  .trust_root = files.trust_root,
                  .tick = config.tick,
                  .heartbeat_ticks = config.heartbeat_ticks,
                  .election_ticks = config.election_ticks,
                  .administrators = config.administrators};
  QUORATE_ASSIGN_OR_RETURN(
      options.join.peer_authority,
      CertificateAuthority::Create(files.peer_tls.ca, files.peer_tls.ca_key));
  QUORATE_ASSIGN_OR_RETURN(options.join.client_authority,
                           CertificateAuthority::Create(
                               files.client_tls.ca, files.client_tls.ca_key));
  return options;
}

ClientPort::Options ClientPortOptions(const Config& config,
                                      const MemberFiles& files) {
  return {.listen = config.client_listen,
          .tls = {.ca_pem = files.client_tls.ca,
                  .cert_pem = files.client_tls.cert,
                  .key_pem = files.client_tls.key},
          .member = DescriptionOf(config),
          .administrators = config.administrators,
          .log_folder = KeptLogFolder(config)};
}

// Nobody could make anybody an administrator.
void ReportAccess(const Config& config, const licensing::Ledger& ledger) {
  if (!config.administrators.empty() ||
      ledger.accounts().administrators() > 0) {
    return;
  }
  LogWarn("access", "no_administrator",
          {{"name_one_in", "[access] administrators"}});
}

// A cluster that refuses everybody says so where an administrator looks first.
void ReportRestoration(const licensing::Ledger& ledger) {
  const internal::v1::Restoration* restoration = ledger.restoration();
  if (restoration != nullptr && !restoration->released()) {
    LogWarn("restore", "on_hold",
            {{"old_epoch", absl::StrCat(restoration->old_epoch())},
             {"until", "`quorate restore release`"}});
  }
  const internal::v1::Retirement* retirement = ledger.retirement();
  if (retirement != nullptr) {
    LogWarn("restore", "retired",
            {{"for_epoch", absl::StrCat(retirement->epoch())},
             {"by", retirement->retired_by()}});
  }
}

// Says when everything that was committed before the start is applied.
void ReportReady(const Config& config, raft::Index committed,
                 replication::Node* node) {
  node->Read({.kind = replication::ReadConsistency::Kind::kAtLeast,
              .at_least = committed},
             kReplayTimeout,
             [client = config.client_listen, peer = config.peer_listen,
              committed](replication::ReadOutcome outcome) {
               if (outcome != replication::ReadOutcome::kOk) return;
               LogInfo("server", "ready",
                       {{"client", client},
                        {"peer", peer},
                        {"applied", absl::StrCat(committed.value())}});
             });
}

// What is known of the others' logs goes onto the disk.
void NoteWitnessed(const replication::NodeStatus& status,
                   replication::WitnessBook* book) {
  for (const auto& [member, index] : status.witnessed) {
    book->NoteCommitted(member, index);
  }
  std::set<raft::MemberId> members;
  for (const raft::MemberAddress& member : status.configuration.addresses) {
    members.insert(member.id);
  }
  // A disk that cannot be written is found out by what must be.
  (void)book->Save(members);
}

// A member that stops on purpose hands leadership on first, so that nobody
// waits for an election.
void HandLeadershipOn(replication::Node* node) {
  if (!node->LeadsHint()) return;
  const auto ended = std::make_shared<std::promise<absl::Status>>();
  node->TransferLeadership(
      raft::kNobody, kTransferTimeout,
      [ended](const absl::Status& status) { ended->set_value(status); });
  const absl::Status status = ended->get_future().get();
  LogInfo("server", "leadership_handed_on",
          {{"status", status.ok() ? "ok" : std::string(status.message())}});
}

}  // namespace

// Before the client port: see JoinPort.
absl::StatusOr<JoinDescription> Server::OpenJoinPort(const Config& config,
                                                     const LicensingView* view,
                                                     Parts* running) {
  QUORATE_ASSIGN_OR_RETURN(JoinPort::Options options,
                           JoinPortOptions(config, running->files));
  JoinDescription join = {.endpoints = {JoinEndpoint(config)},
                          .ca_pin = options.join.peer_authority->pin()};
  QUORATE_ASSIGN_OR_RETURN(
      running->join_port,
      JoinPort::Open(
          {.node = running->node.get(), .view = view, .clock = &SystemClock()},
          std::move(options)));
  return join;
}

PostTestMail Server::StartMailer(const Config& config,
                                 const LicensingView* view, Parts* running) {
  running->alert_watch = std::make_unique<AlertWatch>(AlertWatch::Deps{
      .node = running->node.get(), .view = view, .clock = &SystemClock()});
  running->alert_mailer = std::make_unique<AlertMailer>(
      AlertMailer::Deps{
          .node = running->node.get(), .view = view, .clock = &SystemClock()},
      AlertMailer::Options{.cluster_id = config.cluster_id,
                           .member = config.self.name,
                           .access = running->files.mail});
  if (!running->files.mail.has_value()) return nullptr;
  return [mailer = running->alert_mailer.get()](MailTest test) {
    return mailer->Test(std::move(test));
  };
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Config& config,
                                                      MemberFiles files,
                                                      MemberStores stores) {
  auto parts = std::make_unique<Parts>(std::move(files), std::move(stores));
  parts->rejoin =
      std::make_unique<RejoinService>(&SystemClock(), DescriptionOf(config));
  replication::GrpcTransport::Options transport = TransportOptions(
      config, parts->files, parts->stores, parts->rejoin.get());
  const licensing::Ledger& ledger = parts->stores.replica->ledger();
  ReportRestoration(ledger);
  ReportAccess(config, ledger);
  if (ledger.restoration() != nullptr) {
    transport.restore_id = ledger.restoration()->restore_id();
  }
  transport.on_refused_as_copy = [outlived = &parts->outlived] {
    outlived->store(true);
  };
  QUORATE_ASSIGN_OR_RETURN(parts->transport,
                           replication::GrpcTransport::Create(transport));
  const raft::Index committed = parts->stores.log->RestoredHardState().commit;
  QUORATE_ASSIGN_OR_RETURN(
      parts->node,
      replication::Node::Start({.log = parts->stores.log.get(),
                                .transport = parts->transport.get(),
                                .state_machine = parts->stores.replica.get(),
                                .snapshots = parts->stores.snapshots.get(),
                                .clock = &SystemClock(),
                                .latencies = &parts->latencies},
                               MakeNodeOptions(config)));
  const LicensingView* view = &parts->stores.replica->view();
  // From here on the destructor ends what runs.
  std::unique_ptr<Server> server(new Server(std::move(parts)));
  Parts* running = server->parts_.get();
  running->clock_driver = std::make_unique<ClockDriver>(
      ClockDriver::Deps{.node = running->node.get(), .view = view});
  running->rejoin->Start(running->node.get());
  ClientPort::Options client_port = ClientPortOptions(config, running->files);
  client_port.post_test_mail = StartMailer(config, view, running);
  if (!config.join_listen.empty()) {
    QUORATE_ASSIGN_OR_RETURN(client_port.join,
                             OpenJoinPort(config, view, running));
  }
  QUORATE_ASSIGN_OR_RETURN(
      running->client_port,
      ClientPort::Open({.node = running->node.get(),
                        .view = view,
                        .verifier = running->files.verifier.get(),
                        .clock = &SystemClock(),
                        .latencies = &running->latencies},
                       client_port));
  running->alert_work = std::make_unique<PeriodicWork>(
      kAlertPeriod, [running] { running->alert_watch->Look(); });
  running->periodic_work = std::make_unique<PeriodicWork>(kPeriod, [running] {
    running->clock_driver->LookForDue();
    running->client_port->UpdateHealth();
  });
  running->disk_room =
      std::make_unique<DiskRoom>(config, replication::ReadStatvfs);
  running->disk_work = std::make_unique<PeriodicWork>(kDiskPeriod, [running] {
    NoteWitnessed(running->node->Status(), running->stores.witnesses.get());
    running->node->SetDiskLow(running->disk_room->IsLow());
  });
  ReportReady(config, committed, running->node.get());
  return server;
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Server::~Server() {
  Stop();
}

int Server::client_port() const {
  return parts_->client_port->port();
}

bool Server::Outlived() const {
  return parts_->outlived.load();
}

void Server::Stop() {
  if (!parts_->stopped) HandLeadershipOn(parts_->node.get());
  parts_->stopped = true;
  if (parts_->periodic_work != nullptr) parts_->periodic_work->Stop();
  if (parts_->alert_work != nullptr) parts_->alert_work->Stop();
  if (parts_->alert_mailer != nullptr) parts_->alert_mailer->Stop();
  if (parts_->join_port != nullptr) parts_->join_port->StopTaking();
  parts_->rejoin->Stop();
  if (parts_->disk_work != nullptr) parts_->disk_work->Stop();
  if (parts_->client_port != nullptr) {
    parts_->client_port->StopTaking();
    if (!parts_->client_port->WaitIdle(kIdleTimeout)) {
      LogWarn("server", "calls_cut_off");
    }
  }
  // Ends what still waits, so that the client port has nothing left to answer.
  parts_->node->Stop();
  if (parts_->client_port != nullptr) parts_->client_port->Close();
  if (parts_->join_port != nullptr) parts_->join_port->Close();
}

}  // namespace quorate::server
