// Mail out: one letter to a mail server, by SMTP (RFC 5321) through libcurl.

#ifndef QUORATE_SERVER_MAIL_SMTP_CLIENT_H_
#define QUORATE_SERVER_MAIL_SMTP_CLIENT_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace quorate::mail {

// How to reach a mail server. `password` is nobody's to log.
struct MailAccess {
  std::string server;    // "smtps://host:port", or "smtp://host:port".
  bool starttls = true;  // smtp:// only: TLS before anything is said, or none.
  std::string ca_file;   // Empty: what the system trusts.
  std::string sender;
  std::string user;  // Empty: no login.
  std::string password;
  absl::Duration timeout = absl::Seconds(10);  // For the whole of a letter.
};

// Header fields are as they stand behind their names: encoded, without line
// ends but where they are folded.
struct Letter {
  std::string subject;
  std::string message_id;
  std::string date;
  std::string body;  // UTF-8, lines end with "\n".
};

enum class Delivery {
  kAccepted,
  kRefused,   // For good: 5xx.
  kDeferred,  // 4xx: later it may be taken.
};

struct AddressOutcome {
  std::string address;
  Delivery delivery = Delivery::kAccepted;
  std::string reply;  // What the server said of it.
};

struct LetterOutcome {
  // One for each address; empty where the server did not get so far.
  std::vector<AddressOutcome> addresses;
  std::string reply;    // What the server said last.
  std::string problem;  // What went wrong, in words; empty where nothing did.

  bool accepted() const { return problem.empty(); }
};

// Sends, and waits for the end of it, `access.timeout` at most. `stop` is asked
// a few times a second whether to give up. `addresses` is not empty, and none
// has a control character. Thread-safe.
LetterOutcome SendLetter(const MailAccess& access, const Letter& letter,
                         const std::vector<std::string>& addresses,
                         const std::function<bool()>& stop);

}  // namespace quorate::mail

#endif  // QUORATE_SERVER_MAIL_SMTP_CLIENT_H_
