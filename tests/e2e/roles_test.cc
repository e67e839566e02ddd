// Property: what roles and modes do not allow is refused on every member, from
// the answer on that took it away, also when the leader was killed.
// Method: three real members, and the CLI with certificates of several people.

#include <csignal>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/e2e/test_client.h"
#include "tests/e2e/test_cluster.h"

namespace quorate::e2e {
namespace {

using testing::HasSubstr;

// What the CLI leaves with where the cluster says no.
constexpr int kDenied = 4;

class RolesTest : public testing::Test {
 protected:
  void SetUp() override {
    auto cluster = TestCluster::Start();
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
    client_ = MakeClient(cluster_->environment());
    auto session = client_->OpenSession({.application = "holder"});
    ASSERT_TRUE(session.ok()) << session.status();
    session_ = *std::move(session);
    auto seat = session_->Checkout("solver", 2);
    ASSERT_TRUE(seat.ok()) << seat.status();
    seat_ = *std::move(seat);
    viewer_ = Certify("viewer");
    boss_ = Certify("boss");
  }

  // The environment of one more client, as docs/operations.md makes it.
  Environment Certify(const std::string& name) {
    const std::string tls = absl::StrCat(cluster_->dir(), "/tls/");
    const CommandResult own =
        RunCommand({"openssl", "x509", "-in", absl::StrCat(tls, "client.pem"),
                    "-noout", "-ext", "subjectAltName"});
    const size_t begin = own.output.find("URI:quorate://");
    const size_t end = own.output.find("/client/", begin);
    EXPECT_NE(end, std::string::npos) << own.output << own.errors;
    const std::string stem = absl::StrCat(tls, name);
    std::ofstream(stem + ".ext")
        << "extendedKeyUsage=clientAuth\nsubjectAltName="
        << own.output.substr(begin, end - begin) << "/client/" << name << "\n";
    for (const std::vector<std::string>& command :
         std::vector<std::vector<std::string>>{
             {"openssl", "req", "-newkey", "ed25519", "-nodes", "-keyout",
              stem + ".key", "-subj", "/CN=" + name, "-out", stem + ".csr"},
             {"openssl", "x509", "-req", "-in", stem + ".csr", "-CA",
              tls + "ca.pem", "-CAkey", tls + "ca.key", "-CAcreateserial",
              "-days", "2", "-extfile", stem + ".ext", "-out",
              stem + ".pem"}}) {
      const CommandResult made = RunCommand(command);
      EXPECT_EQ(made.exit_code, 0) << made.errors;
    }
    Environment environment = cluster_->environment();
    environment["QUORATE_CERT"] = stem + ".pem";
    environment["QUORATE_KEY"] = stem + ".key";
    return environment;
  }

  void SetRole(const std::string& name, const std::string& role) {
    const CommandResult set =
        cluster_->Quorate({"accounts", "set", name, "--role", role});
    ASSERT_EQ(set.exit_code, 0) << set.errors;
  }

  CommandResult Terminate(const Environment& environment,
                          const std::vector<std::string>& flags = {}) {
    std::vector<std::string> words = flags;
    words.insert(words.end(), {"sessions", "terminate", session_->name()});
    return cluster_->Quorate(words, environment);
  }

  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Session> session_;
  std::optional<Seat> seat_;
  Environment viewer_;
  Environment boss_;
};

TEST_F(RolesTest, AViewerLooksAndEndsNothing) {
  SetRole("viewer", "VIEWER");
  const CommandResult seats = cluster_->Quorate({"seats"}, viewer_);
  EXPECT_EQ(seats.exit_code, 0) << seats.errors;
  EXPECT_THAT(seats.output, HasSubstr("solver"));
  const CommandResult refused = Terminate(viewer_);
  EXPECT_EQ(refused.exit_code, kDenied);
  EXPECT_THAT(refused.errors, HasSubstr("PERMISSION_MISSING"));
  EXPECT_THAT(refused.errors, HasSubstr("TERMINATOR,ADMINISTRATOR"));
  EXPECT_EQ(cluster_->Quorate({"checkout", "cad"}, viewer_).exit_code, kDenied);
  const CommandResult who = cluster_->Quorate({"whoami"}, viewer_);
  EXPECT_THAT(who.output, HasSubstr("POLICY_VIEW"));
  EXPECT_THAT(who.output, Not(HasSubstr("SESSION_MANAGE")));
}

TEST_F(RolesTest, AnAdministratorWhoIsRestrictedOnlyLooks) {
  EXPECT_EQ(Terminate(cluster_->environment(), {"--restricted"}).exit_code,
            kDenied);
  Environment restricted = cluster_->environment();
  restricted["QUORATE_RESTRICTED"] = "1";
  EXPECT_EQ(Terminate(restricted).exit_code, kDenied);
  EXPECT_EQ(cluster_->Quorate({"accounts"}, restricted).exit_code, 0);
  EXPECT_THAT(cluster_->Quorate({"whoami"}, restricted).output,
              HasSubstr("restricted"));
  EXPECT_EQ(Terminate(cluster_->environment()).exit_code, 0);
}

TEST_F(RolesTest, TheDemotedIsRefusedEverywhereAlsoWhenTheLeaderDies) {
  SetRole("boss", "administrator");
  EXPECT_EQ(
      cluster_->Quorate({"accounts", "set", "ann", "--role", "user"}, boss_)
          .exit_code,
      0);
  SetRole("boss", "viewer");
  for (const TestMember& member : cluster_->Members()) {
    Environment one = boss_;
    one["QUORATE_ENDPOINTS"] = member.endpoint;
    EXPECT_EQ(Terminate(one).exit_code, kDenied) << member.name;
  }
  const std::string leader = cluster_->Leader();
  cluster_->Signal(leader, SIGKILL);
  EXPECT_EQ(Terminate(boss_).exit_code, kDenied);
  EXPECT_EQ(cluster_->Quorate({"seats"}, boss_).exit_code, 0);
  ASSERT_TRUE(cluster_->Restart(leader).ok());
  const CommandResult accounts =
      cluster_->Quorate({"accounts", "list", "-o", "csv", "--local",
                         "--endpoints", cluster_->Member(leader).endpoint});
  EXPECT_THAT(accounts.output, HasSubstr("boss"));
  EXPECT_THAT(accounts.output, HasSubstr("ann"));
  EXPECT_EQ(Terminate(cluster_->environment()).exit_code, 0);
}

}  // namespace
}  // namespace quorate::e2e
