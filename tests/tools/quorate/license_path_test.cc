// What stands behind -c leads to the cluster that it names, or to a refusal
// that says what to write; other tools' names lead to their commands. By paths
// and files of each form.

#include "tools/quorate/license_path.h"

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tools/quorate/foreign_name.h"

namespace quorate::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Write(const std::string& name, const std::string& bytes) {
  const std::string path = absl::StrCat(testing::TempDir(), "/", name);
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

TEST(LicensePathTest, ServersAreEndpoints) {
  Invocation invocation;
  invocation.ca = "ca.pem";
  ASSERT_TRUE(
      ReadLicensePath("7401@a,7402@b.example:7403@10.0.0.3", &invocation).ok());
  EXPECT_EQ(invocation.endpoints, "a:7401,b.example:7402,10.0.0.3:7403");
  EXPECT_EQ(invocation.ca, "ca.pem");
}

TEST(LicensePathTest, RefusesWhatIsNoServer) {
  for (const char* path : {"@a", "7401@", "x@a", "0@a", "65536@a", "-1@a",
                           "7401@a@b", "7401@a,b"}) {
    Invocation invocation;
    const absl::Status status = ReadLicensePath(path, &invocation);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << path;
    EXPECT_THAT(std::string(status.message()), HasSubstr("7401@server1"));
    EXPECT_EQ(invocation.endpoints, "");
  }
}

TEST(LicensePathTest, AnEnvironmentIsReadAsAShellWould) {
  const std::string path = Write("env",
                                 "# ours\n"
                                 "export QUORATE_ENDPOINTS=a:1,b:2\n"
                                 "  QUORATE_CA='/etc/q r/ca.pem' \r\n"
                                 "QUORATE_KEY=\"k=ey\"\n"
                                 "export PATH=/bin\n");
  Invocation invocation;
  invocation.cert = "mine.pem";
  ASSERT_TRUE(ReadLicensePath(path, &invocation).ok());
  EXPECT_EQ(invocation.endpoints, "a:1,b:2");
  EXPECT_EQ(invocation.ca, "/etc/q r/ca.pem");
  EXPECT_EQ(invocation.cert, "mine.pem");
  EXPECT_EQ(invocation.key, "k=ey");
}

TEST(LicensePathTest, TellsAMissingFileFromAWrongOne) {
  Invocation invocation;
  EXPECT_TRUE(absl::IsNotFound(ReadLicensePath("/nowhere", &invocation)));
  const absl::Status wrong = ReadLicensePath(
      Write("license.dat", "SERVER host1 ANY 28000\nVENDOR acme\n"),
      &invocation);
  EXPECT_TRUE(absl::IsInvalidArgument(wrong));
  EXPECT_THAT(std::string(wrong.message()), HasSubstr("QUORATE_ENDPOINTS="));
  EXPECT_TRUE(absl::IsInvalidArgument(
      ReadLicensePath(Write("empty", ""), &invocation)));
}

std::vector<std::string> Words(const char* program,
                               const std::vector<std::string>& words) {
  const auto under_name = WordsUnderName(program, words);
  EXPECT_TRUE(under_name.ok()) << under_name.status();
  return under_name.value_or(std::vector<std::string>());
}

TEST(ForeignNameTest, ANameIsACommand) {
  EXPECT_THAT(Words("/usr/bin/lmstat", {"-a"}), ElementsAre("lmstat", "-a"));
  EXPECT_THAT(Words("lmutil", {"lmstat", "-a"}), ElementsAre("lmstat", "-a"));
  EXPECT_THAT(Words("lmutil", {"lmremove", "x"}), ElementsAre("lmremove", "x"));
  EXPECT_THAT(Words("rlmstat", {}), ElementsAre("rlmstat"));
  EXPECT_THAT(Words("rlmutil", {"rlmstat"}), ElementsAre("rlmstat"));
  EXPECT_THAT(
      Words("/x/DSLicSrv", {"-admin", "-r", "a;b", "-locale", "en"}),
      ElementsAre("dslicsrv", "--admin", "--run", "a;b", "--locale", "en"));
  EXPECT_THAT(Words("./quorate", {"pools"}), ElementsAre("pools"));
}

TEST(ForeignNameTest, SaysWhichToolsThereAre) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>(), {"lmdiag"}, {"pools"}}) {
    const auto refused = WordsUnderName("/opt/lmutil", words);
    EXPECT_TRUE(absl::IsInvalidArgument(refused.status()));
    EXPECT_THAT(std::string(refused.status().message()),
                HasSubstr("only \"lmutil lmstat\" and \"lmutil lmremove\""));
  }
}

}  // namespace
}  // namespace quorate::cli
