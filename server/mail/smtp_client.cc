#include "server/mail/smtp_client.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

#include "curl/curl.h"

namespace quorate::mail {
namespace {

// Of one line that a server says; RFC 5321, §4.5.3.1.5, lets it say 512.
constexpr size_t kMaxReplyBytes = 512;

// Once for the process: libcurl wants it before its first use, and never the
// end of it.
void Initialize() {
  static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)done;
}

struct EasyEnd {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

struct ListEnd {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

struct MimeEnd {
  void operator()(curl_mime* mime) const { curl_mime_free(mime); }
};

using Easy = std::unique_ptr<CURL, EasyEnd>;
using List = std::unique_ptr<curl_slist, ListEnd>;
using Mime = std::unique_ptr<curl_mime, MimeEnd>;

void Append(const std::string& line, List* list) {
  curl_slist* const head = list->release();
  curl_slist* const longer = curl_slist_append(head, line.c_str());
  list->reset(longer != nullptr ? longer : head);
}

// What a server says may be anything.
std::string Shown(absl::string_view line) {
  std::string shown(line.substr(0, kMaxReplyBytes));
  for (char& c : shown) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return shown;
}

// 0 where it begins with no number of three digits.
int CodeOf(absl::string_view reply) {
  int code = 0;
  return reply.size() >= 3 && absl::SimpleAtoi(reply.substr(0, 3), &code) ? code
                                                                          : 0;
}

// Listens to what both sides say: libcurl tells by itself neither which address
// was refused nor in which words. Nothing of what we say is kept, the password
// is in it.
class Dialogue {
 public:
  static int Hear(CURL* /*handle*/, curl_infotype type, char* bytes,
                  size_t size, void* self) {
    const absl::string_view text(bytes, size);
    auto* const dialogue = static_cast<Dialogue*>(self);
    if (type == CURLINFO_HEADER_OUT) dialogue->HearCommand(text);
    if (type == CURLINFO_HEADER_IN) dialogue->HearReply(text);
    return 0;
  }

  const std::string& last() const { return last_; }

  // One for each address that was asked for, in order.
  const std::vector<std::string>& of_addresses() const { return addresses_; }

  // The server took the addresses and was given the letter.
  bool in_letter() const { return in_letter_; }

 private:
  void HearCommand(absl::string_view text) {
    asks_address_ = absl::StartsWith(text, "RCPT TO:");
    in_letter_ |= absl::StartsWith(text, "DATA");
  }

  // A line of it; only the last of several has no '-' behind the number.
  void HearReply(absl::string_view text) {
    text = absl::StripTrailingAsciiWhitespace(text);
    if (CodeOf(text) == 0 || (text.size() > 3 && text[3] == '-')) return;
    last_ = Shown(text);
    if (asks_address_) addresses_.push_back(last_);
    asks_address_ = false;
  }

