// A good file gives every value, and each way to get one wrong is named with
// its line. Texts are parsed and the messages looked at.

#include "server/config.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace quorate::server {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kGood[] = R"([cluster]
id = "0123456789abcdef0123456789abcdef"
epoch = 2
[[cluster.members]]
name = "m2"
id = "18446744073709551615"
peer = "10.0.0.2:7411"
client = "m2.example:7401"
[[cluster.members]]
name = "m1"
id = "7"
peer = "[::1]:7411"
client = "10.0.0.1:7401"
[member]
name = "m1"
data_dir = "/var/lib/quorate/m1"
[listen]
client = "0.0.0.0:7401"
peer = "0.0.0.0:7411"
[tls.client]
ca = "ca.pem"
cert = "tls/m1.pem"
key = "/etc/m1.key"
[tls.peer]
ca = "peer-ca.pem"
cert = "m1-peer.pem"
key = "m1-peer.key"
[trust]
root = "root.pem"
)";

std::string Changed(absl::string_view from, absl::string_view to) {
  return absl::StrReplaceAll(kGood, {{from, to}});
}

std::string FaultsOf(absl::string_view text) {
  const absl::StatusOr<Config> config = ParseConfig(text, "q.toml", "/etc/q");
  return config.ok() ? "none" : std::string(config.status().message());
}

TEST(ConfigTest, ReadsAllValues) {
  const absl::StatusOr<Config> config = ParseConfig(kGood, "q.toml", "/etc/q");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->cluster_id, "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(config->cluster_epoch, 2U);
  ASSERT_EQ(config->members.size(), 2U);
  // In the order of the ids, as the log wants them.
  EXPECT_EQ(config->members[0].name, "m1");
  EXPECT_EQ(config->members[1].id, raft::MemberId(18446744073709551615U));
  EXPECT_EQ(config->members[1].client_endpoint, "m2.example:7401");
  EXPECT_EQ(config->self, config->members[0]);
  EXPECT_EQ(config->data_dir, "/var/lib/quorate/m1");
  EXPECT_EQ(config->client_listen, "0.0.0.0:7401");
  EXPECT_EQ(config->peer_listen, "0.0.0.0:7411");
  EXPECT_EQ(config->client_tls.cert, "/etc/q/tls/m1.pem");
  EXPECT_EQ(config->client_tls.key, "/etc/m1.key");
  EXPECT_EQ(config->peer_tls.ca, "/etc/q/peer-ca.pem");
  EXPECT_EQ(config->trust_root, "/etc/q/root.pem");
  EXPECT_EQ(config->tick, absl::Milliseconds(50));
  EXPECT_EQ(config->heartbeat_ticks, 2);
  EXPECT_EQ(config->election_ticks, 10);
  EXPECT_EQ(config->log_level, LogLevel::kInfo);
}

TEST(ConfigTest, ReadsTheOptionalSections) {
  const std::string text = std::string(kGood) +
                           "[timing]\ntick = \"10ms\"\nheartbeat_ticks = 3\n"
                           "election_ticks = 20\n[log]\nlevel = \"debug\"\n"
                           "keep = false\nfiles = 3\nfile_mib = 2\n";
  const absl::StatusOr<Config> config = ParseConfig(text, "q.toml", "");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->tick, absl::Milliseconds(10));
  EXPECT_EQ(config->heartbeat_ticks, 3);
  EXPECT_EQ(config->election_ticks, 20);
  EXPECT_EQ(config->log_level, LogLevel::kDebug);
  EXPECT_FALSE(config->keep_log);
  EXPECT_EQ(config->log_files, 3);
  EXPECT_EQ(config->log_file_mib, 2U);
  EXPECT_EQ(config->trust_root, "root.pem");
}

struct BadCase {
  const char* name;
  const char* from;
  const char* to;
  const char* fault;
};

class BadConfigTest : public testing::TestWithParam<BadCase> {};

