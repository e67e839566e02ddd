// A letter reaches a real mail server whole, over TLS that is checked, and what
// the server says of it is heard. By an aiosmtpd in a process of its own, which
// fails as it is told.

#include "server/mail/smtp_client.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "tests/replication/transport/test_authority.h"
#include "tests/server/mail/mail_sink.h"

namespace quorate::mail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SmtpClientTest : public testing::Test {
 protected:
  SmtpClientTest() : authority_("mail") {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "quorate_smtp.XXXXXX")
            .string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    const auto issued = authority_.Issue("DNS:localhost");
    Write("cert.pem", issued.cert_pem);
    Write("key.pem", issued.key_pem);
    Write("ca.pem", authority_.ca_pem());
  }

  ~SmtpClientTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string PathOf(const std::string& name) const {
    return absl::StrCat(folder_, "/", name);
  }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(PathOf(name)) << text;
  }

  std::vector<std::string> Tls(const std::string& flag) const {
    return {flag, PathOf("cert.pem"), PathOf("key.pem")};
  }

  // In the clear, until a test says otherwise.
  static MailAccess AccessTo(const std::string& url) {
    return {.server = url,
            .starttls = false,
            .ca_file = {},
            .sender = "quorate@plant.example",
            .user = {},
            .password = {},
            .timeout = absl::Seconds(20)};
  }

  MailAccess TrustedAccess(const std::string& url) const {
    MailAccess access = AccessTo(url);
    access.starttls = true;
    access.ca_file = PathOf("ca.pem");
    return access;
  }

  static Letter LetterOf(const std::string& body) {
    return {.subject = "[quorate plant-a] test",
            .message_id = "<alert-1.abc@quorate.invalid>",
            .date = "Tue, 24 Nov 2026 00:01:05 +0000",
            .body = body};
  }

  static LetterOutcome Send(const MailAccess& access,
                            const std::vector<std::string>& addresses = {
                                "a@plant.example"}) {
    return SendLetter(access, LetterOf("Text.\n"), addresses,
                      [] { return false; });
  }

  replication::TestAuthority authority_;
  std::string folder_;
};

TEST_F(SmtpClientTest, ALetterComesWhole) {
  MailSink sink;
  const std::string body =
      "Gr\xc3\xbc\xc3\x9f"
      "e.\n.\n.hidden\nFrom here\n" +
      std::string(2'000, 'x') + "\nEnd.\n";
  const LetterOutcome outcome =
      SendLetter(AccessTo(sink.Url()), LetterOf(body),
                 {"a@plant.example", "b@plant.example"}, [] { return false; });
  EXPECT_TRUE(outcome.accepted()) << outcome.problem;
  EXPECT_EQ(outcome.reply, "250 2.0.0 kept as 1");
  EXPECT_EQ(outcome.addresses.size(), 2U);
  const auto letters = sink.Letters();
  ASSERT_EQ(letters.size(), 1U);
  const KeptLetter& kept = letters[0];
  EXPECT_EQ(kept.sender, "quorate@plant.example");
  EXPECT_THAT(kept.recipients,
              ElementsAre("a@plant.example", "b@plant.example"));
  EXPECT_EQ(kept.text, body);
  EXPECT_EQ(kept.headers.at("Subject"), "[quorate plant-a] test");
  EXPECT_EQ(kept.headers.at("From"), "Quorate <quorate@plant.example>");
  EXPECT_EQ(kept.headers.at("To"), "a@plant.example, b@plant.example");
  EXPECT_EQ(kept.headers.at("Message-ID"), "<alert-1.abc@quorate.invalid>");
  EXPECT_EQ(kept.headers.at("Auto-Submitted"), "auto-generated");
  // None twice, and none of anybody else's.
  std::vector<std::string> names = kept.header_names;
  std::sort(names.begin(), names.end());
  EXPECT_THAT(names,
              ElementsAre("Auto-Submitted", "Content-Type", "Date", "From",
                          "Message-ID", "Mime-Version", "Subject", "To"));
}

TEST_F(SmtpClientTest, FiftyLongAddressesAreOneHeader) {
  MailSink sink;
  std::vector<std::string> addresses;
  for (int i = 0; i < 50; ++i) {
    addresses.push_back(
        absl::StrCat("u", i, "@", std::string(200, 'd'), ".example"));
  }
  const LetterOutcome outcome = Send(AccessTo(sink.Url()), addresses);
  EXPECT_TRUE(outcome.accepted()) << outcome.problem;
  const auto letters = sink.Letters();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].recipients, addresses);
  EXPECT_EQ(letters[0].header_names.size(), 8U);
  EXPECT_THAT(letters[0].headers.at("To"), HasSubstr(addresses.back()));
}

// libcurl would send everything through it, the password too.
TEST_F(SmtpClientTest, AProxyOfTheEnvironmentIsNotUsed) {
  MailSink sink;
  ::setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
  const LetterOutcome outcome = SendLetter(
      AccessTo(sink.Url()),
      {.subject = "s", .message_id = "<1@x>", .date = "d", .body = "b\n"},
      {"a@x.example"}, [] { return false; });
  ::unsetenv("ALL_PROXY");
  EXPECT_TRUE(outcome.accepted()) << outcome.problem;
  EXPECT_EQ(sink.Letters().size(), 1U);
}

