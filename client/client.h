// The way in: a connection to a Quorate cluster.
//
//   auto options = quorate::ClientOptions::FromEnvironment();
//   auto client = quorate::Client::Create(*options);
//   auto session = (*client)->OpenSession({.application = "viewer"});
//   auto seat = (*session)->Checkout("viewer");
//   while (seat->IsValid()) Work();
//
// client/example/hold_seat.cc is the whole program.

#ifndef QUORATE_CLIENT_CLIENT_H_
#define QUORATE_CLIENT_CLIENT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "base/clock.h"
#include "client/client_options.h"
#include "client/seat.h"
#include "client/session.h"

namespace quorate {

class ClientCore;

// A session that was taken up again, and what it holds. Each seat goes back
// when it is destroyed, as any other.
struct AttachedSession {
  std::unique_ptr<Session> session;
  std::vector<Seat> seats;  // By handle.
};

// One per process is enough: it holds the connections, renews all sessions
// over one stream, and moves to another member when one fails. Has at most
// three threads (renewals; returns in the background; on_lost), each begun
// when it is first needed, besides those of gRPC. Thread-safe.
class Client {
 public:
  // Does not connect yet. INVALID_ARGUMENT where the options are not valid.
  static absl::StatusOr<std::unique_ptr<Client>> Create(ClientOptions options);

  // As Create, with a clock that is not owned.
  static absl::StatusOr<std::unique_ptr<Client>> CreateForTest(
      ClientOptions options, const Clock* clock);

  // Ends calls of other threads, closes the sessions that are open as far as
  // two seconds allow (the cluster frees the rest when their leases end), and
  // waits for the library's threads. Sessions and seats may live on; they are
  // not valid any more.
  ~Client();

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Begins a session. Waits through a failover of the cluster, for at most the
  // deadline. Errors: BAD_REQUEST, LIMIT_REACHED, UNAUTHENTICATED (no
  // certificate of this cluster), NO_QUORUM and the other UNAVAILABLE ones of
  // docs/errors.md where the deadline passed.
  absl::StatusOr<std::unique_ptr<Session>> OpenSession(
      SessionOptions options, const CallOptions& call = {});

  // Takes up a session that another process, or this one before it was
  // restarted, has opened with the same certificate, and its seats: the same
  // handles and grant times, as long as its lease runs. The other process must
  // be gone, or have called Session::Detach. Of `options` the callbacks count.
  // Errors: SESSION_NOT_FOUND, SESSION_NOT_YOURS, SESSION_TERMINATED, and as
  // OpenSession; FAILED_PRECONDITION where this client has it.
  absl::StatusOr<AttachedSession> Attach(const std::string& session,
                                         SessionOptions options,
                                         const CallOptions& call = {});

  // Gives a seat back before its time, by Borrowed::name, from any program with
  // the certificate that borrowed it. It must not be used any more. Errors:
  // BORROW_NOT_FOUND, SESSION_NOT_YOURS (another certificate).
  absl::Status ReturnBorrow(const std::string& borrow,
                            const CallOptions& call = {});

  // Ends the calls that are under way on other threads with CANCELLED; whether
  // they took effect is then open, but that places in the queue are given up
  // in the background. Later calls are not touched. For programs
  // that are interrupted.
  void CancelCalls();

 private:
  explicit Client(std::shared_ptr<ClientCore> core);

  // Shared with sessions and seats, which may outlive the client.
  const std::shared_ptr<ClientCore> core_;
};

}  // namespace quorate

#endif  // QUORATE_CLIENT_CLIENT_H_
