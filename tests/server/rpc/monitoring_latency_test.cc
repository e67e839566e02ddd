// GetLatency tells how many calls were answered and how long they took, by kind
// and by step, and refuses what is no question. A client talks over TLS on
// loopback with a member whose node is replaced.

#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

namespace checkout = ::quorate::checkout::v1;
namespace monitoring = ::quorate::monitoring::v1;

absl::Duration SpanOf(const google::protobuf::Duration& span) {
  return absl::Seconds(span.seconds()) + absl::Nanoseconds(span.nanos());
}

class MonitoringLatencyTest : public testing::Test {
 protected:
  MonitoringLatencyTest()
      : stub_(monitoring::MonitoringService::NewStub(
            world_.Connect(ClientNames("monitor")))) {}

  monitoring::GetLatencyResponse Ask(
      const monitoring::GetLatencyRequest& request = {}) {
    monitoring::GetLatencyResponse response;
    const grpc::Status status =
        stub_->GetLatency(NewCall().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  // How many of each kind, of the last hours, so that no minute ends between.
  std::map<monitoring::LatencyKind, uint64_t> Counts() {
    monitoring::GetLatencyRequest request;
    request.mutable_step()->set_seconds(24 * 3600);
    std::map<monitoring::LatencyKind, uint64_t> counts;
    const monitoring::GetLatencyResponse response = Ask(request);
    for (const auto& series : response.series()) {
      EXPECT_EQ(series.member(), "m1");
      uint64_t sum = 0;
      for (const auto& point : series.points())
        sum += point.count();
      EXPECT_EQ(series.total().count(), sum);
      counts[series.kind()] += sum;
    }
    return counts;
  }

  std::string ReasonFor(const monitoring::GetLatencyRequest& request) {
    monitoring::GetLatencyResponse response;
    return ReasonOf(stub_->GetLatency(NewCall().get(), request, &response));
  }

  ServiceWorld world_;
  std::unique_ptr<monitoring::MonitoringService::Stub> stub_;
};

TEST_F(MonitoringLatencyTest, CountsTheCallsThatWereAnswered) {
  EXPECT_THAT(Counts(), IsEmpty());
  auto licenses =
      admin::v1::LicenseService::NewStub(world_.Connect(ClientNames("admin")));
  admin::v1::InstallLicenseRequest install;
  install.set_request_id("install");
  install.set_license_file(world_.LicenseFile("L1", 1, "cad", 2));
  admin::v1::InstallLicenseResponse installed;
  ASSERT_TRUE(
      licenses->InstallLicense(NewCall().get(), install, &installed).ok());
  auto alice =
      checkout::CheckoutService::NewStub(world_.Connect(ClientNames("alice")));
  checkout::OpenSessionRequest open;
  open.set_request_id("open");
  open.mutable_client()->set_user("ann");
  open.mutable_client()->set_host("ws1");
  checkout::OpenSessionResponse opened;
  ASSERT_TRUE(alice->OpenSession(NewCall().get(), open, &opened).ok());
  for (int i = 0; i < 3; ++i) {
    checkout::CheckoutRequest take;
    take.set_request_id(absl::StrCat("take-", i));
    take.set_session(opened.session());
    auto* item = take.add_items();
    item->set_feature("cad");
    item->set_count(1);
    checkout::CheckoutResponse taken;
    // The third is refused, and counts too.
    EXPECT_EQ(alice->Checkout(NewCall().get(), take, &taken).ok(), i < 2);
  }
  EXPECT_THAT(Counts(), ElementsAre(Pair(monitoring::LATENCY_KIND_CHECKOUT, 3),
                                    Pair(monitoring::LATENCY_KIND_CHANGE, 2)));
}

TEST_F(MonitoringLatencyTest, SaysHowLongTheyTook) {
  for (int i = 1; i <= 100; ++i)
    world_.latencies().sync().Record(absl::Milliseconds(i));
  world_.latencies().RecordRoundTrip(7, absl::Microseconds(300));
  const monitoring::GetLatencyResponse response = Ask();
  EXPECT_EQ(response.header().member(), "m1");
  EXPECT_EQ(response.step().seconds(), 60);
  EXPECT_EQ(response.start_time().seconds() % 60, 0);
  ASSERT_EQ(response.series_size(), 2);
  const monitoring::LatencySeries& sync = response.series(0);
  EXPECT_EQ(sync.kind(), monitoring::LATENCY_KIND_SYNC);
  EXPECT_EQ(sync.total().count(), 100U);
  EXPECT_EQ(SpanOf(sync.total().max()), absl::Milliseconds(100));
  for (const auto& [said, exact] :
       {std::pair(sync.total().p50(), 50), std::pair(sync.total().p90(), 90),
        std::pair(sync.total().p99(), 99)}) {
    EXPECT_GE(SpanOf(said), absl::Milliseconds(exact));
    EXPECT_LE(SpanOf(said), absl::Milliseconds(exact) * 1.126);
  }
  const monitoring::LatencySeries& trip = response.series(1);
  EXPECT_EQ(trip.kind(), monitoring::LATENCY_KIND_ROUND_TRIP);
  EXPECT_EQ(trip.peer(), "7");
  EXPECT_EQ(SpanOf(trip.total().p50()), absl::Microseconds(300));
}

TEST_F(MonitoringLatencyTest, OfAnotherTimeThereIsNothing) {
  world_.latencies().sync().Record(absl::Milliseconds(1));
  monitoring::GetLatencyRequest request;
  request.mutable_start_time()->set_seconds(1);
  request.mutable_end_time()->set_seconds(1'000'000'000);
  EXPECT_EQ(Ask(request).series_size(), 0);
  request.mutable_end_time()->set_seconds(253'402'300'799);
  EXPECT_EQ(Ask(request).series_size(), 1);
}

TEST_F(MonitoringLatencyTest, RefusesWhatIsNoQuestion) {
  monitoring::GetLatencyRequest request;
  request.mutable_step()->set_seconds(90);
  EXPECT_EQ(ReasonFor(request), "BAD_REQUEST");
  request.mutable_step()->set_seconds(25 * 3600);
  EXPECT_EQ(ReasonFor(request), "BAD_REQUEST");
  request.Clear();
  request.mutable_start_time()->set_seconds(2);
  request.mutable_end_time()->set_seconds(1);
  EXPECT_EQ(ReasonFor(request), "BAD_REQUEST");
}

}  // namespace
}  // namespace quorate::server
