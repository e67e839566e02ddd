#include "tests/client/fake_membership.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace quorate {

using admin::v1::Member;

grpc::Status FakeRefusal(grpc::StatusCode code, const std::string& reason,
                         const std::string& message) {
  google::rpc::Status status;
  status.set_code(code);
  status.set_message(message);
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("quorate");
  (*info.mutable_metadata())["test"] = "yes";
  status.add_details()->PackFrom(info);
  if (code == grpc::StatusCode::UNAVAILABLE) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_nanos(50'000'000);
    status.add_details()->PackFrom(retry);
  }
  return grpc::Status(code, message, status.SerializeAsString());
}

namespace {

auto Find(std::vector<Member>* members, const std::string& name) {
  return std::find_if(members->begin(), members->end(),
                      [&](const Member& each) { return each.name() == name; });
}

grpc::Status NoSuchMember() {
  return FakeRefusal(grpc::StatusCode::NOT_FOUND, "MEMBER_NOT_FOUND",
                     "there is no such member");
}

}  // namespace

void FakeMembership::Add(const Member& member) {
  MutexLock lock(&mu_);
  members_.push_back(member);
  members_.back().set_leader(members_.size() == 1);
}

std::vector<Member> FakeMembership::members() const {
  MutexLock lock(&mu_);
  return members_;
}

grpc::Status FakeClusterService::ListMembers(
    grpc::ServerContext* /*context*/,
    const admin::v1::ListMembersRequest* request,
    admin::v1::ListMembersResponse* response) {
  response->mutable_header()->set_member(name_);
  for (const Member& member : membership_->members()) {
    const std::string filter = absl::StrCat("name=\"", member.name(), "\"");
    if (request->filter().empty() || request->filter() == filter) {
      *response->add_members() = member;
    }
  }
  return grpc::Status::OK;
}

grpc::Status FakeClusterService::AddMember(
    grpc::ServerContext* /*context*/,
    const admin::v1::AddMemberRequest* request,
    admin::v1::AddMemberResponse* response) {
  MutexLock lock(&membership_->mu_);
  auto& members = membership_->members_;
  if (Find(&members, request->name()) != members.end()) {
    return FakeRefusal(grpc::StatusCode::ALREADY_EXISTS, "MEMBER_EXISTS",
                       "the name is another member's");
  }
  Member* added = response->mutable_member();
  added->set_name(request->name());
  added->set_member_id(request->member_id());
  added->set_part(request->promote() ? admin::v1::MEMBER_PART_CATCHING_UP
                                     : admin::v1::MEMBER_PART_LEARNER);
  added->set_client_endpoint(request->client_endpoint());
  added->set_peer_endpoint(request->peer_endpoint());
  added->set_entries_behind(7);
  members.push_back(*added);
  return grpc::Status::OK;
}

grpc::Status FakeClusterService::PromoteMember(
    grpc::ServerContext* /*context*/,
    const admin::v1::PromoteMemberRequest* request,
    admin::v1::PromoteMemberResponse* response) {
  MutexLock lock(&membership_->mu_);
  auto& members = membership_->members_;
  const auto found = Find(&members, request->name());
  if (found == members.end()) return NoSuchMember();
  if (request->name() != "ready") {
    return FakeRefusal(grpc::StatusCode::FAILED_PRECONDITION, "MEMBER_BEHIND",
                       "it lacks 7 entries");
  }
  found->set_part(admin::v1::MEMBER_PART_VOTER);
  *response->mutable_member() = *found;
  return grpc::Status::OK;
}

grpc::Status FakeClusterService::RemoveMember(
    grpc::ServerContext* /*context*/,
    const admin::v1::RemoveMemberRequest* request,
    admin::v1::RemoveMemberResponse* /*response*/) {
  MutexLock lock(&membership_->mu_);
  auto& members = membership_->members_;
  const auto found = Find(&members, request->name());
  if (found == members.end()) return NoSuchMember();
  if (request->member_id() != found->member_id()) return grpc::Status::OK;
  if (members.size() <= 2) {
    return FakeRefusal(grpc::StatusCode::FAILED_PRECONDITION,
                       "QUORUM_WOULD_BE_LOST", "too few voters answer");
  }
  members.erase(found);
  return grpc::Status::OK;
}

grpc::Status FakeClusterService::TransferLeadership(
    grpc::ServerContext* /*context*/,
    const admin::v1::TransferLeadershipRequest* request,
    admin::v1::TransferLeadershipResponse* response) {
  MutexLock lock(&membership_->mu_);
  auto& members = membership_->members_;
  const auto found = request->to().empty() ? members.begin() + 1
                                           : Find(&members, request->to());
  if (found == members.end()) return NoSuchMember();
  for (Member& member : members) {
    member.set_leader(member.name() == found->name());
  }
  response->set_leader(found->name());
  return grpc::Status::OK;
}

grpc::Status FakeClusterService::CreateJoinToken(
    grpc::ServerContext* /*context*/,
    const admin::v1::CreateJoinTokenRequest* request,
    admin::v1::CreateJoinTokenResponse* response) {
  // The first member has no join port.
  if (name_ == "m1") {
    return FakeRefusal(grpc::StatusCode::UNAVAILABLE, "JOIN_NOT_SERVED",
                       "this member has no join port");
  }
  admin::v1::JoinToken* token = response->mutable_join_token();
  token->set_token(absl::StrCat("qjoin1.", request->name(),
                                request->stay_learner() ? ".learner" : ""));
  token->set_name(request->name());
  *token->mutable_ttl() = request->ttl();
  return grpc::Status::OK;
}

grpc::Status FakeClusterService::ReplaceMember(
    grpc::ServerContext* /*context*/,
    const admin::v1::ReplaceMemberRequest* request,
    admin::v1::ReplaceMemberResponse* response) {
  MutexLock lock(&membership_->mu_);
  const auto found = Find(&membership_->members_, request->name());
  if (found == membership_->members_.end()) return NoSuchMember();
  admin::v1::JoinToken* token = response->mutable_join_token();
  token->set_token(absl::StrCat("qjoin1.", request->name()));
  token->set_name(request->name());
  token->set_replaces_member_id(found->member_id());
  *token->mutable_ttl() = request->ttl();
  return grpc::Status::OK;
}

}  // namespace quorate
