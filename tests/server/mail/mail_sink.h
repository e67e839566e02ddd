// A real SMTP server for tests: mail_sink.py in a process of its own.

#ifndef QUORATE_TESTS_SERVER_MAIL_MAIL_SINK_H_
#define QUORATE_TESTS_SERVER_MAIL_MAIL_SINK_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "tests/e2e/subprocess.h"

namespace quorate::mail {

// What the server kept of one letter.
struct KeptLetter {
  std::string sender;
  std::vector<std::string> recipients;
  std::map<std::string, std::string> headers;
  std::vector<std::string> header_names;
  std::string text;
  std::string raw;
  bool tls = false;
  std::string user;
};

// Listens on loopback from its construction to its end, in a folder of its own
// that is removed. Thread-compatible.
class MailSink {
 public:
  // `arguments` as mail_sink.py takes them, behind its folder. Fails the test
  // where it does not start.
  explicit MailSink(const std::vector<std::string>& arguments = {});
  ~MailSink();

  MailSink(const MailSink&) = delete;
  MailSink& operator=(const MailSink&) = delete;

  int port() const { return port_; }

  const std::string& folder() const { return folder_; }

  // "smtp://127.0.0.1:PORT", or with another scheme and host.
  std::string Url(const std::string& scheme = "smtp",
                  const std::string& host = "127.0.0.1") const;

  // What it has kept so far, in order.
  std::vector<KeptLetter> Letters() const;

  // Waits until it has kept so many; what it has then.
  std::vector<KeptLetter> WaitForLetters(
      size_t count, absl::Duration limit = absl::Seconds(60)) const;

  // Ends it, and begins again on the same port with other arguments; what it
  // kept is kept.
  void Restart(const std::vector<std::string>& arguments);

  void Stop() { process_.reset(); }

 private:
  void Run(const std::vector<std::string>& arguments);

  std::string folder_;
  int port_ = 0;
  std::unique_ptr<e2e::BackgroundCommand> process_;
};

}  // namespace quorate::mail

#endif  // QUORATE_TESTS_SERVER_MAIL_MAIL_SINK_H_