TEST_P(BadConfigTest, IsNamedWithItsPlace) {
  EXPECT_THAT(FaultsOf(Changed(GetParam().from, GetParam().to)),
              HasSubstr(GetParam().fault));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadConfigTest,
    testing::Values(
        BadCase{"Syntax", "epoch = 2", "epoch = ", "q.toml:3: "},
        BadCase{"UnknownKey", "epoch = 2", "epoc = 2",
                "q.toml:3: unknown key cluster.epoc; known here are id, epoch, "
                "members"},
        BadCase{"UnknownSection", "[trust]", "[turst]\na = 1\n[trust]",
                "unknown key turst"},
        BadCase{"UnknownMemberKey", "peer = \"[::1]:7411\"",
                "peer = \"[::1]:7411\"\npeers = 1",
                "q.toml:13: unknown key cluster.members.peers"},
        BadCase{"ClusterId", "id = \"0123", "id = \"X123",
                "q.toml:2: cluster.id must be 32 lower-case hex digits"},
        BadCase{"EpochZero", "epoch = 2", "epoch = 0",
                "q.toml:3: cluster.epoch must be a number from 1"},
        BadCase{"IdZero", "id = \"7\"", "id = \"0\"",
                "q.toml:11: cluster.members.id must be a positive number"},
        BadCase{"IdTooLarge", "\"18446744073709551615\"",
                "\"18446744073709551616\"", "must be a positive number"},
        BadCase{"IdNotText", "id = \"7\"", "id = 7",
                "cluster.members.id must be a text in quotes"},
        BadCase{"IdTwice", "id = \"7\"", "id = \"18446744073709551615\"",
                "stands twice; each member needs one of its own"},
        BadCase{"NameTwice", "name = \"m2\"", "name = \"m1\"",
                "name m1 stands twice"},
        BadCase{"EndpointTwice", "m2.example:7401", "10.0.0.1:7401",
                "an endpoint of "},
        BadCase{"NoPort", "10.0.0.2:7411", "10.0.0.2",
                "q.toml:7: cluster.members.peer must be \"host:port\""},
        BadCase{"BareIpv6", "[::1]:7411", "::1:7411", "must be \"host:port\""},
        BadCase{"PortZero", "0.0.0.0:7401", "0.0.0.0:0",
                "listen.client must be \"host:port\""},
        BadCase{"ForeignName", "[member]\nname = \"m1\"",
                "[member]\nname = \"m9\"",
                "member.name is m9, which is none of cluster.members"},
        BadCase{"MissingKey", "key = \"/etc/m1.key\"\n", "",
                "tls.client.key is missing"},
        BadCase{"MissingSection", "[trust]\nroot = \"root.pem\"\n", "",
                "q.toml: section [trust] is missing"},
        BadCase{"EmptyText", "root = \"root.pem\"", "root = \"\"",
                "trust.root must be a text in quotes, not empty"},
        BadCase{"NoMembers", "[[cluster.members]]", "[[cluster.member]]",
                "one [[cluster.members]] section for each member"},
        BadCase{"SlowElection", "[trust]",
                "[timing]\nheartbeat_ticks = 5\n[trust]",
                "at least three times heartbeat_ticks"},
        BadCase{"TickWithoutUnit", "[trust]", "[timing]\ntick = 50\n[trust]",
                "timing.tick must be a time like \"50ms\""},
        BadCase{"AdministratorIsNoName", "[trust]",
                "[access]\nadministrators = [\"a/b\"]\n[trust]",
                "access.administrators has \"a/b\", which is no name"},
        BadCase{"AdministratorIsNoText", "[trust]",
                "[access]\nadministrators = [7]\n[trust]",
                "access.administrators must be a text in quotes"},
        BadCase{"LogLevel", "[trust]", "[log]\nlevel = \"loud\"\n[trust]",
                "log.level must be debug, info, warn, error or off"},
        BadCase{"LogFiles", "[trust]", "[log]\nfiles = 1\n[trust]",
                "log.files must be"}),
    [](const testing::TestParamInfo<BadCase>& info) {
      return info.param.name;
    });

TEST(ConfigTest, ValuesAndCommentsMayHaveAnyCharacters) {
  const std::string text =
      "# für Müller\n" +
      Changed("/var/lib/quorate/m1", R"(/daten/größe \" ß)") +
      "# '''ß\n[log] # \"ß\nlevel = 'info' # ß\n";
  const absl::StatusOr<Config> config = ParseConfig(text, "q.toml", "/etc/q");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->data_dir, "/daten/größe \" ß");
  EXPECT_THAT(
      FaultsOf("[log]\nlevel = \"\"\"ß\n\"ß\"\"\"\nfür = 1\n"),
      AllOf(HasSubstr("q.toml:4: "),
            HasSubstr("only comments and quoted values may have characters "
                      "beyond ASCII; they are shown as ?")));
  EXPECT_THAT(FaultsOf("[log]\nlevel = 1\"ß\"\n"), HasSubstr("q.toml:2: "));
  EXPECT_THAT(FaultsOf("[log]\nlevel = 'ß\n"), HasSubstr("q.toml:2: "));
}

TEST(ConfigTest, AJoinPortNeedsTheAuthoritiesKeys) {
  const std::string join = Changed("peer = \"0.0.0.0:7411\"",
                                   "peer = \"0.0.0.0:7411\"\n"
                                   "join = \"0.0.0.0:7421\"");
  EXPECT_THAT(FaultsOf(join), HasSubstr("need ca_key"));
  const std::string whole = absl::StrReplaceAll(
      join,
      {{"key = \"/etc/m1.key\"", "key = \"/etc/m1.key\"\nca_key = \"ca.key\""},
       {"key = \"m1-peer.key\"",
        "key = \"m1-peer.key\"\nca_key = \"peer-ca.key\""}});
  const auto config = ParseConfig(whole, "q.toml", "/etc/q");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->join_listen, "0.0.0.0:7421");
  EXPECT_EQ(config->client_tls.ca_key, "/etc/q/ca.key");
  EXPECT_EQ(config->peer_tls.ca_key, "/etc/q/peer-ca.key");
  EXPECT_THAT(FaultsOf(absl::StrReplaceAll(whole, {{":7421", ""}})),
              HasSubstr("listen.join must be"));
}

