// A mail that somebody asked for to see whether mails go out.

#ifndef QUORATE_SERVER_RPC_TEST_MAIL_H_
#define QUORATE_SERVER_RPC_TEST_MAIL_H_

#include <functional>
#include <string>
#include <vector>

namespace quorate::server {

struct TestMailOutcome {
  std::string reply;    // What the mail server said last.
  std::string problem;  // Empty: it was taken for all addresses.
  std::string mail_server;
};

struct MailTest {
  std::string request_id;
  std::vector<std::string> addresses;
  std::string cluster_name;
  // Called exactly once, on any thread.
  std::function<void(const TestMailOutcome&)> done;
};

// False where too many wait; `done` is not called then.
using PostTestMail = std::function<bool(MailTest test)>;

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_TEST_MAIL_H_
