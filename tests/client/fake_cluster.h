// Members that do as a test says: real gRPC and TLS, a ledger of thirty lines.

#ifndef QUORATE_TESTS_CLIENT_FAKE_CLUSTER_H_
#define QUORATE_TESTS_CLIENT_FAKE_CLUSTER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "grpcpp/server.h"

#include "quorate/admin/v1/license.grpc.pb.h"
#include "quorate/checkout/v1/checkout.grpc.pb.h"
#include "quorate/monitoring/v1/monitoring.grpc.pb.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "client/client_options.h"
#include "tests/client/fake_membership.h"
#include "tests/client/test_certificates.h"

namespace quorate {

// The system's clock plus what a test added. Thread-safe.
class ShiftedClock final : public Clock {
 public:
  absl::Duration SinceBoot() const override {
    MutexLock lock(&mu_);
    return SystemClock().SinceBoot() + shift_;
  }

  absl::Time Calendar() const override { return SystemClock().Calendar(); }

  void Advance(absl::Duration step) {
    MutexLock lock(&mu_);
    shift_ += step;
  }

 private:
  mutable Mutex mu_;
  absl::Duration shift_ ABSL_GUARDED_BY(mu_) = absl::ZeroDuration();
};

// What a member does with the calls that reach it.
enum class Conduct {
  kServe,
  kHang,      // Answers nothing; what it was asked has no effect.
  kNoQuorum,  // Refuses with UNAVAILABLE, NO_QUORUM and a retry delay.
  kLose,      // Does what it was asked, and breaks the call off.
};

// One call that reached a member.
struct Arrival {
  size_t member;
  std::string method;
  std::string request_id;
};

// Several members with one state. Thread-safe.
class FakeCluster {
 public:
  // Starts `members` servers on free ports of 127.0.0.1.
  FakeCluster(const TestCertificates* certificates, size_t members);
  ~FakeCluster();

  FakeCluster(const FakeCluster&) = delete;
  FakeCluster& operator=(const FakeCluster&) = delete;

  const std::string& address(size_t member) const { return addresses_[member]; }

  // For clients of all members, in their order.
  ClientOptions Options() const;

  void SetConduct(size_t member, Conduct conduct);
  void SetPool(const std::string& feature, uint32_t total);
  // What ListLicenses shows; it grants nothing.
  void SetLicense(const std::string& name, const std::string& vendor,
                  const std::map<std::string, uint32_t>& features);
  void SetTtl(absl::Duration ttl);
  void EndSession(const std::string& name);
  void EndSeat(uint64_t handle);
  // Sent after the next answer to a keep-alive message.
  void SetNews(const checkout::v1::SessionEvent& news);

  // What ClusterService of all members shows and changes.
  FakeMembership& membership() { return membership_; }

  // Ends the server of a member, with all its connections.
  void Kill(size_t member);

  std::vector<Arrival> Arrivals(const std::string& method) const;
  // What keep-alive messages said of users' activity, in seconds.
  std::vector<int64_t> IdleSeconds() const;
  // Of the last checkout that was granted.
  std::vector<checkout::v1::CheckoutItem> LastItems() const;
  size_t SeatsOut(const std::string& feature) const;
  size_t SessionsOpen() const;

  // Waits until `condition` holds; false where it does not within 20 s.
  bool Await(const std::function<bool()>& condition);

 private:
  friend class FakeMember;

  struct Held {
    std::string session;
    std::string feature;
    uint32_t count;
    int64_t granted_seconds;
  };

  // What of a member's conduct is left to its calls: kServe, or a status.
  Conduct Arrive(size_t member, const std::string& method,
                 const std::string& request_id);
  void WaitForEnd(grpc::ServerContext* context);

  const TestCertificates* const certificates_;
  FakeMembership membership_;
  std::vector<std::string> addresses_;
  std::vector<std::unique_ptr<class FakeMember>> members_;

  mutable Mutex mu_;
  CondVar changed_;
  std::vector<Conduct> conduct_ ABSL_GUARDED_BY(mu_);
  std::vector<Arrival> arrivals_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, uint32_t> pools_ ABSL_GUARDED_BY(mu_);
  admin::v1::ListLicensesResponse licenses_ ABSL_GUARDED_BY(mu_);
  absl::Duration ttl_ ABSL_GUARDED_BY(mu_) = absl::Seconds(120);
  // By session, how many of its seats were ended.
  std::map<std::string, uint64_t> taken_ ABSL_GUARDED_BY(mu_);
  uint64_t last_number_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<std::string, checkout::v1::ClientDescription> sessions_
      ABSL_GUARDED_BY(mu_);
  std::map<uint64_t, Held> seats_ ABSL_GUARDED_BY(mu_);
  std::vector<checkout::v1::CheckoutItem> last_items_ ABSL_GUARDED_BY(mu_);
  std::vector<int64_t> idle_seconds_ ABSL_GUARDED_BY(mu_);
  std::optional<checkout::v1::SessionEvent> news_ ABSL_GUARDED_BY(mu_);
  // Answers by request_id, serialised.
  std::map<std::string, std::string> answers_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace quorate

#endif  // QUORATE_TESTS_CLIENT_FAKE_CLUSTER_H_
