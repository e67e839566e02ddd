#include "tests/server/join/join_world.h"

#include <algorithm>
#include <filesystem>
#include <future>
#include <stdlib.h>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/check.h"
#include "trust/keys.h"

namespace quorate::server {
namespace {

raft::MemberAddress Address(uint64_t number) {
  return {.id = raft::MemberId(number),
          .name = absl::StrCat("m", number),
          .peer_endpoint = absl::StrCat("10.0.0.", number, ":7411"),
          .client_endpoint = absl::StrCat("10.0.0.", number, ":7401")};
}

}  // namespace

replication::NodeStatus JoinWorld::ThreeMembers() {
  replication::NodeStatus status;
  status.raft.id = raft::MemberId(1);
  status.raft.leader = raft::MemberId(1);
  status.raft.role = raft::Role::kLeader;
  for (uint64_t number = 1; number <= 3; ++number) {
    status.configuration.membership.voters.emplace_back(number);
    status.configuration.addresses.push_back(Address(number));
  }
  return status;
}

JoinWorld::JoinWorld()
    : replica_(*LicensingReplica::Restore(kJoinClusterId, 1, &store_)),
      node_(replica_.get()) {
  std::string pattern =
      (std::filesystem::temp_directory_path() / "quorate-join-XXXXXX").string();
  QUORATE_CHECK(mkdtemp(pattern.data()) != nullptr);
  folder_ = pattern;
  node_.SetStatus(ThreeMembers());
  node_.SetChangeEnd(absl::OkStatus(), [this] { ApplyLastChange(); });
  const auto peer = peers_.Member(kJoinClusterId, "m1");
  JoinPort::Options options = {.listen = "127.0.0.1:0",
                               .cert_pem = peer.cert_pem,
                               .key_pem = peer.key_pem};
  options.join = {.member = {.cluster_id = kJoinClusterId,
                             .cluster_epoch = 3,
                             .name = "m1"},
                  .peer_ca_pem = peers_.ca_pem(),
                  .client_ca_pem = clients_.ca_pem(),
                  .peer_authority = *CertificateAuthority::Create(
                      peers_.ca_pem(), peers_.ca_key_pem()),
                  .client_authority = *CertificateAuthority::Create(
                      clients_.ca_pem(), clients_.ca_key_pem()),
                  .trust_root = vendor_.RootFile(),
                  .tick = absl::Milliseconds(50),
                  .heartbeat_ticks = 2,
                  .election_ticks = 10};
  pin_ = options.join.peer_authority->pin();
  auto port = JoinPort::Open(
      {.node = &node_, .view = &replica_->view(), .clock = &clock_},
      std::move(options));
  QUORATE_CHECK_OK(port.status());
  port_ = *std::move(port);
}

JoinWorld::~JoinWorld() {
  port_->StopTaking();
  node_.Stop();
  port_->Close();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string JoinWorld::endpoint() const {
  return absl::StrCat("127.0.0.1:", port_->port());
}

JoinToken JoinWorld::MakeToken(const std::string& name, raft::MemberId replaces,
                               bool stay_learner) {
  const JoinToken token =
      DrawJoinToken({.endpoints = {endpoint()}, .ca_pin = pin_});
  internal::v1::Command command;
  command.set_request_id(absl::StrCat("token-", ++tokens_));
  command.set_principal("admin");
  command.set_not_after_cluster_ms(node_.ClusterMsHint() + 1000);
  auto* body = command.mutable_create_join_token();
  body->set_token_id(token.id);
  body->set_secret_sha256(trust::Sha256(token.secret));
  body->set_name(name);
  body->set_replaces_id(replaces.value());
  body->set_ttl_ms(licensing::kDefaultJoinTokenTtlMs);
  body->set_stay_learner(stay_learner);
  std::promise<bool> made;
  node_.Propose(
      command.SerializeAsString(), absl::Seconds(10),
      [&made](const replication::ProposeResult& result) {
        made.set_value(
            static_cast<const LicensingAnswer&>(*result.answer).ledger.ok());
      });
  EXPECT_TRUE(made.get_future().get());
  return token;
}

JoinOptions JoinWorld::Options(const JoinToken& token,
                               const std::string& name) const {
  return {.token = token,
          .name = name,
          .config_dir = absl::StrCat(folder_, "/", name),
          .data_dir = absl::StrCat(folder_, "/", name, "-data"),
          .client_listen = "127.0.0.1:7444",
          .peer_listen = "127.0.0.1:7454",
          .client_address = "",
          .peer_address = "",
          .from = {},
          .timeout = absl::Milliseconds(100)};
}

void JoinWorld::ApplyLastChange() {
  replication::NodeStatus status = node_.Status();
  raft::Configuration& members = status.configuration;
  const raft::ConfigurationChange change = node_.changes().back();
  for (const raft::MemberChange& each : change.changes) {
    auto& voters = members.membership.voters;
    auto& learners = members.membership.learners;
    if (each.kind == raft::MemberChange::Kind::kRemove) {
      std::erase(voters, each.id);
      std::erase(learners, each.id);
      std::erase_if(members.addresses, [&](const raft::MemberAddress& one) {
        return one.id == each.id;
      });
    } else {
      learners.push_back(each.id);
      std::sort(learners.begin(), learners.end());
    }
  }
  members.addresses.insert(members.addresses.end(), change.addresses.begin(),
                           change.addresses.end());
  std::sort(members.addresses.begin(), members.addresses.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  node_.SetStatus(status);
}

}  // namespace quorate::server
