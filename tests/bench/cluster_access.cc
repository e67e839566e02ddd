#include "tests/bench/cluster_access.h"

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include <nlohmann/json.hpp>

namespace quorate::bench {
namespace {

// As a client that wants to be back soon after a failover; the defaults wait
// for seconds.
constexpr int kFirstBackoffMs = 50;
constexpr int kMostBackoffMs = 500;

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstBackoffMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMostBackoffMs);
  return arguments;
}

}  // namespace

absl::StatusOr<ClusterAccess> ClusterAccess::Read(
    const std::string& directory) {
  grpc::SslCredentialsOptions options;
  QUORATE_ASSIGN_OR_RETURN(options.pem_root_certs,
                           ReadFile(directory + "/tls/ca.pem"));
  QUORATE_ASSIGN_OR_RETURN(options.pem_cert_chain,
                           ReadFile(directory + "/tls/client.pem"));
  QUORATE_ASSIGN_OR_RETURN(options.pem_private_key,
                           ReadFile(directory + "/tls/client.key"));
  ClusterAccess access;
  access.directory_ = directory;
  access.credentials_ = grpc::SslCredentials(options);
  return access;
}

absl::StatusOr<std::vector<BenchMember>> ClusterAccess::Members() const {
  QUORATE_ASSIGN_OR_RETURN(const std::string text,
                           ReadFile(directory_ + "/members.json"));
  const auto json = nlohmann::json::parse(text, nullptr,
                                          /*allow_exceptions=*/false);
  std::vector<BenchMember> members;
  if (json.is_array()) {
    for (const auto& member : json) {
      members.push_back({.name = member.value("name", ""),
                         .endpoint = member.value("endpoint", ""),
                         .pid = member.value("pid", -1)});
    }
  }
  if (members.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no members in ", directory_, "/members.json"));
  }
  return members;
}

std::shared_ptr<grpc::Channel> ClusterAccess::Connect(
    const std::string& endpoint) const {
  return grpc::CreateCustomChannel(endpoint, credentials_, Arguments());
}

std::shared_ptr<grpc::Channel> ConnectPlain(const std::string& endpoint) {
  return grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(),
                                   Arguments());
}

void SetDeadline(grpc::ClientContext* context, absl::Duration limit) {
  context->set_deadline(gpr_time_add(
      gpr_now(GPR_CLOCK_MONOTONIC),
      gpr_time_from_millis(absl::ToInt64Milliseconds(limit), GPR_TIMESPAN)));
}

absl::Status ToAbsl(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  return content.str();
}

}  // namespace quorate::bench
