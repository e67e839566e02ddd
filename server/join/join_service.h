// Lets machines in that have a join token and nothing else.

#ifndef QUORATE_SERVER_JOIN_JOIN_SERVICE_H_
#define QUORATE_SERVER_JOIN_JOIN_SERVICE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "quorate/internal/v1/join.grpc.pb.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "replication/node/node.h"
#include "server/join/admission.h"
#include "server/join/certificate_authority.h"
#include "server/rpc/licensing_view.h"
#include "server/rpc/status_translation.h"

namespace quorate::server {

// One request a second, whoever asks: a stranger costs this member next to
// nothing, and nobody joins so often (security.md §4.5).
inline constexpr absl::Duration kJoinPeriod = absl::Seconds(1);

// The order of a join, which is what makes it safe: the token is looked at,
// then used up by an entry of the log, then the members agree on the machine,
// and only then are certificates made. Each step may be repeated by the same
// machine, so that a lost answer strands nobody.
//
// Thread-safe. Outlives the gRPC server and what the node may still answer.
class JoinService final : public internal::v1::JoinService::CallbackService {
 public:
  struct Deps {
    replication::Node* node = nullptr;    // Not owned.
    const LicensingView* view = nullptr;  // Not owned.
    const Clock* clock = nullptr;         // Not owned.
  };

  // What a machine gets beside its certificates.
  struct Options {
    MemberDescription member;
    std::string peer_ca_pem;
    std::string client_ca_pem;
    std::unique_ptr<CertificateAuthority> peer_authority;
    std::unique_ptr<CertificateAuthority> client_authority;
    std::string trust_root;
    absl::Duration tick;
    int heartbeat_ticks = 0;
    int election_ticks = 0;
    std::vector<std::string> administrators = {};  // As Config has them.
  };

  JoinService(const Deps& deps, Options options);

  grpc::ServerUnaryReactor* Join(grpc::CallbackServerContext* context,
                                 const internal::v1::JoinRequest* request,
                                 internal::v1::JoinResponse* response) override;

  // From now on all are refused with STOPPING.
  void StopTaking() { stopping_.store(true); }

 private:
  struct Call;

  bool TakeTurn();
  void UseToken(const Call& call, internal::v1::UseJoinToken use);
  void Admit(const Call& call, const licensing::JoinGrant& grant);
  void Answer(const Call& call, const internal::v1::Admission& admission);
  void Refuse(const Call& call, const Refusal& refusal);
  absl::Duration Left(const Call& call) const;

  const Deps deps_;
  const Options options_;
  Admission admission_;
  std::atomic<bool> stopping_ = false;

  Mutex mu_;
  absl::Duration next_turn_ ABSL_GUARDED_BY(mu_) = absl::ZeroDuration();
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_JOIN_JOIN_SERVICE_H_
