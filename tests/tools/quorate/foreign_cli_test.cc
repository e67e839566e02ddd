// `lmstat`, `rlmstat` and `DSLicSrv` show the cluster under each of their
// names, and fail as those that read them expect. By running the program
// against scripted members.

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/tools/quorate/cli_fixture.h"

namespace quorate {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class ForeignCliTest : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    environment_["TZ"] = "America/Chicago";
    cluster_.SetLicense("suite", "Acme Inc", {{"cad", 2}, {"solver", 8}});
  }

  // A link to the program under another name.
  std::string LinkAs(const std::string& name) {
    std::string link = absl::StrCat(testing::TempDir(), "/", name);
    std::filesystem::remove(link);
    std::filesystem::create_symlink(QUORATE_PROGRAM, link);
    return link;
  }

  ProgramResult RunAs(const std::string& name,
                      const std::vector<std::string>& arguments) {
    std::vector<std::string> words = {LinkAs(name)};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return Program(words, environment_).Wait();
  }

  // "127.0.0.1 7401", of a member.
  std::string Place(size_t member) {
    return absl::StrReplaceAll(cluster_.address(member), {{":", " "}});
  }
};

TEST_F(ForeignCliTest, LmstatShowsWhoHasWhatUnderEachOfItsNames) {
  Program holder(Words({"checkout", "cad", "--hold", "forever"}), environment_);
  ASSERT_THAT(holder.ReadLine(), StartsWith("SEAT"));
  const ProgramResult ours = Run({"lmstat", "-a"});
  const ProgramResult lmstat = RunAs("lmstat", {"-a"});
  const ProgramResult lmutil = RunAs("lmutil", {"lmstat", "-a"});
  for (const ProgramResult& result : {ours, lmstat, lmutil}) {
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    EXPECT_THAT(result.errors, IsEmpty());
    EXPECT_THAT(
        result.output,
        AllOf(StartsWith("lmutil - "),
              HasSubstr("\nm1: license server UP (MASTER) v11.13.0\n"),
              HasSubstr("\n    Acme_Inc: UP v11.13.0\n"),
              HasSubstr("\nUsers of cad:  (Total of 2 licenses issued;  Total "
                        "of 1 license in use)\n"),
              ContainsRegex("\n    [^ ]+ [^ ]+ [^ ]+ \\(v1.0\\) "
                            "\\(m1/[0-9]+ [0-9]+\\), start ")));
  }
}

TEST_F(ForeignCliTest, LmstatsOptionsMayStandWithoutTheirValues) {
  EXPECT_THAT(Run({"lmstat"}).output, Not(HasSubstr("Users of")));
  EXPECT_THAT(Run({"lmstat", "-s"}).output, Not(HasSubstr("Users of")));
  EXPECT_THAT(Run({"lmstat", "-s", "m1"}).output, Not(HasSubstr("Users of")));
  for (const char* option : {"-f", "-S"}) {
    EXPECT_THAT(Run({"lmstat", option}).output,
                AllOf(HasSubstr("Users of cad"), HasSubstr("Users of solver")));
  }
  EXPECT_THAT(
      Run({"lmstat", "-f", "solver"}).output,
      AllOf(Not(HasSubstr("Users of cad")), HasSubstr("Users of solver")));
  EXPECT_THAT(Run({"lmstat", "-S", "Acme Inc"}).output,
              HasSubstr("Users of cad"));
  EXPECT_THAT(Run({"lmstat", "-S", "other"}).output,
              Not(HasSubstr("Users of cad")));
  EXPECT_THAT(Run({"lmstat", "-A"}).output, Not(HasSubstr("Users of")));
  EXPECT_THAT(Run({"lmstat", "-i"}).output,
              AllOf(HasSubstr("\ncad "), HasSubstr("\nsolver ")));
  EXPECT_THAT(Run({"lmstat", "-i", "cad"}).output, Not(HasSubstr("\nsolver ")));
  EXPECT_THAT(Run({"lmstat", "-v"}).output, HasSubstr("\nlmstat v11."));
}

