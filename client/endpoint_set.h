// The members that a client knows: a channel to each, and how they did lately.

#ifndef QUORATE_CLIENT_ENDPOINT_SET_H_
#define QUORATE_CLIENT_ENDPOINT_SET_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "grpcpp/channel.h"

#include "quorate/admin/v1/account.grpc.pb.h"
#include "quorate/admin/v1/alert.grpc.pb.h"
#include "quorate/admin/v1/backup.grpc.pb.h"
#include "quorate/admin/v1/cluster.grpc.pb.h"
#include "quorate/admin/v1/license.grpc.pb.h"
#include "quorate/admin/v1/policy.grpc.pb.h"
#include "quorate/admin/v1/session.grpc.pb.h"
#include "quorate/checkout/v1/checkout.grpc.pb.h"
#include "quorate/monitoring/v1/monitoring.grpc.pb.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "client/client_options.h"
#include "client/rpc_status.h"

namespace quorate {

// One endpoint with its stubs. Immutable after construction.
struct Connection {
  std::string address;
  std::shared_ptr<grpc::Channel> channel;  // Shared with the stubs by gRPC.
  std::unique_ptr<checkout::v1::CheckoutService::Stub> checkout;
  std::unique_ptr<monitoring::v1::MonitoringService::Stub> monitoring;
  std::unique_ptr<admin::v1::LicenseService::Stub> licenses;
  std::unique_ptr<admin::v1::SessionService::Stub> sessions;
  std::unique_ptr<admin::v1::ClusterService::Stub> cluster;
  std::unique_ptr<admin::v1::BackupService::Stub> backups;
  std::unique_ptr<admin::v1::PolicyService::Stub> policies;
  std::unique_ptr<admin::v1::AccountService::Stub> accounts;
  std::unique_ptr<admin::v1::AlertService::Stub> alerts;
};

// Chooses who is asked next: the one that worked last, then the others in the
// order of the list; those that failed lately come last, for a time that grows
// with every failure. Thread-safe.
class EndpointSet {
 public:
  // `options` must be valid; `clock` is not owned. Connects lazily.
  EndpointSet(const ClientOptions& options, const Clock* clock);

  EndpointSet(const EndpointSet&) = delete;
  EndpointSet& operator=(const EndpointSet&) = delete;

  size_t size() const { return connections_.size(); }

  const Connection& at(size_t index) const { return *connections_[index]; }

  // The endpoint to try. `tries` has one number each: how often it was tried
  // for this purpose before. The least tried ones come first, so that no round
  // leaves one out, and among them the ones that are well.
  size_t Choose(absl::Span<const int> tries) const;

  // Tells how an attempt went. kDone makes the endpoint the favourite.
  void Report(size_t index, Verdict verdict);

 private:
  struct Health {
    int failures = 0;
    absl::Duration suspect_until = absl::ZeroDuration();
  };

  // Constant after construction.
  const Clock* const clock_;
  std::vector<std::unique_ptr<Connection>> connections_;

  mutable Mutex mu_;
  size_t favourite_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<Health> health_ ABSL_GUARDED_BY(mu_);
};

}  // namespace quorate

#endif  // QUORATE_CLIENT_ENDPOINT_SET_H_
