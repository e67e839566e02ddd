// `lmstat` shows the cluster under each of its names, and fails as FlexNet's
// does. By running the program against scripted members.

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
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

class LmstatCliTest : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    environment_["TZ"] = "America/Chicago";
    cluster_.SetLicense("suite", "Acme Inc", {{"cad", 2}, {"solver", 8}});
  }

  // The program under another name.
  ProgramResult RunAs(const std::string& name,
                      const std::vector<std::string>& arguments) {
    const std::string link = absl::StrCat(testing::TempDir(), "/", name);
    std::filesystem::remove(link);
    std::filesystem::create_symlink(QUORATE_PROGRAM, link);
    std::vector<std::string> words = {link};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return Program(words, environment_).Wait();
  }
};

TEST_F(LmstatCliTest, ShowsWhoHasWhatUnderEachOfItsNames) {
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

TEST_F(LmstatCliTest, OptionsMayStandWithoutTheirValues) {
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

TEST_F(LmstatCliTest, PathNamesTheCluster) {
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

TEST_F(LmstatCliTest, FailsInFlexNetsWords) {
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

TEST_F(LmstatCliTest, WithoutAQuorumTheDaemonsAreDown) {
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

}  // namespace
}  // namespace quorate