TEST_F(ForeignCliTest, PathNamesTheCluster) {
  const std::string endpoints = environment_["QUORATE_ENDPOINTS"];
  const std::string path = absl::StrCat(testing::TempDir(), "/lmstat.env");
  std::ofstream(path) << "export QUORATE_ENDPOINTS=" << endpoints << "\n";
  environment_.erase("QUORATE_ENDPOINTS");
  EXPECT_EQ(Run({"lmstat"}).exit_code, 2);
  EXPECT_EQ(Run({"lmstat", "-c", path}).exit_code, 0);
  const std::string server = cluster_.address(1);
  const size_t colon = server.find(':');
  const ProgramResult one =
      Run({"lmstat", "-c",
           absl::StrCat(server.substr(colon + 1), "@", server.substr(0, colon)),
           "-t", "5"});
  EXPECT_EQ(one.exit_code, 0) << one.errors;
  // The member that was named does not lead; the one that does was asked too.
  EXPECT_EQ(cluster_.Arrivals("GetClusterStatus").back().member, 0u);
}

TEST_F(ForeignCliTest, LmstatFailsInFlexNetsWords) {
  const ProgramResult missing = Run({"lmstat", "-c", "/nowhere"});
  EXPECT_EQ(missing.exit_code, 255);
  EXPECT_THAT(missing.output,
              EndsWith("\n\nError getting status: Cannot find license file. "
                       "(-1,359:2 \"No such file or directory\")\n"));
  EXPECT_THAT(missing.errors, HasSubstr("/nowhere"));
  EXPECT_EQ(Run({"lmstat", "-c", "7401"}).exit_code, 255);
  EXPECT_EQ(Run({"lmstat", "-c", "x@y"}).exit_code, 2);
  EXPECT_EQ(Run({"lmstat", "-t", "0"}).exit_code, 2);
  const ProgramResult unknown = Run({"lmstat", "-f", "cadd"});
  EXPECT_EQ(unknown.exit_code, 251);
  EXPECT_THAT(unknown.output, HasSubstr("No such feature exists. (-5,222)"));
  for (size_t i = 0; i < 3; ++i) {
    cluster_.Kill(i);
  }
  const ProgramResult refused = Run({"lmstat", "-a"});
  EXPECT_EQ(refused.exit_code, 241);
  EXPECT_THAT(refused.output,
              EndsWith("\n\nError getting status: Cannot connect to license "
                       "server (-15,570:111 \"Connection refused\")\n"));
}

TEST_F(ForeignCliTest, WithoutAQuorumTheDaemonsAreDown) {
  for (size_t i = 0; i < 3; ++i) {
    cluster_.SetConduct(i, Conduct::kNoQuorum);
  }
  const ProgramResult result = Run({"lmstat", "-a"});
  EXPECT_EQ(result.exit_code, 159);
  EXPECT_THAT(result.output,
              AllOf(Not(HasSubstr("MASTER")), Not(HasSubstr("Users of")),
                    HasSubstr("    Acme_Inc: The desired vendor daemon is "
                              "down. (-97,121)\n")));
  EXPECT_THAT(result.errors, HasSubstr("fewer than two"));
}

TEST_F(ForeignCliTest, RlmstatShowsWhoHasWhatUnderEachOfItsNames) {
  Program holder(Words({"checkout", "cad", "--hold", "forever"}), environment_);
  ASSERT_THAT(holder.ReadLine(), StartsWith("SEAT"));
  const ProgramResult ours = Run({"rlmstat", "-a"});
  const ProgramResult rlmstat = RunAs("rlmstat", {"-a"});
  const ProgramResult rlmutil = RunAs("rlmutil", {"rlmstat", "-a", "-p"});
  for (const ProgramResult& result : {ours, rlmstat, rlmutil}) {
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    EXPECT_THAT(
        result.output,
        AllOf(HasSubstr("\tAcme_Inc license pool status on m1 (port "),
              HasSubstr("\n\tcad v1.0\n\t\tcount: 2, # reservations: 0, "
                        "inuse: 1, exp: permanent\n"),
              ContainsRegex("\n\tcad v1.0: [^ @]+@[^ ]+ 1/0 at ")));
  }
  EXPECT_THAT(Run({"rlmstat", "-l", "Acme_Inc"}).output,
              AllOf(HasSubstr("Acme_Inc ISV server status on m1 (port "),
                    Not(HasSubstr("count:"))));
  EXPECT_THAT(Run({"rlmstat", "-i", "Acme Inc", "-p", "cad"}).output,
              AllOf(HasSubstr("\tcad v1.0\n"), Not(HasSubstr("solver"))));
}

