// A session is taken up again with the seats that it holds, by who may, and
// handed on without a return. By clients that come one after the other to
// scripted members.

#include <memory>
#include <optional>

#include "gtest/gtest.h"

#include "client/client.h"
#include "client/error.h"
#include "tests/client/fake_cluster.h"
#include "tests/client/test_certificates.h"

namespace quorate {
namespace {

class AttachTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { certificates_ = new TestCertificates(); }

  static void TearDownTestSuite() {
    delete certificates_;
    certificates_ = nullptr;
  }

  void SetUp() override {
    cluster_.SetPool("cad", 10);
    first_ = *Client::Create(cluster_.Options());
    session_ = *first_->OpenSession({.application = "test"});
    one_ = *session_->Checkout("cad", 1);
    two_ = *session_->Checkout("cad", 2);
    name_ = session_->name();
  }

  // As a process that was killed: nothing goes back.
  void Leave() { session_->Detach(); }

  static TestCertificates* certificates_;
  FakeCluster cluster_{certificates_, 2};
  std::unique_ptr<Client> first_;
  std::unique_ptr<Session> session_;
  Seat one_;
  Seat two_;
  std::string name_;
};

TestCertificates* AttachTest::certificates_ = nullptr;

TEST_F(AttachTest, GivesTheSameSeats) {
  Leave();
  EXPECT_FALSE(one_.IsValid());
  EXPECT_FALSE(session_->IsValid());
  const auto second = *Client::Create(cluster_.Options());
  auto attached = second->Attach(name_, {});
  ASSERT_TRUE(attached.ok()) << attached.status();
  EXPECT_EQ(attached->session->name(), name_);
  EXPECT_TRUE(attached->session->IsValid());
  ASSERT_EQ(attached->seats.size(), 2u);
  EXPECT_EQ(attached->seats[0].handle(), one_.handle());
  EXPECT_EQ(attached->seats[0].grant_time(), one_.grant_time());
  EXPECT_EQ(attached->seats[1].handle(), two_.handle());
  EXPECT_EQ(attached->seats[1].count(), 2u);
  EXPECT_TRUE(attached->seats[1].IsValid());
  // The old ones are nothing any more.
  one_ = Seat();
  session_.reset();
  first_.reset();
  EXPECT_EQ(cluster_.SeatsOut("cad"), 3u);
  EXPECT_EQ(cluster_.SessionsOpen(), 1u);
  EXPECT_TRUE(attached->seats[0].Return().ok());
  EXPECT_EQ(cluster_.SeatsOut("cad"), 2u);
  EXPECT_TRUE(attached->session->Close().ok());
  EXPECT_EQ(cluster_.SessionsOpen(), 0u);
}

TEST_F(AttachTest, GoesToAnotherMember) {
  Leave();
  cluster_.SetConduct(0, Conduct::kNoQuorum);
  const auto second = *Client::Create(cluster_.Options());
  EXPECT_TRUE(second->Attach(name_, {}).ok());
}

TEST_F(AttachTest, SaysThatTheSessionIsGone) {
  Leave();
  cluster_.EndSession(name_);
  EXPECT_EQ(ReasonOf(first_->Attach(name_, {}).status()),
            ErrorReason::kSessionNotFound);
  EXPECT_TRUE(absl::IsInvalidArgument(first_->Attach("", {}).status()));
}

TEST_F(AttachTest, RefusesWhatThisClientHas) {
  EXPECT_TRUE(absl::IsFailedPrecondition(first_->Attach(name_, {}).status()));
  EXPECT_TRUE(one_.IsValid());
}

}  // namespace
}  // namespace quorate
