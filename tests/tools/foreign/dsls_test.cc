// DSLicSrv's layouts hold what its readers count on: six lines, then a table
// with a comma behind each field, and lines of words. Golden texts of a cluster
// made by hand, and scripts of every command.

#include "tools/foreign/dsls.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/tools/foreign/snapshots.h"

namespace quorate::foreign {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Kind = DslsCommand::Kind;

ClusterByHand Suite() {
  ClusterByHand cluster;
  admin::v1::License* suite =
      cluster.AddLicense("suite", "Acme, Inc.", "2025-01-01 06:59:00");
  cluster.AddFeature(suite, "SRU", 2374);
  cluster.AddFeature(suite, "PW8", 2000);
  cluster.AddPool("PW8", 2000, 0, "");
  cluster.AddPool("SRU", 2374, 494, "2025-01-01 06:59:00");
  cluster.AddSeat({611, "SRU", 493, "user_2", "nid001626", "", "6.424"},
                  "2017-11-17 23:59:34");
  cluster.AddSeat({15, "SRU", 1, "bob, \"x\" smith", "pc 1", "", ""},
                  "2017-11-18 06:00:00");
  return cluster;
}

TEST(DslsTest, SixLinesGoBeforeATable) {
  EXPECT_EQ(
      absl::StrCat(DslsHead(), kDslsPrompt,
                   FormatDslsServer(Suite().Take(), false)),
      "License Administration Tool Version 6.425.4 in the layout of DSLS, "
      "by Quorate.\n"
      "admin >\tSoftware version: 6.425.4\n"
      "\tBuild date: Jan 1, 2026, 12:00:00 AM\n"
      "\tFailover mode\n"
      "\tReady: yes\n"
      "\tServer names: server1.example server2.example server3.example   "
      "Server ids: QRT-0000000000000100 QRT-0000000000000101 "
      "QRT-0000000000000102\n");
}

TEST(DslsTest, AWarningIsTheSeventh) {
  ClusterByHand cluster = Suite();
  cluster.status()->mutable_members()->DeleteSubrange(1, 2);
  cluster.status()->set_serving(false);
  EXPECT_EQ(FormatDslsServer(cluster.Take(), true),
            "\tSoftware version: 6.425.4\n"
            "\tBuild date: Jan 1, 2026, 12:00:00 AM\n"
            "\tStandalone mode\n"
            "\tReady: no\n"
            "\tServer name: server1.example   Server id: "
            "QRT-0000000000000100\n"
            "Warning: restricted connection, some operations are not "
            "permitted.\n");
}

TEST(DslsTest, UsageIsATable) {
  EXPECT_EQ(
      FormatDslsCsv(Suite().Take(), false),
      "Editor,EditorId,Feature,Model,Commercial Type,Max Release Number,Max "
      "Release Date,Pricing Structure,Max Casual Duration,Expiration "
      "Date,Customer ID,Count,Inuse,Tokens,Casual Usage "
      "(mn),Host,User,Internal "
      "ID,Active Process,Client Code Version,Session ID,Granted Since,Last "
      "Used "
      "At,Granted At,Queue Position,\n"
      "Acme_ Inc.,7912BD8D,PW8,Token,STD,0,2099-12-31 23:59:59,,0,2099-12-31 "
      "23:59:59,Example Engineering,2000,0,\n"
      "Acme_ Inc.,7912BD8D,SRU,Token,STD,0,2025-01-01 00:59:00,,0,2025-01-01 "
      "00:59:00,Example Engineering,2374,494,493,,nid001626 "
      "(263.0)/,user_2,SRU,"
      "pf_sim ( 3148728),6.424,7,2017-11-17 17:59:34,2017-11-23 15:08:00,"
      "2017-11-17 17:59:34,,\n"
      "Acme_ Inc.,7912BD8D,SRU,Token,STD,0,2025-01-01 00:59:00,,0,2025-01-01 "
      "00:59:00,Example Engineering,2374,494,1,,pc_1 (F.0)/,bob_ _x_ smith,SRU,"
      "pf_sim ( 3148728),,7,2017-11-18 00:00:00,2017-11-23 15:08:00,2017-11-18 "
      "00:00:00,,\n");
}

TEST(DslsTest, WhoWaitsHasAPosition) {
  ClusterByHand cluster = Suite();
  cluster.AddWaiting({17, "PW8", 2, "user_5", "pc5", "", "6.4"}, 3);
  EXPECT_THAT(FormatDslsCsv(cluster.Take(), false),
              HasSubstr(",2000,0,2,,pc5 (11.0)/,user_5,PW8,pf_sim ( 3148728),"
                        "6.4,8,,,,3,\n"));
}

TEST(DslsTest, EachRowHasTheHeadingsFields) {
  for (const bool brief : {false, true}) {
    const std::vector<std::string> lines = absl::StrSplit(
        FormatDslsCsv(Suite().Take(), brief), '\n', absl::SkipEmpty());
    ASSERT_EQ(lines.size(), brief ? 3u : 4u);
    for (const std::string& line : lines) {
      const auto fields = std::vector<std::string>(absl::StrSplit(line, ','));
      const bool user = !brief && !absl::StrContains(line, "PW8");
      EXPECT_EQ(fields.size(), user ? 26u : 14u) << line;
      EXPECT_THAT(fields.back(), IsEmpty());
    }
  }
}

TEST(DslsTest, UsageIsAText) {
  const std::string features[] = {
      "\t\tPW8             maxReleaseNumber: 0  maxReleaseDate: 12/31/99 "
      "11:59:59 PM expirationDate: 12/31/99 11:59:59 PM type: Token  count:  "
      "2000  inuse: 0 customerId: Example_Engineering pricing structure: "
      "none\n",
      "\t\tSRU             maxReleaseNumber: 0  maxReleaseDate: 1/1/25 "
      "12:59:00 "
      "AM expirationDate: 1/1/25 12:59:00 AM type: Token  count:  2374  inuse: "
      "494 customerId: Example_Engineering pricing structure: none\n"};
  constexpr char kVendor[] = "\tAcme_ Inc.           (7912BD8D)\n";
  EXPECT_EQ(
      FormatDslsUsage(Suite().Take(), false),
      absl::StrCat(kVendor, features[0], features[1],
                   "\t\t\tnid001626 (263.0)/  user_2  pf_sim  granted since: "
                   "11/17/17 5:59:34 PM tokens: 493\n"
                   "\t\t\tpc_1 (F.0)/  bob___x__smith  pf_sim  granted since: "
                   "11/18/17 12:00:00 AM tokens: 1\n"));
  EXPECT_EQ(FormatDslsUsage(Suite().Take(), true),
            absl::StrCat(kVendor, features[0], features[1]));
}

TEST(DslsTest, LicensesAreATable) {
  const std::vector<std::string> lines =
      absl::StrSplit(FormatDslsLicenses(Suite().Take()), '\n');
  ASSERT_EQ(lines.size(), 4u);
  const std::vector<std::string> words =
      absl::StrSplit(lines[1], ' ', absl::SkipEmpty());
  EXPECT_THAT(words, ElementsAre("active", "Acme__Inc.", "Token", "SRU", "2374",
                                 "2017-01-01.00:00.UTC", "2025-01-01.06:59.UTC",
                                 "Floating", "STD", "suite",
                                 "Example_Engineering", "2016-12-30.10:11.UTC",
                                 "2017-01-02.13:14.UTC", "7912BD8D"));
  ClusterByHand old;
  old.AddFeature(old.AddLicense("old", "a", "2017-11-23 21:08:00"), "f", 1);
  EXPECT_THAT(FormatDslsLicenses(old.Take()), HasSubstr("\nexpired "));
}

TEST(DslsScriptTest, ReadsEachCommand) {
  EXPECT_THAT(SplitDslsScript(" connect h 1 -restricted; ;gsi\nquit;"),
              ElementsAre("connect h 1 -restricted", "gsi", "quit"));
  const auto connect = ParseDslsCommand("connect  h 4084\t-restricted\r");
  ASSERT_TRUE(connect.ok()) << connect.status();
  EXPECT_EQ(connect->host, "h");
  EXPECT_EQ(connect->port, "4084");
  EXPECT_TRUE(connect->restricted);
  const auto usage = ParseDslsCommand("glu -short -csv");
  ASSERT_TRUE(usage.ok()) << usage.status();
  EXPECT_EQ(usage->kind, Kind::kUsage);
  EXPECT_TRUE(usage->csv);
  EXPECT_TRUE(usage->brief);
  EXPECT_EQ(ParseDslsCommand("getServerInfo")->kind, Kind::kServer);
  EXPECT_EQ(ParseDslsCommand("getLicenseInfo")->kind, Kind::kLicenses);
  EXPECT_EQ(ParseDslsCommand("disc")->kind, Kind::kDisconnect);
  EXPECT_EQ(ParseDslsCommand("quit")->kind, Kind::kQuit);
}

TEST(DslsScriptTest, RefusesTheRestInWords) {
  for (const char* line :
       {"", "stop", "connect", "connect h", "connect h x", "connect h 0",
        "connect h 65536", "connect h 1 -full", "glu -xml", "quit now"}) {
    const auto command = ParseDslsCommand(line);
    EXPECT_TRUE(absl::IsInvalidArgument(command.status())) << line;
    EXPECT_THAT(std::string(command.status().message()), Not(IsEmpty()));
  }
}

}  // namespace
}  // namespace quorate::foreign
