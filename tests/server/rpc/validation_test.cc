// What the protos promise about fields is held, and a wrong one is named by
// its path. Each rule is tried at its limit and one beyond.

#include "server/rpc/validation.h"

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace quorate::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The fields that `check` finds fault with.
std::vector<std::string> Fields(
    const std::function<void(FieldFaults*)>& check) {
  FieldFaults faults;
  check(&faults);
  std::vector<std::string> fields;
  for (const FieldFault& fault : std::move(faults).ToRefusal().fields) {
    fields.push_back(fault.field);
    EXPECT_FALSE(fault.description.empty());
  }
  return fields;
}

TEST(ValidationTest, RequestIds) {
  const auto fields = [](const std::string& id) {
    return Fields([&](FieldFaults* faults) { CheckRequestId(id, faults); });
  };
  EXPECT_THAT(fields("0b7e6a4c-6f3f-4bb0-9a63-0d1a6f6e2a10"), IsEmpty());
  EXPECT_THAT(fields(std::string(64, '!')), IsEmpty());
  for (const std::string& bad :
       {std::string(), std::string(65, 'a'), std::string("a b"),
        std::string("a\tb"), std::string("\xc3\xa9"), std::string("a\0b", 3)}) {
    EXPECT_THAT(fields(bad), ElementsAre("request_id")) << bad;
  }
}

TEST(ValidationTest, SessionNames) {
  EXPECT_EQ(ParseSessionName("sessions/1"), 1U);
  EXPECT_EQ(ParseSessionName("sessions/9999999999999999999"),
            9999999999999999999U);
  for (const char* bad :
       {"", "sessions/", "sessions/0", "sessions/01", "sessions/-1",
        "sessions/+1", "sessions/1 ", "session/1", "sessions/1/",
        "sessions/18446744073709551616", "sessions/0x1", "Sessions/1"}) {
    EXPECT_EQ(ParseSessionName(bad), std::nullopt) << bad;
    EXPECT_THAT(Fields([&](FieldFaults* faults) {
                  CheckSessionName(bad, "session", faults);
                }),
                ElementsAre("session"));
  }
  EXPECT_EQ(ParseSessionName(SessionName(42)), 42U);
}

TEST(ValidationTest, LicenseNames) {
  EXPECT_EQ(ParseLicenseName("licenses/ACME-2026.1_x"), "ACME-2026.1_x");
  EXPECT_EQ(ParseLicenseName(LicenseName(std::string(64, 'a'))),
            std::string(64, 'a'));
  for (const std::string& bad :
       {std::string(), std::string("licenses/"), std::string("L1"),
        std::string("licenses/a/b"), LicenseName(std::string(65, 'a'))}) {
    EXPECT_EQ(ParseLicenseName(bad), std::nullopt) << bad;
  }
}

TEST(ValidationTest, Clients) {
  checkout::v1::ClientDescription client;
  const auto fields = [&client] {
    return Fields([&](FieldFaults* faults) { CheckClient(client, faults); });
  };
  EXPECT_THAT(fields(), ElementsAre("client.user", "client.host"));
  client.set_user("ann");
  client.set_host(std::string(256, 'h'));
  client.set_project("\xc3\xa9t\xc3\xa9");
  EXPECT_THAT(fields(), IsEmpty());
  client.set_host(std::string(257, 'h'));
  client.set_display(":0\n");
  client.set_application(std::string(257, 'a'));
  client.set_version("\x7f");
  client.set_project(std::string("a\0b", 3));
  client.set_process_id(-1);
  EXPECT_THAT(fields(), ElementsAre("client.host", "client.display",
                                    "client.application", "client.version",
                                    "client.project", "client.process_id"));
}

