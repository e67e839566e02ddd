// Each kind of line of rlmstat's output stands where RLM puts it. Golden texts
// of a cluster made by hand, and expressions as strict as its readers'.

#include "tools/foreign/rlmstat.h"

#include <regex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/tools/foreign/snapshots.h"

namespace quorate::foreign {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

ClusterByHand Suite() {
  ClusterByHand cluster;
  admin::v1::License* suite =
      cluster.AddLicense("suite", "acme", "2022-02-01 06:00:00");
  cluster.AddFeature(suite, "converge_super", 1000);
  cluster.AddFeature(suite, "viewer", 3);
  cluster.AddPool("converge_super", 1000, 30, "2022-02-01 06:00:00");
  cluster.AddPool("viewer", 3, 0, "");
  cluster.AddSeat({0x15a, "converge_super", 29, "asdj13",
                   "myserver.example.com", "/dev/tty", "3.0"},
                  "2017-11-01 14:01:59");
  cluster.AddSeat({16, "converge_super", 1, "bob smith@home", "pc 1", "", ""},
                  "2017-11-23 20:38:00");
  return cluster;
}

constexpr char kServer[] =
    "\trlm status on server2.example (port 7402), up\n"
    "\trlm software version v12.2 (build:0)\n"
    "\trlm comm version: v1.2\n"
    "\n"
    "\t--------- ISV servers ----------\n"
    "\t   Name           Port Running Restarts\n"
    "\tacme              7402   Yes      0\n"
    "\n";

constexpr char kIsv[] =
    "\t------------------------\n"
    "\n"
    "\tacme ISV server status on server2.example (port 7402), up\n"
    "\tacme software version v12.2 (build: 0)\n"
    "\tacme comm version: v1.2\n"
    "\n\n";

TEST(RlmstatTest, ShowsServersPoolsAndWhoHasThem) {
  EXPECT_EQ(
      FormatRlmstat(Suite().Take(), {}),
      absl::StrCat(
          kServer, kIsv,
          "\t------------------------\n"
          "\n"
          "\tacme license pool status on server2.example (port 7402)\n"
          "\n"
          "\tconverge_super v1.0\n"
          "\t\tcount: 1000, # reservations: 0, inuse: 30, exp: 31-jan-2022\n"
          "\t\tobsolete: 0, min_remove: -1, total checkouts: 0\n"
          "\tviewer v1.0\n"
          "\t\tcount: 3, # reservations: 0, inuse: 0, exp: permanent\n"
          "\t\tobsolete: 0, min_remove: -1, total checkouts: 0\n"
          "\n\n"
          "\t------------------------\n"
          "\n"
          "\tacme license usage status on server2.example (port 7402)\n"
          "\n"
          "\tconverge_super v1.0: asdj13@myserver.example.com 29/0 at 11/01 "
          "09:01  (handle: 15a)\n"
          "\tconverge_super v1.0: bob_smith_home@pc_1 1/0 at 11/23 14:38  "
          "(handle: 10)\n"
          "\n\n"));
}

TEST(RlmstatTest, CountsWhatIsKept) {
  ClusterByHand cluster = Suite();
  cluster.AddReservation("converge_super", 40, 15, admin::v1::POLICY_FIELD_USER,
                         "ann");
  EXPECT_THAT(FormatRlmstat(cluster.Take(), {}),
              HasSubstr("count: 1000, # reservations: 25, inuse: 30, exp:"));
}

TEST(RlmstatTest, ShowsOneIsvOrProductOrTheServersAlone) {
  EXPECT_EQ(FormatRlmstat(Suite().Take(), {.servers = true, .isv = "acme"}),
            kIsv);
  EXPECT_THAT(FormatRlmstat(Suite().Take(), {.isv = "zeta"}), IsEmpty());
  EXPECT_THAT(
      FormatRlmstat(Suite().Take(), {.product = "viewer"}),
      AllOf(HasSubstr("\tviewer v1.0\n"), Not(HasSubstr("converge_super"))));
}

TEST(RlmstatTest, WithoutAQuorumTheIsvServersAreDown) {
  ClusterByHand cluster = Suite();
  cluster.status()->clear_leader();
  cluster.status()->set_serving(false);
  EXPECT_THAT(
      FormatRlmstat(cluster.Take(), {}),
      AllOf(HasSubstr("\tacme              7401   No       0\n"),
            HasSubstr("(port 7401), down\n"), Not(HasSubstr("count:"))));
}

TEST(RlmstatTest, HeadNamesThePath) {
  EXPECT_EQ(RlmstatHead("7401@a"),
            "Setting license file path to 7401@a\n"
            "rlmutil v12.2\n"
            "Quorate, in the layout of RLM's rlmstat.\n\n\n");
  EXPECT_THAT(RlmstatHead(""), Not(HasSubstr("Setting")));
  EXPECT_THAT(RlmstatHead("a\nb"), HasSubstr("to a_b\n"));
}

TEST(RlmstatTest, ReadersCountWhatIsThere) {
  const std::regex feature(R"(^\s*([\w\-]+) v\d+\.\d+$)");
  const std::regex count(R"(^\s*count: (\d+).*inuse: (\d+).*$)");
  const std::regex user(
      R"(^\s*([\w\-]+) v\d+\.\d+: ([\w.\-]+)@([\w.\-]+) (\d+)/\d+ at )"
      R"(\d\d/\d\d \d\d:\d\d\s+\(handle: [0-9a-f]+\)$)");
  const std::vector<std::string> lines =
      absl::StrSplit(FormatRlmstat(Suite().Take(), {}), '\n');
  std::vector<std::string> read;
  std::smatch match;
  for (const std::string& line : lines) {
    if (std::regex_match(line, match, feature)) {
      read.push_back(match[1]);
    } else if (std::regex_match(line, match, count)) {
      read.push_back(absl::StrCat(match[2].str(), " of ", match[1].str()));
    } else if (std::regex_match(line, match, user)) {
      read.push_back(absl::StrCat(match[2].str(), " has ", match[4].str()));
    }
  }
  EXPECT_THAT(read, testing::ElementsAre("converge_super", "30 of 1000",
                                         "viewer", "0 of 3", "asdj13 has 29",
                                         "bob_smith_home has 1"));
}

}  // namespace
}  // namespace quorate::foreign
