// The streams over which clients renew their sessions.

#ifndef QUORATE_SERVER_RPC_KEEP_ALIVE_H_
#define QUORATE_SERVER_RPC_KEEP_ALIVE_H_

#include <cstdint>
#include <set>
#include <span>

#include "absl/base/thread_annotations.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"

#include "quorate/checkout/v1/checkout.pb.h"

#include "base/mutex.h"
#include "server/licensing/ledger.h"
#include "server/rpc/member_calls.h"
#include "server/rpc/renewal_batcher.h"
#include "server/rpc/session_watch.h"

namespace quorate::server {

class KeepAliveStream;

// All open streams of this member, to count them, to bring them the news of
// their sessions, and to end them. Thread-safe. Outlives the gRPC server.
class KeepAliveStreams {
 public:
  // Far more than applications on one site; keeps what idle streams take below
  // some 100 MiB.
  static constexpr size_t kMaxStreams = 20'000;

  // News of so many sessions at most is brought; others ask by themselves.
  static constexpr size_t kMaxWatched = 200'000;

  // Neither is owned.
  KeepAliveStreams(MemberCalls* calls, RenewalBatcher* batcher);
  ~KeepAliveStreams();

  KeepAliveStreams(const KeepAliveStreams&) = delete;
  KeepAliveStreams& operator=(const KeepAliveStreams&) = delete;

  // A stream of its own for a call; it deletes itself when gRPC is done with
  // it. One that is refused ends at once with the reason.
  grpc::ServerBidiReactor<checkout::v1::KeepAliveRequest,
                          checkout::v1::KeepAliveResponse>*
  Open(grpc::CallbackServerContext* call);

  // Ends all streams with STOPPING, once what they have under way is
  // answered. After MemberCalls::StopTaking, so that no other comes.
  void EndAll();

 private:
  friend class KeepAliveStream;

  bool Remember(KeepAliveStream* stream);
  void Forget(KeepAliveStream* stream);

  // News of these sessions goes to `stream`, the last that renewed them. On the
  // applier thread.
  void Watch(KeepAliveStream* stream, std::span<const uint64_t> session_ids);
  void OnEvent(const licensing::LedgerEvent& event);
  checkout::v1::KeepAliveResponse NewsOf(
      const licensing::LedgerEvent& event) const;

  MemberCalls* const calls_;
  RenewalBatcher* const batcher_;

  Mutex mu_;
  std::set<KeepAliveStream*> streams_ ABSL_GUARDED_BY(mu_);
  // Of streams_.
  SessionWatch watch_ ABSL_GUARDED_BY(mu_){kMaxWatched};
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_KEEP_ALIVE_H_