TEST(ValidationTest, TimesToLive) {
  const auto ttl = [](int64_t seconds, int32_t nanos) -> int64_t {
    checkout::v1::OpenSessionRequest request;
    request.mutable_ttl()->set_seconds(seconds);
    request.mutable_ttl()->set_nanos(nanos);
    FieldFaults faults;
    const int64_t ms = CheckTtl(request, &faults);
    return faults.empty() ? ms : -1;
  };
  FieldFaults faults;
  EXPECT_EQ(CheckTtl(checkout::v1::OpenSessionRequest(), &faults), 120'000);
  EXPECT_EQ(ttl(10, 0), 10'000);
  EXPECT_EQ(ttl(10, 500'000'000), 10'500);
  EXPECT_EQ(ttl(3600, 0), 3'600'000);
  EXPECT_EQ(ttl(9, 999'999'999), -1);
  EXPECT_EQ(ttl(3600, 1'000'000), -1);
  EXPECT_EQ(ttl(0, 0), -1);
  EXPECT_EQ(ttl(-10, 0), -1);
  EXPECT_EQ(ttl(11, -1), -1);
  EXPECT_EQ(ttl(11, 1'000'000'000), -1);
  EXPECT_EQ(ttl(std::numeric_limits<int64_t>::max(), 0), -1);
}

TEST(ValidationTest, Items) {
  checkout::v1::CheckoutRequest request;
  const auto fields = [&request] {
    return Fields(
        [&](FieldFaults* faults) { CheckItems(request.items(), faults); });
  };
  EXPECT_THAT(fields(), ElementsAre("items"));
  for (int i = 0; i < 64; ++i)
    request.add_items()->set_feature("cad_3-D");
  EXPECT_THAT(fields(), IsEmpty());
  request.mutable_items(2)->set_feature("");
  request.mutable_items(3)->set_feature("a b");
  request.mutable_items(4)->set_feature(std::string(65, 'a'));
  EXPECT_THAT(fields(), ElementsAre("items[2].feature", "items[3].feature",
                                    "items[4].feature"));
  request.add_items()->set_feature("cad");
  EXPECT_THAT(fields(), ElementsAre("items"));
}

TEST(ValidationTest, Seats) {
  checkout::v1::CheckinRequest request;
  const auto fields = [&request] {
    return Fields(
        [&](FieldFaults* faults) { CheckSeats(request.seats(), faults); });
  };
  EXPECT_THAT(fields(), ElementsAre("seats"));
  for (int i = 0; i < 1000; ++i)
    request.add_seats(i + 1);
  EXPECT_THAT(fields(), IsEmpty());
  request.set_seats(7, 0);
  EXPECT_THAT(fields(), ElementsAre("seats[7]"));
  request.add_seats(1001);
  EXPECT_THAT(fields(), ElementsAre("seats"));
}

TEST(ValidationTest, Consistency) {
  using type::v1::Consistency;
  const auto fields = [](int kind, uint64_t index) {
    Consistency consistency;
    consistency.set_kind(static_cast<Consistency::Kind>(kind));
    consistency.set_index(index);
    return Fields(
        [&](FieldFaults* faults) { CheckConsistency(consistency, faults); });
  };
  EXPECT_THAT(fields(Consistency::KIND_UNSPECIFIED, 0), IsEmpty());
  EXPECT_THAT(fields(Consistency::KIND_AT_LEAST, 5), IsEmpty());
  EXPECT_THAT(fields(Consistency::KIND_AT_LEAST, 0),
              ElementsAre("consistency.index"));
  EXPECT_THAT(fields(Consistency::KIND_LOCAL, 5),
              ElementsAre("consistency.index"));
  EXPECT_THAT(fields(99, 0), ElementsAre("consistency.kind"));
}

TEST(ValidationTest, PagesAndOrder) {
  FieldFaults faults;
  EXPECT_EQ(CheckPageSize(0, &faults), 100);
  EXPECT_EQ(CheckPageSize(1, &faults), 1);
  EXPECT_EQ(CheckPageSize(100'000, &faults), 1000);
  CheckOrderBy("", "name", &faults);
  CheckOrderBy("name", "name", &faults);
  EXPECT_TRUE(faults.empty());
  CheckPageSize(-1, &faults);
  CheckOrderBy("name desc", "name", &faults);
  EXPECT_EQ(std::move(faults).ToRefusal().fields.size(), 2U);
}

TEST(ValidationTest, CollectsAFewFaultsAndNoMore) {
  FieldFaults faults;
  for (int i = 0; i < 1000; ++i)
    faults.Add("field", "is wrong");
  EXPECT_EQ(std::move(faults).ToRefusal().fields.size(), 16U);
}

}  // namespace
}  // namespace quorate::server
