// The members that scripted members tell of, and how they change.

#ifndef QUORATE_TESTS_CLIENT_FAKE_MEMBERSHIP_H_
#define QUORATE_TESTS_CLIENT_FAKE_MEMBERSHIP_H_

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/status.h"

#include "quorate/admin/v1/cluster.grpc.pb.h"

#include "base/mutex.h"

namespace quorate {

// A refusal as the cluster sends them.
grpc::Status FakeRefusal(grpc::StatusCode code, const std::string& reason,
                         const std::string& message);

// Shared by all scripted members of a cluster. Thread-safe.
class FakeMembership {
 public:
  // The first one leads.
  void Add(const admin::v1::Member& member);

  std::vector<admin::v1::Member> members() const;

 private:
  friend class FakeClusterService;

  mutable Mutex mu_;
  std::vector<admin::v1::Member> members_ ABSL_GUARDED_BY(mu_);
};

// ClusterService of the scripted member `name`. Two members must stay, and
// learners are behind until they are called "ready".
class FakeClusterService final : public admin::v1::ClusterService::Service {
 public:
  // `membership` is not owned.
  FakeClusterService(FakeMembership* membership, std::string name)
      : membership_(membership), name_(std::move(name)) {}

  grpc::Status ListMembers(grpc::ServerContext* context,
                           const admin::v1::ListMembersRequest* request,
                           admin::v1::ListMembersResponse* response) override;
  grpc::Status AddMember(grpc::ServerContext* context,
                         const admin::v1::AddMemberRequest* request,
                         admin::v1::AddMemberResponse* response) override;
  grpc::Status PromoteMember(
      grpc::ServerContext* context,
      const admin::v1::PromoteMemberRequest* request,
      admin::v1::PromoteMemberResponse* response) override;
  grpc::Status RemoveMember(grpc::ServerContext* context,
                            const admin::v1::RemoveMemberRequest* request,
                            admin::v1::RemoveMemberResponse* response) override;
  grpc::Status TransferLeadership(
      grpc::ServerContext* context,
      const admin::v1::TransferLeadershipRequest* request,
      admin::v1::TransferLeadershipResponse* response) override;
  // Tokens are "qjoin1.NAME".
  grpc::Status CreateJoinToken(
      grpc::ServerContext* context,
      const admin::v1::CreateJoinTokenRequest* request,
      admin::v1::CreateJoinTokenResponse* response) override;
  grpc::Status ReplaceMember(
      grpc::ServerContext* context,
      const admin::v1::ReplaceMemberRequest* request,
      admin::v1::ReplaceMemberResponse* response) override;

 private:
  FakeMembership* const membership_;
  const std::string name_;
};

}  // namespace quorate

#endif  // QUORATE_TESTS_CLIENT_FAKE_MEMBERSHIP_H_
