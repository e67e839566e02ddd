// Property: the history is one: the same question gets the same bytes on every
// member, also after the leader was killed and after a member lost its data and
// came back.
// Method: real processes; seats are taken, refused and given back, then the
// command line asks each member for usage and denials in every form.

#include <filesystem>
#include <fstream>
#include <memory>
#include <signal.h>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "tests/e2e/api.h"
#include "tests/e2e/failover_report.h"
#include "tests/e2e/test_cluster.h"

namespace quorate::e2e {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kLimit = absl::Seconds(60);

class HistoryTest : public testing::Test {
 protected:
  void SetUp() override {
    auto cluster = TestCluster::Start();
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
    const absl::Time now = SystemClock().Calendar();
    from_ = absl::FormatTime(absl::RFC3339_sec, now - absl::Hours(24),
                             absl::UTCTimeZone());
    until_ = absl::FormatTime(absl::RFC3339_sec, now + absl::Hours(2),
                              absl::UTCTimeZone());
  }

  // A user takes seats one by one, more than there are, and gives all back.
  void UseSeats(const std::string& user, int asks) {
    Api api(cluster_->Member(WaitForLeader(*cluster_)).endpoint,
            cluster_->environment());
    checkout::v1::OpenSessionRequest open;
    open.set_request_id(absl::StrCat("open-", user));
    open.mutable_client()->set_user(user);
    open.mutable_client()->set_host(absl::StrCat("ws-", user));
    open.mutable_client()->set_project("wing");
    checkout::v1::OpenSessionResponse opened;
    ASSERT_TRUE(Call(&api, &checkout::v1::CheckoutService::Stub::OpenSession,
                     open, &opened));
    for (int i = 0; i < asks; ++i) {
      checkout::v1::CheckoutRequest take;
      take.set_request_id(absl::StrCat("take-", user, "-", i));
      take.set_session(opened.session());
      auto* item = take.add_items();
      item->set_feature("cad");
      item->set_count(1);
      checkout::v1::CheckoutResponse taken;
      Call(&api, &checkout::v1::CheckoutService::Stub::Checkout, take, &taken);
    }
    checkout::v1::CloseSessionRequest close;
    close.set_request_id(absl::StrCat("close-", user));
    close.set_session(opened.session());
    checkout::v1::CloseSessionResponse closed;
    ASSERT_TRUE(Call(&api, &checkout::v1::CheckoutService::Stub::CloseSession,
                     close, &closed));
  }

  template <typename Method, typename Request, typename Response>
  static bool Call(Api* api, Method method, const Request& request,
                   Response* response) {
    grpc::ClientContext context;
    SetDeadline(&context, kLimit);
    return (api->checkout().*method)(&context, request, response).ok();
  }

  // What one member answers to each question.
  std::vector<std::string> AnswersOf(const std::string& member) const {
    std::vector<std::string> answers;
    const Environment environment =
        cluster_->EnvironmentWith(cluster_->Member(member).endpoint);
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{
             {"usage", "--by", "feature", "--format", "jsonl"},
             {"usage", "cad", "--by", "user", "--format", "csv"},
             {"usage", "cad", "--by", "hour", "--format", "jsonl"},
             {"usage", "--by", "project", "--format", "table"},
             {"denials", "--format", "csv"}}) {
      std::vector<std::string> line = words;
      line.insert(line.end(), {"--from", from_, "--until", until_});
      const CommandResult result = cluster_->Quorate(line, environment);
      EXPECT_EQ(result.exit_code, 0) << result.errors;
      answers.push_back(result.output);
    }
    return answers;
  }

  void ExpectOneHistory() {
    const std::vector<std::string> first = AnswersOf("m1");
    EXPECT_EQ(AnswersOf("m2"), first);
    EXPECT_EQ(AnswersOf("m3"), first);
    // Of 22 ann did not get two.
    EXPECT_TRUE(absl::StrContains(first[0], "\"denials\":\"2\"")) << first[0];
    EXPECT_TRUE(absl::StrContains(first[1], "cad,ann,,20,")) << first[1];
    EXPECT_TRUE(absl::StrContains(first[1], "cad,bob,,3,")) << first[1];
    EXPECT_TRUE(absl::StrContains(first[2], "\"peak\":\"20\"")) << first[2];
    EXPECT_TRUE(absl::StrContains(first[4],
                                  "cad,POOL_EXHAUSTED,,ann,ws-ann,wing,,2,1,"))
        << first[4];
  }

  // Waits until it serves again.
  void AwaitService(const std::string& member) const {
    const Environment environment =
        cluster_->EnvironmentWith(cluster_->Member(member).endpoint);
    const absl::Duration end = SystemClock().SinceBoot() + kLimit;
    while (cluster_->Quorate({"pools"}, environment).exit_code != 0) {
      ASSERT_LT(SystemClock().SinceBoot(), end) << member;
    }
  }

  std::unique_ptr<TestCluster> cluster_;
  std::string from_;
  std::string until_;
};

TEST_F(HistoryTest, IsTheSameOnEveryMemberAfterEverything) {
  UseSeats("ann", 22);
  UseSeats("bob", 3);
  ExpectOneHistory();

  const std::string leader = WaitForLeader(*cluster_);
  cluster_->Signal(leader, SIGKILL);
  ASSERT_FALSE(WaitForLeader(*cluster_).empty());
  ASSERT_TRUE(cluster_->Restart(leader).ok());
  AwaitService(leader);
  ExpectOneHistory();

  // Its log is damaged: it puts all of its data aside and comes back as one
  // that has nothing.
  const std::string lost = WaitForLeader(*cluster_) == "m3" ? "m2" : "m3";
  const fs::path data = cluster_->Member(lost).data_dir;
  cluster_->Signal(lost, SIGKILL);
  std::ofstream(data / "raft" / "CURRENT") << "nothing\n";
  ASSERT_TRUE(cluster_->Restart(lost).ok());
  AwaitService(lost);
  bool was_put_aside = false;
  for (const auto& item : fs::directory_iterator(data)) {
    was_put_aside |=
        absl::StartsWith(item.path().filename().string(), "quarantine-");
  }
  EXPECT_TRUE(was_put_aside);
  ExpectOneHistory();
}

}  // namespace
}  // namespace quorate::e2e
