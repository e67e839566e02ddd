#include "tests/bench/measured_system.h"

#include <utility>

namespace quorate::bench {

Connections::Connections(const ClusterAccess* access,
                         std::vector<BenchMember> members)
    : access_(access),
      members_(std::move(members)),
      channels_(members_.size(),
                std::vector<std::shared_ptr<grpc::Channel>>(kConnections)) {}

std::shared_ptr<grpc::Channel> Connections::For(size_t slot,
                                                Placement placement,
                                                size_t leader) {
  const size_t number = slot % kConnections;
  const size_t member =
      placement == Placement::kLeader ? leader : number % members_.size();
  std::shared_ptr<grpc::Channel>& channel = channels_[member][number];
  if (channel == nullptr) {
    channel = access_->Connect(members_[member].endpoint);
  }
  return channel;
}

std::vector<pid_t> Connections::pids() const {
  std::vector<pid_t> pids;
  for (const BenchMember& member : members_) {
    pids.push_back(member.pid);
  }
  return pids;
}

}  // namespace quorate::bench