TEST(ConfigTest, OneThatJoinedNeedsNoIds) {
  const auto config = ParseConfig(
      absl::StrReplaceAll(kGood, {{"id = \"18446744073709551615\"\n", ""},
                                  {"id = \"7\"\n", ""}}),
      "q.toml", "/etc/q");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->self.name, "m1");
  EXPECT_EQ(config->self.id, raft::kNobody);
}

TEST(ConfigTest, NamesAllFaultsAtOnce) {
  const std::string faults = FaultsOf(absl::StrReplaceAll(
      kGood, {{"epoch = 2", "epoch = -1"}, {"root = ", "rot = "}}));
  EXPECT_THAT(faults, HasSubstr("q.toml:3: cluster.epoch"));
  EXPECT_THAT(faults, HasSubstr("trust.root is missing"));
  EXPECT_THAT(faults, HasSubstr("unknown key trust.rot"));
}

TEST(ConfigTest, SaysThatAFileCannotBeRead) {
  const absl::StatusOr<Config> config = ReadConfig("/nowhere/q.toml");
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(config.status().message()),
              HasSubstr("/nowhere/q.toml: cannot be read"));
}

TEST(ConfigTest, WithoutAMailServerThereIsNone) {
  EXPECT_FALSE(ParseConfig(kGood, "q.toml", "/etc/q")->mail.has_value());
}

TEST(ConfigTest, ReadsTheMailServer) {
  const absl::StatusOr<Config> config = ParseConfig(
      absl::StrCat(kGood,
                   "[mail]\nserver = \"smtp://mail.plant.example:587\"\n"
                   "sender = \"quorate@plant.example\"\nuser = \"q\"\n"
                   "password_file = \"mail.password\"\nca = \"/etc/ca.pem\"\n"
                   "timeout = \"3s\"\n"),
      "q.toml", "/etc/q");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_TRUE(config->mail.has_value());
  EXPECT_EQ(config->mail->server, "smtp://mail.plant.example:587");
  EXPECT_TRUE(config->mail->starttls);
  EXPECT_EQ(config->mail->sender, "quorate@plant.example");
  EXPECT_EQ(config->mail->user, "q");
  EXPECT_EQ(config->mail->password_file, "/etc/q/mail.password");
  EXPECT_EQ(config->mail->ca, "/etc/ca.pem");
  EXPECT_EQ(config->mail->timeout, absl::Seconds(3));
}

TEST(ConfigTest, NamesWhatIsWrongWithTheMailServer) {
  const auto faults = [](const std::string& lines) {
    return FaultsOf(absl::StrCat(kGood, "[mail]\n", lines));
  };
  const std::string sender = "sender = \"q@x.example\"\n";
  EXPECT_THAT(faults("server = \"smtp://h:25\"\n"), HasSubstr("sender"));
  EXPECT_THAT(faults(sender), HasSubstr("server"));
  for (const char* server :
       {"http://h:25", "smtp://h", "smtp://:25", "smtp://u:p@h:25",
        "smtp://h:25/x", "smtp://h:0", "smtp://h:70000", "smtp://h x:25"}) {
    EXPECT_THAT(faults(absl::StrCat(sender, "server = \"", server, "\"\n")),
                HasSubstr("must be \"smtps://host:465\""))
        << server;
  }
  const std::string plain = sender + "server = \"smtp://h:25\"\n";
  EXPECT_EQ(faults(plain), "none");
  EXPECT_THAT(faults(plain + "starttls = \"maybe\"\n"), HasSubstr("required"));
  EXPECT_THAT(faults(plain + "user = \"u\"\n"), HasSubstr("go together"));
  EXPECT_THAT(faults(plain + "starttls = \"off\"\nuser = \"u\"\n"
                             "password_file = \"p\"\n"),
              HasSubstr("in the clear"));
  EXPECT_THAT(
      faults(sender + "server = \"smtps://h:465\"\nstarttls = \"off\"\n"),
      HasSubstr("smtps:// is TLS anyhow"));
  EXPECT_THAT(faults("server = \"smtp://h:25\"\nsender = \"a@b\\nc\"\n"),
              HasSubstr("must be a mail address"));
  EXPECT_THAT(faults(plain + "passwrod = \"x\"\n"), HasSubstr("passwrod"));
}

}  // namespace
}  // namespace quorate::server