TEST_F(ForeignCliTest, RlmstatSaysThatNobodyAnswers) {
  for (size_t i = 0; i < 3; ++i) {
    cluster_.Kill(i);
  }
  const ProgramResult result = Run({"rlmstat", "-a"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.output, EndsWith("Error connecting to \"rlm\" server\n"));
  EXPECT_EQ(Run({"rlmstat", "-c", "/nowhere"}).exit_code, 5);
}

TEST_F(ForeignCliTest, DslicsrvRepeatsWhatAScriptSays) {
  const ProgramResult result = RunAs(
      "DSLicSrv", {"-admin", "-run",
                   absl::StrCat("connect ", Place(1),
                                " -restricted; getServerInfo; getLicenseInfo; "
                                "getLicenseUsage -csv; disconnect; quit")});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(
      result.output,
      AllOf(StartsWith("License Administration Tool Version "),
            HasSubstr(absl::StrCat("\nadmin >connect ", Place(1),
                                   " -restricted\n\tSoftware version: ")),
            HasSubstr("\n\tServer names: m1 m2 m3   Server ids: "),
            HasSubstr("\nWarning: restricted connection, "),
            HasSubstr("\nadmin >getLicenseInfo\nStatus "),
            HasSubstr("\nadmin >getLicenseUsage -csv\nEditor,EditorId,"),
            ContainsRegex("\nAcme Inc,[0-9A-F]+,cad,Token,STD,0,.*,2,0,\n"),
            EndsWith("\nadmin >disconnect\nadmin >quit\n")));
}

TEST_F(ForeignCliTest, DslicsrvHasSixLinesBeforeTheTableOfItsInput) {
  const std::string link = LinkAs("DSLicSrv");
  const ProgramResult result =
      Program({"/bin/sh", "-c",
               absl::StrCat("printf 'connect ", Place(0),
                            "\\ngetLicenseUsage -csv' | ", link, " -admin")},
              environment_)
          .Wait();
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  size_t end = 0;
  for (int line = 0; line < 6; ++line) {
    end = result.output.find('\n', end) + 1;
  }
  EXPECT_THAT(result.output.substr(end), StartsWith("Editor,EditorId,"));
}

TEST_F(ForeignCliTest, DslicsrvEndsAtWhatFails) {
  const ProgramResult unconnected =
      RunAs("DSLicSrv", {"-admin", "-r", "getLicenseUsage -csv; quit"});
  EXPECT_EQ(unconnected.exit_code, 7);
  EXPECT_THAT(unconnected.output,
              EndsWith("admin >getLicenseUsage -csv\n\tError: not connected; "
                       "write: connect HOST PORT\n"));
  EXPECT_EQ(RunAs("DSLicSrv", {"-admin", "-r", "dance"}).exit_code, 2);
  EXPECT_EQ(RunAs("DSLicSrv", {"-startServer"}).exit_code, 2);
  EXPECT_EQ(
      RunAs("DSLicSrv", {"-admin", "-r", "connect 127.0.0.1 1"}).exit_code, 3);
  for (size_t i = 0; i < 3; ++i) {
    cluster_.SetConduct(i, Conduct::kNoQuorum);
  }
  const ProgramResult alone =
      RunAs("DSLicSrv",
            {"-admin", "-run", absl::StrCat("c ", Place(0), ";glu -all;quit")});
  EXPECT_EQ(alone.exit_code, 3);
  EXPECT_THAT(alone.output,
              AllOf(HasSubstr("\tReady: no\n"), HasSubstr("\tError: no member "
                                                          "that answers")));
}

}  // namespace
}  // namespace quorate
