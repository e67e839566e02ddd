// SearchLogs gives the lines of the kept log by span, severity, area, event and
// text, page by page and bounded, and refuses what is no question. A client
// talks over TLS on loopback with a member whose log is written by hand.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "server/logs/log_line.h"
#include "tests/server/logs/log_folder.h"
#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

namespace monitoring = ::quorate::monitoring::v1;

constexpr int64_t kBeginMs = 1'795'000'000'000;

class MonitoringLogsTest : public testing::Test {
 protected:
  MonitoringLogsTest()
      : stub_(monitoring::MonitoringService::NewStub(
            world_.Connect(ClientNames("admin")))) {}

  // Lines "e0" to "e9", one each second, of rising severity.
  void WriteTen() {
    std::string text;
    for (int i = 0; i < 10; ++i) {
      text += EncodeLogLine({.time_ms = kBeginMs + i * 1000,
                             .severity = static_cast<LogLevel>(i / 3),
                             .area = i % 2 == 0 ? "raft" : "storage",
                             .event = absl::StrCat("e", i),
                             .member = "m1",
                             .fields = {{"by", i == 4 ? "Ann\x1b[2J" : "x"}}});
      text += '\n';
    }
    folder_.Write(0, text);
  }

  // The events, page by page.
  std::vector<std::string> Events(monitoring::SearchLogsRequest request) {
    std::vector<std::string> events;
    do {
      const grpc::Status status =
          stub_->SearchLogs(NewCall().get(), request, &last_);
      EXPECT_TRUE(status.ok()) << status.error_message();
      for (const auto& line : last_.lines())
        events.push_back(line.event());
      request.set_page_token(last_.next_page_token());
    } while (!request.page_token().empty());
    return events;
  }

  std::string ReasonFor(const monitoring::SearchLogsRequest& request) {
    return ReasonOf(stub_->SearchLogs(NewCall().get(), request, &last_));
  }

  LogFolder folder_;
  ServiceWorld world_{true, folder_.path()};
  std::unique_ptr<monitoring::MonitoringService::Stub> stub_;
  monitoring::SearchLogsResponse last_;
};

TEST_F(MonitoringLogsTest, GivesAllLinesTheNewestFirst) {
  EXPECT_THAT(Events({}), IsEmpty());
  EXPECT_TRUE(last_.kept());
  WriteTen();
  monitoring::SearchLogsRequest request;
  EXPECT_THAT(Events(request), ElementsAre("e9", "e8", "e7", "e6", "e5", "e4",
                                           "e3", "e2", "e1", "e0"));
  EXPECT_EQ(last_.header().member(), "m1");
  EXPECT_EQ(last_.header().cluster_id(), kWorldClusterId);
  const monitoring::LogLine& line = last_.lines(5);
  EXPECT_EQ(line.time().seconds(), kBeginMs / 1000 + 4);
  EXPECT_EQ(line.severity(), monitoring::LOG_SEVERITY_INFO);
  EXPECT_EQ(line.member(), "m1");
  EXPECT_EQ(line.area(), "raft");
  ASSERT_EQ(line.fields_size(), 1);
  EXPECT_EQ(line.fields(0).name(), "by");
  EXPECT_EQ(line.fields(0).value(), "Ann\x1b[2J");
  request.set_page_size(3);
  EXPECT_EQ(Events(request).size(), 10U);
  request.set_order_by("time");
  EXPECT_THAT(Events(request), ElementsAre("e0", "e1", "e2", "e3", "e4", "e5",
                                           "e6", "e7", "e8", "e9"));
}

TEST_F(MonitoringLogsTest, FindsWhatIsAskedFor) {
  WriteTen();
  monitoring::SearchLogsRequest request;
  request.set_least_severity(monitoring::LOG_SEVERITY_WARN);
  EXPECT_THAT(Events(request), ElementsAre("e9", "e8", "e7", "e6"));
  request.set_area("storage");
  EXPECT_THAT(Events(request), ElementsAre("e9", "e7"));
  request.set_event("e7");
  EXPECT_THAT(Events(request), ElementsAre("e7"));
  request.Clear();
  request.set_text("aNN");
  EXPECT_THAT(Events(request), ElementsAre("e4"));
  request.Clear();
  request.mutable_start_time()->set_seconds(kBeginMs / 1000 + 3);
  request.mutable_end_time()->set_seconds(kBeginMs / 1000 + 5);
  EXPECT_THAT(Events(request), ElementsAre("e4", "e3"));
}

TEST_F(MonitoringLogsTest, SaysWhatItCannotRead) {
  WriteTen();
  folder_.Write(1, "nonsense\n");
  monitoring::SearchLogsRequest request;
  EXPECT_EQ(Events(request).size(), 10U);
  EXPECT_EQ(last_.skipped_lines(), 1);
  EXPECT_FALSE(last_.gone());
}

TEST_F(MonitoringLogsTest, RefusesWhatIsNoQuestion) {
  WriteTen();
  monitoring::SearchLogsRequest request;
  request.set_page_size(3);
  Events(request);
  ASSERT_TRUE(stub_->SearchLogs(NewCall().get(), request, &last_).ok());
  const std::string token = last_.next_page_token();
  request.set_page_token(token);
  EXPECT_EQ(ReasonFor(request), "");
  request.set_text("else");
  EXPECT_EQ(ReasonFor(request), "BAD_REQUEST");
  request.Clear();
  request.set_page_token("x");
  EXPECT_EQ(ReasonFor(request), "BAD_REQUEST");
  request.Clear();
  request.set_order_by("event");
  EXPECT_EQ(ReasonFor(request), "BAD_REQUEST");
  request.Clear();
  request.mutable_start_time()->set_seconds(2);
  request.mutable_end_time()->set_seconds(1);
  EXPECT_EQ(ReasonFor(request), "BAD_REQUEST");
  request.Clear();
  request.set_page_size(1001);
  Events(request);
  EXPECT_EQ(last_.lines_size(), 10);
}

TEST(MonitoringLogsNotKeptTest, IsSaid) {
  ServiceWorld world;
  auto stub = monitoring::MonitoringService::NewStub(
      world.Connect(ClientNames("admin")));
  monitoring::SearchLogsResponse response;
  ASSERT_TRUE(stub->SearchLogs(NewCall().get(), {}, &response).ok());
  EXPECT_FALSE(response.kept());
  EXPECT_EQ(response.lines_size(), 0);
}

}  // namespace
}  // namespace quorate::server