TEST_F(SmtpClientTest, StartTlsAndLogin) {
  std::vector<std::string> arguments = Tls("--starttls");
  arguments.insert(arguments.end(), {"--auth", "quorate:s3cret"});
  MailSink sink(arguments);
  MailAccess access = TrustedAccess(sink.Url("smtp", "localhost"));
  access.user = "quorate";
  access.password = "s3cret";
  const LetterOutcome outcome = Send(access);
  EXPECT_TRUE(outcome.accepted()) << outcome.problem;
  ASSERT_EQ(sink.Letters().size(), 1U);
  EXPECT_TRUE(sink.Letters()[0].tls);

  access.password = "wr0ng-one";
  const LetterOutcome refused = Send(access);
  EXPECT_TRUE(refused.addresses.empty());
  EXPECT_THAT(refused.problem, HasSubstr("does not take user and password"));
  EXPECT_FALSE(absl::StrContains(refused.problem + refused.reply, "wr0ng"));
}

TEST_F(SmtpClientTest, TlsFromTheBeginning) {
  MailSink sink(Tls("--tls"));
  const LetterOutcome outcome =
      Send(TrustedAccess(sink.Url("smtps", "localhost")));
  EXPECT_TRUE(outcome.accepted()) << outcome.problem;
  EXPECT_EQ(sink.Letters().size(), 1U);
}

TEST_F(SmtpClientTest, AStrangersCertificateIsNotTrusted) {
  MailSink sink(Tls("--tls"));
  MailAccess access = TrustedAccess(sink.Url("smtps", "localhost"));
  access.ca_file.clear();
  EXPECT_THAT(Send(access).problem, HasSubstr("is not trusted"));
  // Nor one of another host.
  EXPECT_FALSE(Send(TrustedAccess(sink.Url("smtps"))).accepted());
  EXPECT_TRUE(sink.Letters().empty());
}

TEST_F(SmtpClientTest, WithoutStartTlsNothingIsSaidInTheClear) {
  MailSink sink;
  const LetterOutcome outcome =
      Send(TrustedAccess(sink.Url("smtp", "localhost")));
  EXPECT_THAT(outcome.problem, HasSubstr("offers no STARTTLS"));
  EXPECT_TRUE(sink.Letters().empty());
}

TEST_F(SmtpClientTest, AnAddressThatIsRefusedKeepsItFromNobodyElse) {
  MailSink sink({"--refuse", "gone@x.example", "--defer", "busy@x.example=1"});
  const LetterOutcome outcome =
      Send(AccessTo(sink.Url()),
           {"gone@x.example", "a@x.example", "busy@x.example"});
  EXPECT_FALSE(outcome.accepted());
  ASSERT_EQ(outcome.addresses.size(), 3U);
  EXPECT_EQ(outcome.addresses[0].delivery, Delivery::kRefused);
  EXPECT_EQ(outcome.addresses[1].delivery, Delivery::kAccepted);
  EXPECT_EQ(outcome.addresses[2].delivery, Delivery::kDeferred);
  EXPECT_EQ(outcome.problem,
            "gone@x.example is refused: 550 5.1.1 no such user here; "
            "busy@x.example is put off: 451 4.7.1 come back later");
  ASSERT_EQ(sink.Letters().size(), 1U);
  EXPECT_THAT(sink.Letters()[0].recipients, ElementsAre("a@x.example"));
}

TEST_F(SmtpClientTest, AllAddressesRefused) {
  MailSink sink({"--refuse", "gone@x.example"});
  const LetterOutcome outcome = Send(AccessTo(sink.Url()), {"gone@x.example"});
  ASSERT_EQ(outcome.addresses.size(), 1U);
  EXPECT_EQ(outcome.addresses[0].delivery, Delivery::kRefused);
  EXPECT_THAT(outcome.problem, HasSubstr("550 5.1.1"));
}

TEST_F(SmtpClientTest, ALetterThatIsPutOffAndOneThatIsRefused) {
  MailSink sink({"--defer-letter", "1"});
  const LetterOutcome outcome = Send(AccessTo(sink.Url()));
  ASSERT_EQ(outcome.addresses.size(), 1U);
  EXPECT_EQ(outcome.addresses[0].delivery, Delivery::kDeferred);
  EXPECT_THAT(outcome.problem, HasSubstr("451 4.3.0 not now"));
  EXPECT_TRUE(Send(AccessTo(sink.Url())).accepted());
  sink.Restart({"--refuse-letter"});
  const LetterOutcome refused = Send(AccessTo(sink.Url()));
  ASSERT_EQ(refused.addresses.size(), 1U);
  EXPECT_EQ(refused.addresses[0].delivery, Delivery::kRefused);
  EXPECT_THAT(refused.problem, HasSubstr("554 5.7.1"));
}

TEST_F(SmtpClientTest, AServerThatHangsCostsTheTimeoutAndNoMore) {
  MailSink sink({"--hang"});
  MailAccess access = AccessTo(sink.Url());
  access.timeout = absl::Seconds(1);
  const LetterOutcome outcome = Send(access);
  EXPECT_TRUE(outcome.addresses.empty());
  EXPECT_THAT(outcome.problem, HasSubstr("did not answer within 1s"));
}

TEST_F(SmtpClientTest, WhatIsUnderWayCanBeGivenUp) {
  MailSink sink({"--hang"});
  MailAccess access = AccessTo(sink.Url());
  access.timeout = absl::Hours(1);
  std::atomic<int> asked = 0;
  const LetterOutcome outcome =
      SendLetter(access, LetterOf("Text.\n"), {"a@x.example"},
                 [&asked] { return ++asked > 2; });
  EXPECT_EQ(outcome.problem, "this member stops");
}

TEST_F(SmtpClientTest, AServerThatIsNotThere) {
  MailSink sink;
  sink.Stop();
  const LetterOutcome outcome = Send(AccessTo(sink.Url()));
  EXPECT_THAT(outcome.problem, HasSubstr("cannot be reached"));
  EXPECT_THAT(Send(AccessTo("smtp://no-such-host.invalid:25")).problem,
              HasSubstr("is not known to this machine"));
}

}  // namespace
}  // namespace quorate::mail
