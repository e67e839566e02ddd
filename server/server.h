// One member, running.

#ifndef QUORATE_SERVER_SERVER_H_
#define QUORATE_SERVER_SERVER_H_

#include <memory>

#include "absl/status/statusor.h"

#include "server/config.h"
#include "server/member_files.h"
#include "server/member_stores.h"
#include "server/rpc/join_token.h"
#include "server/rpc/licensing_view.h"
#include "server/rpc/test_mail.h"

namespace quorate::server {

// Wires the parts of a member; decides nothing. Thread-compatible.
class Server {
 public:
  // Takes the files and the stores, and starts the transport, the node, the
  // client port and the periodic work, in this order. The event `ready` is
  // logged when what was committed before the start is applied.
  // Errors: DATA_LOSS where log and records do not fit together;
  // FAILED_PRECONDITION where a port is taken or certificates do not fit.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Config& config,
                                                       MemberFiles files,
                                                       MemberStores stores);

  // Stops.
  ~Server();

  // The port on which clients are served.
  int client_port() const;

  // True once another member has refused this one as an old state or a copy of
  // it: it must not take part any more. Thread-safe.
  bool Outlived() const;

  // Refuses new calls, lets those under way end for a moment, and stops the
  // parts in reverse order. Idempotent.
  void Stop();

 private:
  class Parts;
  explicit Server(std::unique_ptr<Parts> parts);

  static absl::StatusOr<JoinDescription> OpenJoinPort(const Config& config,
                                                      const LicensingView* view,
                                                      Parts* running);

  // Returns what mails tests; nothing where no mail server is configured.
  static PostTestMail StartMailer(const Config& config,
                                  const LicensingView* view, Parts* running);

  std::unique_ptr<Parts> parts_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_SERVER_H_
