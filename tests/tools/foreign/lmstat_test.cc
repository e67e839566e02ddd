// Each kind of line of lmstat's output stands where FlexNet puts it, blank for
// blank. Golden texts of clusters made by hand.

#include "tools/foreign/lmstat.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/tools/foreign/snapshots.h"

namespace quorate::foreign {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using Usage = LmstatScope::Usage;

constexpr char kHead[] =
    "lmutil - Quorate, in the layout of FlexNet's lmstat.\n"
    "Flexible License Manager status on Thu 11/23/2017 15:08\n"
    "\n"
    "License server status: 7401@server1.example,7402@server2.example,"
    "7403@server3.example\n"
    "    License file(s) on server1.example: suite:\n"
    "\n";

constexpr char kAllUp[] =
    "server1.example: license server UP v11.13.0\n"
    "server2.example: license server UP (MASTER) v11.13.0\n"
    "server3.example: license server UP v11.13.0\n"
    "\n"
    "Vendor daemon status (on server2.example):\n"
    "\n";

// A licence until the end of 14 November 2023 in Chicago.
ClusterByHand Suite() {
  ClusterByHand cluster;
  admin::v1::License* suite =
      cluster.AddLicense("suite", "acme", "2023-11-15 06:00:00");
  cluster.AddFeature(suite, "cad", 1814);
  cluster.AddFeature(suite, "solver", 1);
  cluster.AddFeature(suite, "viewer", 3);
  cluster.AddPool("cad", 1814, 17, "2023-11-15 06:00:00");
  cluster.AddPool("solver", 1, 1, "");
  cluster.AddPool("viewer", 3, 0, "");
  cluster.AddSeat({18856, "cad", 16, "user1", "server9", "/dev/tty", "61.9"},
                  "2017-10-20 19:12:00");
  cluster.AddSeat({7086, "cad", 1, "user9", "pc1", "", ""},
                  "2017-11-05 13:05:59");
  cluster.AddSeat({1, "solver", 1, "user3", "server6", ":0", "v2017.06"},
                  "2017-11-23 06:59:00");
  return cluster;
}

TEST(LmstatTest, ShowsHowLongASeatLingers) {
  ClusterByHand cluster = Suite();
  cluster.AddSeat({1401, "cad", 16, "cmfy212", "LT1", "LT1.0", "1.00"},
                  "2017-05-23 10:59:00");
  cluster.seat()->mutable_linger_left()->set_seconds(885098);
  cluster.seat()->mutable_linger()->set_seconds(1340160);
  EXPECT_THAT(
      FormatLmstat(cluster.Take(), {.usage = Usage::kAll, .users = true}),
      HasSubstr(
          "    cmfy212 LT1 LT1.0 (v1.00) (server2.example/7402 1401), start "
          "Tue 5/23 5:59, 16 licenses  (linger: 885098 / 1340160)\n"));
}

TEST(LmstatTest, ServersAndDaemonsAlone) {
  EXPECT_EQ(FormatLmstat(Suite().Take(), {}),
            absl::StrCat(kHead, kAllUp, "    acme: UP v11.13.0\n"));
}

TEST(LmstatTest, ShowsEachFeatureAndWhoHasIt) {
  EXPECT_EQ(
      FormatLmstat(Suite().Take(), {.usage = Usage::kAll}),
      absl::StrCat(
          kHead, kAllUp,
          "    acme: UP v11.13.0\n"
          "Feature usage info:\n"
          "\n"
          "Users of cad:  (Total of 1814 licenses issued;  Total of 17 "
          "licenses in use)\n"
          "\n"
          "  \"cad\" v1.0, vendor: acme, expiry: 14-nov-2023\n"
          "  floating license\n"
          "\n"
          "    user1 server9 /dev/tty (v61.9) (server2.example/7402 18856), "
          "start Fri 10/20 14:12, 16 licenses\n"
          "    user9 pc1 pc1 (v1.0) (server2.example/7402 7086), start Sun "
          "11/5 7:05\n"
          "\n"
          "Users of solver:  (Total of 1 license issued;  Total of 1 license "
          "in use)\n"
          "\n"
          "  \"solver\" v1.0, vendor: acme, expiry: permanent(no expiration "
          "date)\n"
          "  floating license\n"
          "\n"
          "    user3 server6 :0 (v2017.06) (server2.example/7402 1), start Thu "
          "11/23 0:59\n"
          "\n"
          "Users of viewer:  (Total of 3 licenses issued;  Total of 0 licenses "
          "in use)\n"
          "\n"));
}

TEST(LmstatTest, LeavesTheUsersOutWhereTold) {
  const std::string text =
      FormatLmstat(Suite().Take(), {.usage = Usage::kAll, .users = false});
  EXPECT_THAT(text, AllOf(HasSubstr("Total of 17 licenses in use"),
                          Not(HasSubstr("floating")), Not(HasSubstr("user1"))));
}

TEST(LmstatTest, ShowsAMemberThatIsNotHeardOf) {
  ClusterByHand cluster = Suite();
  cluster.member(2)->set_reachable(false);
  EXPECT_EQ(FormatLmstat(cluster.Take(), {}),
            absl::StrCat(kHead,
                         "server1.example: license server UP v11.13.0\n"
                         "server2.example: license server UP (MASTER) "
                         "v11.13.0\n"
                         "server3.example: Cannot connect to license server "
                         "system. (-15,570:115 \"Operation now in "
                         "progress\")\n"
                         "\n"
                         "Vendor daemon status (on server2.example):\n"
                         "\n"
                         "    acme: UP v11.13.0\n"));
}

TEST(LmstatTest, WithoutAQuorumTheDaemonsAreDown) {
  ClusterByHand cluster = Suite();
  cluster.status()->clear_leader();
  cluster.status()->set_serving(false);
  cluster.member(0)->set_reachable(false);
  cluster.member(1)->set_reachable(false);
  const std::string text = FormatLmstat(cluster.Take(), {.usage = Usage::kAll});
  EXPECT_THAT(text, EndsWith("server3.example: license server DOWN v11.13.0\n"
                             "\n"
                             "Vendor daemon status (on server3.example):\n"
                             "\n"
                             "    acme: The desired vendor daemon is down. "
                             "(-97,121)\n"));
  EXPECT_THAT(text, Not(HasSubstr("MASTER")));
}

TEST(LmstatTest, ShowsOneFeature) {
  const std::string text = FormatLmstat(
      Suite().Take(), {.usage = Usage::kFeature, .feature = "solver"});
  EXPECT_THAT(text, AllOf(HasSubstr("Users of solver:  ("), HasSubstr("user3"),
                          Not(HasSubstr("Users of cad"))));
}

TEST(LmstatTest, SaysThatThereIsNoSuchFeature) {
  const LmstatScope scope = {.usage = Usage::kFeature, .feature = "cadd"};
  const Snapshot snapshot = Suite().Take();
  EXPECT_FALSE(HasFeature(snapshot, scope));
  EXPECT_THAT(FormatLmstat(snapshot, scope),
              EndsWith("Feature usage info:\n"
                       "\n"
                       "Users of cadd: Cannot get users of cadd: No such "
                       "feature exists. (-5,222)\n"
                       "\n"));
}

TEST(LmstatTest, ShowsActiveFeaturesOnly) {
  EXPECT_THAT(
      FormatLmstat(Suite().Take(), {.usage = Usage::kActive}),
      AllOf(HasSubstr("Users of cad:"), Not(HasSubstr("Users of viewer:"))));
}

TEST(LmstatTest, EachVendorIsADaemonWithItsFeatures) {
  ClusterByHand cluster = Suite();
  cluster.AddFeature(cluster.AddLicense("other", "Zeta Labs, Inc.", ""),
                     "meshing", 4);
  cluster.AddPool("meshing", 4, 0, "");
  const std::string text = FormatLmstat(cluster.Take(), {.usage = Usage::kAll});
  EXPECT_THAT(text, HasSubstr("License file(s) on server1.example: "
                              "suite:other:\n"));
  EXPECT_THAT(text, EndsWith("    Zeta_Labs__Inc_: UP v11.13.0\n"
                             "Feature usage info:\n"
                             "\n"
                             "Users of meshing:  (Total of 4 licenses issued;  "
                             "Total of 0 licenses in use)\n"
                             "\n"));
  EXPECT_THAT(FormatLmstat(cluster.Take(), {.usage = Usage::kVendor,
                                            .vendor = "Zeta_Labs__Inc_"}),
              AllOf(HasSubstr("meshing"), Not(HasSubstr("acme: UP")),
                    Not(HasSubstr("Users of cad"))));
}

TEST(LmstatTest, AFeatureOfTwoVendorsIsListedOnce) {
  ClusterByHand cluster = Suite();
  cluster.AddFeature(cluster.AddLicense("other", "zeta", ""), "cad", 4);
  const std::string text = FormatLmstat(cluster.Take(), {.usage = Usage::kAll});
  const size_t first = text.find("Users of cad:");
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(text.find("Users of cad:", first + 1), std::string::npos);
}

TEST(LmstatTest, PoolsOfOneFeatureCountTogether) {
  ClusterByHand cluster;
  cluster.AddFeature(cluster.AddLicense("suite", "acme", ""), "cad", 7);
  cluster.AddPool("cad", 3, 1, "");
  cluster.AddPool("cad", 4, 2, "2023-11-15 06:00:00");
  EXPECT_THAT(FormatLmstat(cluster.Take(), {.usage = Usage::kAll}),
              EndsWith("Feature usage info:\n\nUsers of cad:  (Total of 7 "
                       "licenses issued;  Total of 3 licenses in use)\n\n"));
}

TEST(LmstatTest, WhatIsKeptIsInUse) {
  ClusterByHand cluster = Suite();
  cluster.AddReservation("cad", 1, 0, admin::v1::POLICY_FIELD_HOST, "HOSTPC11");
  cluster.AddReservation("cad", 50, 2, admin::v1::POLICY_FIELD_USER_GROUP,
                         "GROUP1");
  cluster.AddReservation("viewer", 1, 0, admin::v1::POLICY_FIELD_UNSPECIFIED,
                         "");
  const std::string text =
      FormatLmstat(cluster.Take(), {.usage = Usage::kActive});
  EXPECT_THAT(
      text,
      HasSubstr("Users of cad:  (Total of 1814 licenses issued;  Total of 66 "
                "licenses in use)\n"
                "\n"
                "  \"cad\" v1.0, vendor: acme, expiry: 14-nov-2023\n"
                "  floating license\n"
                "\n"
                "\t1 RESERVATION for HOST HOSTPC11 (server2.example/7402)\n"
                "\t48 RESERVATIONs for GROUP GROUP1 (server2.example/7402)\n"
                "    user1 server9 "));
  EXPECT_THAT(
      text,
      EndsWith("Users of viewer:  (Total of 3 licenses issued;  Total of 1 "
               "license in use)\n"
               "\n"
               "  \"viewer\" v1.0, vendor: acme, expiry: permanent(no "
               "expiration date)\n"
               "  floating license\n"
               "\n"
               "\t1 RESERVATION for GROUP rule_3 (server2.example/7402)\n"
               "\n"));
  EXPECT_THAT(
      FormatLmstat(cluster.Take(), {.usage = Usage::kAll, .users = false}),
      Not(HasSubstr("RESERVATION")));
}

TEST(LmstatTest, ShowsHowLongASeatIsBorrowed) {
  ClusterByHand cluster = Suite();
  cluster.AddSeat({1401, "solver", 16, "cmfy212", "LT1", "LT1.0", "1.00"},
                  "2017-11-20 12:00:00");
  monitoring::v1::HeldSeat* borrowed = cluster.seat();
  borrowed->set_kind(monitoring::v1::SESSION_KIND_BORROW);
  // Two days before the snapshot, for a week.
  borrowed->mutable_borrow_time()->set_seconds(1511471280 - 2 * 86400);
  borrowed->mutable_until_time()->set_seconds(1511471280 + 5 * 86400);
  EXPECT_THAT(FormatLmstat(cluster.Take(), {.usage = Usage::kAll}),
              HasSubstr("    cmfy212 LT1 LT1.0 (v1.00) (server2.example/7402 "
                        "1401), start Mon 11/20 6:00, 16 licenses  "
                        "(linger: 432000 / 604800)\n"));
  borrowed->mutable_until_time()->set_seconds(1511471280 - 60);
  EXPECT_THAT(FormatLmstat(cluster.Take(), {.usage = Usage::kAll}),
              HasSubstr("16 licenses  (linger: 0 / 172740)\n"));
}

TEST(LmstatTest, ShowsWhoWaits) {
  ClusterByHand cluster = Suite();
  cluster.AddWaiting(
      {15480, "solver", 1, "user3", "server6", "fj209", "2017.06"}, 1);
  cluster.AddWaiting({15481, "solver", 2, "user4", "pc4", "", "rc1"}, 2);
  cluster.AddWaiting({15482, "viewer", 0, "user5", "pc5", ":0", ""}, 1);
  const std::string text = FormatLmstat(cluster.Take(), {.usage = Usage::kAll});
  EXPECT_THAT(
      text,
      HasSubstr("start Thu 11/23 0:59\n"
                "    user3 server6 fj209 2017.06 (v2017.06) "
                "(server2.example/7402 15480) queued for 1 license\n"
                "    user4 pc4 pc4 1.0 (vrc1) (server2.example/7402 15481) "
                "queued for 2 licenses\n"
                "\n"));
  EXPECT_THAT(text,
              EndsWith("  floating license\n"
                       "\n"
                       "    user5 pc5 :0 1.0 (v1.0) (server2.example/7402 "
                       "15482) queued for 1 license\n"
                       "\n"));
}

TEST(LmstatTest, WhatIsLentOrInUseOrNotThereIsNotKept) {
  ClusterByHand cluster = Suite();
  cluster.AddReservation("viewer", 2, 0, admin::v1::POLICY_FIELD_USER, "a");
  cluster.reservations()->mutable_reservations(0)->set_lend(true);
  cluster.AddReservation("viewer", 2, 3, admin::v1::POLICY_FIELD_USER, "b");
  cluster.AddReservation("solver", 1, 0, admin::v1::POLICY_FIELD_USER, "c");
  cluster.AddReservation("viewer", 2, 0, admin::v1::POLICY_FIELD_PROJECT, "d");
  cluster.AddReservation("viewer", 2, 0, admin::v1::POLICY_FIELD_ADDRESS,
                         "10.0.0.0/8");
  const std::string text = FormatLmstat(cluster.Take(), {.usage = Usage::kAll});
  EXPECT_THAT(text, HasSubstr("Users of solver:  (Total of 1 license issued;  "
                              "Total of 1 license in use)\n"));
  EXPECT_THAT(text,
              HasSubstr("\t2 RESERVATIONs for PROJECT d (server2.example/7402)"
                        "\n\t1 RESERVATION for INTERNET 10.0.0.0/8 "
                        "(server2.example/7402)\n\n"));
  EXPECT_THAT(text, Not(HasSubstr("USER")));
}

TEST(LmstatTest, ShowsWhatIsNotCountedOrIsForSomeHosts) {
  ClusterByHand cluster;
  cluster.AddFeature(cluster.AddLicense("suite", "acme", ""), "SERIAL", 1);
  cluster.AddPool("SERIAL", 0, 1, "");
  cluster.pool()->set_uncounted(true);
  cluster.pool()->set_version_max("6.3");
  cluster.AddSeat({1090, "SERIAL", 1, "u", "h", "d", "5.6"},
                  "2017-11-20 00:00:00");
  cluster.AddPool("cad", 4, 2, "");
  cluster.AddSeat({1091, "cad", 1, "u", "h", "d", "5.6"},
                  "2017-11-20 00:00:00");
  cluster.AddPool("cad", 3, 1, "");
  cluster.pool()->set_name("cad on two");
  cluster.pool()->add_hosts("pc 1");
  cluster.pool()->add_hosts("pc2");
  cluster.AddSeat({1092, "cad", 1, "u", "h", "d", "5.6"},
                  "2017-11-20 00:00:00");
  cluster.seat()->set_pool("cad on two");
  EXPECT_THAT(
      FormatLmstat(cluster.Take(), {.usage = Usage::kAll}),
      EndsWith(
          "Users of SERIAL:  (Uncounted, node-locked)\n"
          "\n"
          "  \"SERIAL\" v6.3, vendor: acme, expiry: permanent(no expiration "
          "date)\n"
          "  uncounted nodelocked license locked to NOTHING (hostid=ANY)\n"
          "\n"
          "    u h d (v5.6) (server2.example/7402 1090), start Sun 11/19 "
          "18:00\n"
          "\n"
          "Users of cad:  (Total of 7 licenses issued;  Total of 3 licenses in "
          "use)\n"
          "\n"
          "  \"cad\" v1.0, vendor: acme, expiry: permanent(no expiration "
          "date)\n"
          "  floating license\n"
          "\n"
          "    u h d (v5.6) (server2.example/7402 1091), start Sun 11/19 "
          "18:00\n"
          "\n"
          "  \"cad\" v1.0, vendor: acme, expiry: permanent(no expiration "
          "date)\n"
          "  nodelocked license, locked to \"HOSTNAME=pc_1 HOSTNAME=pc2\"\n"
          "\n"
          "    u h d (v5.6) (server2.example/7402 1092), start Sun 11/19 "
          "18:00\n"
          "\n"));
}

TEST(LmstatTest, ALicenseThatHasEndedIsAnError) {
  ClusterByHand cluster;
  admin::v1::License* old =
      cluster.AddLicense("old", "acme", "2017-11-23 21:08:00");
  cluster.AddFeature(old, "cad", 1);
  cluster.AddPool("cad", 0, 0, "");
  EXPECT_THAT(FormatLmstat(cluster.Take(), {.usage = Usage::kAll}),
              EndsWith("Users of cad:  (Error: 1 licenses, unsupported by "
                       "licensed server)\n\n"));
}

TEST(LmstatTest, SeatsThatOutliveTheirLicenseAreShown) {
  ClusterByHand cluster;
  cluster.AddFeature(cluster.AddLicense("other", "zeta", ""), "viewer", 1);
  cluster.AddPool("cad", 0, 2, "");
  cluster.AddSeat({9, "cad", 2, "u", "h", "d", "1"}, "2017-11-20 00:00:00");
  EXPECT_THAT(
      FormatLmstat(cluster.Take(), {.usage = Usage::kAll}),
      AllOf(HasSubstr("Users of cad:  (Total of 0 licenses issued;  Total of 2 "
                      "licenses in use)\n"),
            HasSubstr("    u h d (v1) (server2.example/7402 9), start Sun "
                      "11/19 18:00, 2 licenses\n")));
}

TEST(LmstatTest, WhatApplicationsSayBreaksNoLine) {
  ClusterByHand cluster = Suite();
  cluster.AddSeat({2, "viewer", 1, "Bob (v1.0) (x/1 2), start", "a b/c", "x y",
                   "2026.1-beta+3 (rc)"},
                  "2017-11-20 00:00:00");
  EXPECT_THAT(FormatLmstat(cluster.Take(), {.usage = Usage::kAll}),
              HasSubstr("    Bob_(v1.0)_(x/1_2),_start a_b_c x_y "
                        "(v2026.1_beta_3__rc_) (server2.example/7402 2), start "
                        "Sun 11/19 18:00\n"));
}

TEST(LmstatTest, MembersOfOneHostGoByTheirNames) {
  ClusterByHand cluster = Suite();
  cluster.member(0)->set_client_endpoint("127.0.0.1:7401");
  cluster.member(1)->set_client_endpoint("127.0.0.1:7402");
  EXPECT_THAT(FormatLmstat(cluster.Take(), {}),
              AllOf(HasSubstr("status: 7401@m1,7402@m2,7403@m3\n"),
                    HasSubstr("\nm2: license server UP (MASTER) v11.13.0\n")));
  ClusterByHand six = Suite();
  six.member(0)->set_client_endpoint("[fd00::1]:7401");
  EXPECT_THAT(FormatLmstat(six.Take(), {}), HasSubstr("status: 7401@m1,7402@"));
}

TEST(LmstatTest, GrantsAreATable) {
  ClusterByHand cluster = Suite();
  cluster.AddFeature(cluster.AddLicense("other", "zeta", ""),
                     "a-feature-with-quite-a-long-name-that-fills", 1000000);
  EXPECT_EQ(
      FormatLmstatGrants(cluster.Take(), ""),
      "lmutil - Quorate, in the layout of FlexNet's lmstat.\n"
      "Flexible License Manager status on Thu 11/23/2017 15:08\n"
      "\n"
      "NOTE: lmstat -i does not show who uses what, but only what the\n"
      "      installed licenses grant.  For usage, lmstat -a is\n"
      "      recommended instead.\n"
      "\n"
      "Feature                         Version     #licenses    Vendor        "
      "Expires\n"
      "_______                         _________   _________    ______        "
      "________\n"
      "cad                             1.0         1814         acme          "
      "14-nov-2023\n"
      "solver                          1.0         1            acme          "
      "14-nov-2023\n"
      "viewer                          1.0         3            acme          "
      "14-nov-2023\n"
      "a-feature-with-quite-a-long-name-that-fills 1.0         1000000      "
      "zeta          permanent(no expiration date)\n");
  EXPECT_THAT(FormatLmstatGrants(cluster.Take(), "solver"),
              AllOf(HasSubstr("\nsolver "), Not(HasSubstr("\ncad "))));
}

TEST(LmstatTest, FailuresCarryFlexNetsNumbers) {
  const FlexError refused =
      FlexErrorOf(absl::UnavailableError("x: Connection refused"));
  EXPECT_EQ(FormatLmstatFailure(refused),
            "Error getting status: Cannot connect to license server "
            "(-15,570:111 \"Connection refused\")\n");
  EXPECT_EQ(refused.ExitCode(), 241);
  EXPECT_EQ(FlexErrorOf(absl::DeadlineExceededError("late")).text,
            "Cannot connect to license server (-15,570:110 \"Connection timed "
            "out\")");
  EXPECT_EQ(FlexErrorOf(absl::PermissionDeniedError("no")).text,
            "Cannot connect to license server (-15,570:13 \"Permission "
            "denied\")");
  EXPECT_EQ(FlexErrorOf(absl::InternalError("odd")).text, "odd");
  EXPECT_EQ(FlexErrorOf(absl::InternalError("odd")).ExitCode(), 1);
  EXPECT_EQ(FlexNoQuorum().ExitCode(), 159);
  EXPECT_EQ(FlexNoSuchFeature().ExitCode(), 251);
  EXPECT_EQ(FlexNoLicenseFile().ExitCode(), 255);
}

}  // namespace
}  // namespace quorate::foreign
