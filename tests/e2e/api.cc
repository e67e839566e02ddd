#include "tests/e2e/api.h"

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace quorate::e2e {
namespace {

std::string ReadVariable(const Environment& environment,
                         const std::string& name) {
  std::ifstream file(environment.at(name));
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

absl::Status ToAbsl(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

}  // namespace

Api::Api(const std::string& endpoint, const Environment& environment) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = ReadVariable(environment, "QUORATE_CA");
  options.pem_cert_chain = ReadVariable(environment, "QUORATE_CERT");
  options.pem_private_key = ReadVariable(environment, "QUORATE_KEY");
  auto channel = grpc::CreateChannel(endpoint, grpc::SslCredentials(options));
  checkout_ = checkout::v1::CheckoutService::NewStub(channel);
  monitoring_ = monitoring::v1::MonitoringService::NewStub(channel);
}

absl::StatusOr<std::set<uint64_t>> Api::SeatsOf(const std::string& session) {
  monitoring::v1::ListSeatsRequest request;
  request.set_page_size(1000);
  request.set_filter(absl::StrCat("session=\"", session, "\""));
  std::set<uint64_t> handles;
  do {
    grpc::ClientContext context;
    SetDeadline(&context, absl::Seconds(10));
    monitoring::v1::ListSeatsResponse response;
    const grpc::Status status =
        monitoring_->ListSeats(&context, request, &response);
    if (!status.ok()) return ToAbsl(status);
    for (const monitoring::v1::HeldSeat& held : response.seats()) {
      handles.insert(held.seat().handle());
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return handles;
}

absl::StatusOr<monitoring::v1::Pool> Api::PoolOf(const std::string& feature,
                                                 absl::Duration limit) {
  monitoring::v1::ListPoolsRequest request;
  request.set_filter(absl::StrCat("feature=\"", feature, "\""));
  grpc::ClientContext context;
  SetDeadline(&context, limit);
  monitoring::v1::ListPoolsResponse response;
  const grpc::Status status =
      monitoring_->ListPools(&context, request, &response);
  if (!status.ok()) return ToAbsl(status);
  if (response.pools_size() != 1) return absl::NotFoundError(feature);
  return response.pools(0);
}

void SetDeadline(grpc::ClientContext* context, absl::Duration limit) {
  context->set_deadline(gpr_time_add(
      gpr_now(GPR_CLOCK_MONOTONIC),
      gpr_time_from_millis(absl::ToInt64Milliseconds(limit), GPR_TIMESPAN)));
}

std::string ReasonOfRefusal(const grpc::Status& status) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return "";
  for (const google::protobuf::Any& detail : details.details()) {
    google::rpc::ErrorInfo info;
    if (detail.UnpackTo(&info)) return info.reason();
  }
  return "";
}

}  // namespace quorate::e2e