  bool asks_address_ = false;
  bool in_letter_ = false;
  std::string last_;
  std::vector<std::string> addresses_;
};

int AskStop(void* stop, curl_off_t /*down_total*/, curl_off_t /*down*/,
            curl_off_t /*up_total*/, curl_off_t /*up*/) {
  return (*static_cast<const std::function<bool()>*>(stop))() ? 1 : 0;
}

void SetAccess(const MailAccess& access, CURL* handle) {
  curl_easy_setopt(handle, CURLOPT_URL, access.server.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  const bool upgrade =
      access.starttls && absl::StartsWith(access.server, "smtp://");
  curl_easy_setopt(handle, CURLOPT_USE_SSL,
                   upgrade ? static_cast<long>(CURLUSESSL_ALL)
                           : static_cast<long>(CURLUSESSL_NONE));
  curl_easy_setopt(handle, CURLOPT_SSLVERSION,
                   static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!access.ca_file.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, access.ca_file.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  }
  if (!access.user.empty()) {
    curl_easy_setopt(handle, CURLOPT_USERNAME, access.user.c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, access.password.c_str());
  }
  // The environment of a server is nobody's configuration.
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  const auto limit_ms =
      static_cast<long>(absl::ToInt64Milliseconds(access.timeout));
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, limit_ms);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, limit_ms);
}

List HeadersOf(const MailAccess& access, const Letter& letter,
               const std::vector<std::string>& addresses) {
  List headers;
  Append(absl::StrCat("Date: ", letter.date), &headers);
  Append(absl::StrCat("From: Quorate <", access.sender, ">"), &headers);
  // One on a line: a line has at most 998 characters (RFC 5322, §2.1.1).
  Append(absl::StrCat("To: ", absl::StrJoin(addresses, ",\r\n ")), &headers);
  Append(absl::StrCat("Subject: ", letter.subject), &headers);
  Append(absl::StrCat("Message-ID: ", letter.message_id), &headers);
  // RFC 3834: nobody's holiday answers.
  Append("Auto-Submitted: auto-generated", &headers);
  return headers;
}

Mime BodyOf(const Letter& letter, CURL* handle) {
  Mime mime(curl_mime_init(handle));
  const std::string lines = absl::StrReplaceAll(letter.body, {{"\n", "\r\n"}});
  curl_mimepart* const part = curl_mime_addpart(mime.get());
  curl_mime_data(part, lines.data(), lines.size());
  curl_mime_type(part, "text/plain; charset=utf-8");
  curl_mime_encoder(part, "quoted-printable");
  return mime;
}

// Why nothing came of it, and what to look at.
std::string WordsFor(CURLcode code, const MailAccess& access,
                     absl::string_view detail, absl::string_view reply) {
  const std::string& server = access.server;
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return absl::StrCat("the name of the mail server ", server,
                          " is not known to this machine; check [mail] server "
                          "and the machine's DNS");
    case CURLE_COULDNT_CONNECT:
      return absl::StrCat("the mail server ", server, " cannot be reached (",
                          detail,
                          "); does it run, and may this machine reach it?");
    case CURLE_OPERATION_TIMEDOUT:
      return absl::StrCat("the mail server ", server, " did not answer within ",
                          absl::FormatDuration(access.timeout),
                          "; is the port right (465 for smtps, 587 or 25 for "
                          "smtp), and does it run?");
    case CURLE_LOGIN_DENIED:
      return absl::StrCat("the mail server ", server,
                          " does not take user and password (", reply,
                          "); check [mail] user and password_file");
    case CURLE_USE_SSL_FAILED:
      return absl::StrCat("the mail server ", server,
                          " offers no STARTTLS; use smtps://, or starttls = "
                          "\"off\" where the network is trusted");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return absl::StrCat("the certificate of the mail server ", server,
                          " is not trusted (", detail,
                          "); name its authority in [mail] ca");
    case CURLE_SSL_CONNECT_ERROR:
      return absl::StrCat("no TLS with the mail server ", server, " (", detail,
                          "); is it smtps:// on 465, or smtp:// on 587?");
    case CURLE_ABORTED_BY_CALLBACK:
      return "this member stops";
    default:
      return absl::StrCat("the mail server ", server, " did not take the mail",
                          reply.empty() ? "" : ": ", reply, " (", detail, ")");
  }
}

Delivery DeliveryOf(absl::string_view reply) {
  const int hundreds = CodeOf(reply) / 100;
  if (hundreds == 2) return Delivery::kAccepted;
  return hundreds == 5 ? Delivery::kRefused : Delivery::kDeferred;
}

void NameRefused(LetterOutcome* outcome) {
  for (const AddressOutcome& each : outcome->addresses) {
    if (each.delivery == Delivery::kAccepted) continue;
    absl::StrAppend(
        &outcome->problem, outcome->problem.empty() ? "" : "; ", each.address,
        each.delivery == Delivery::kRefused ? " is refused: " : " is put off: ",
        each.reply);
  }
}

// What became of each address, where the server came so far as to say.
void DescribeAddresses(const Dialogue& heard, bool sent,
                       const std::vector<std::string>& addresses,
                       LetterOutcome* outcome) {
  const std::vector<std::string>& replies = heard.of_addresses();
  if (replies.size() != addresses.size()) return;
  // A letter that was not taken was taken for nobody. Where nothing was said
  // of it, it may have been: it is sent again.
  const Delivery of_letter =
      sent ? Delivery::kAccepted : DeliveryOf(heard.last());
  for (size_t i = 0; i < addresses.size(); ++i) {
    AddressOutcome each = {.address = addresses[i],
                           .delivery = DeliveryOf(replies[i]),
                           .reply = replies[i]};
    if (each.delivery == Delivery::kAccepted && !sent) {
      if (!heard.in_letter() || of_letter == Delivery::kAccepted) {
        outcome->addresses.clear();
        return;
      }
      each.delivery = of_letter;
      each.reply = heard.last();
    }
    outcome->addresses.push_back(std::move(each));
  }
}

}  // namespace

LetterOutcome SendLetter(const MailAccess& access, const Letter& letter,
                         const std::vector<std::string>& addresses,
                         const std::function<bool()>& stop) {
  Initialize();
  const Easy handle(curl_easy_init());
  if (handle == nullptr) {
    return {.addresses = {}, .reply = {}, .problem = "libcurl has no memory"};
  }
  CURL* const curl = handle.get();
  SetAccess(access, curl);
  Dialogue heard;
  curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
  curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, &Dialogue::Hear);
  curl_easy_setopt(curl, CURLOPT_DEBUGDATA, &heard);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &AskStop);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &stop);
  char detail[CURL_ERROR_SIZE] = {};
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
  const std::string sender = absl::StrCat("<", access.sender, ">");
  curl_easy_setopt(curl, CURLOPT_MAIL_FROM, sender.c_str());
  List recipients;
  for (const std::string& address : addresses) {
    Append(absl::StrCat("<", address, ">"), &recipients);
  }
  curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients.get());
  // One that is refused is no reason not to tell the others.
  curl_easy_setopt(curl, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
  const List headers = HeadersOf(access, letter, addresses);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  const Mime body = BodyOf(letter, curl);
  curl_easy_setopt(curl, CURLOPT_MIMEPOST, body.get());
  const CURLcode code = curl_easy_perform(curl);
  LetterOutcome outcome;
  outcome.reply = heard.last();
  DescribeAddresses(heard, code == CURLE_OK, addresses, &outcome);
  NameRefused(&outcome);
  if (code != CURLE_OK && outcome.problem.empty()) {
    outcome.problem =
        WordsFor(code, access,
                 Shown(detail[0] == '\0' ? curl_easy_strerror(code) : detail),
                 heard.last());
  }
  return outcome;
}

}  // namespace quorate::mail
