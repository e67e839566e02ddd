// Which changes of the members a leader takes, and what it says of the others.
// Each rule by a small cluster of which some members answer and some do not.

#include "replication/node/membership_rules.h"

#include <map>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace quorate::replication {
namespace {

using ::testing::HasSubstr;
using Kind = raft::MemberChange::Kind;
using raft::MemberId;

raft::MemberAddress Address(uint64_t id, bool promote = false) {
  const std::string number = std::to_string(id);
  return {.id = MemberId(id),
          .name = "m" + number,
          .peer_endpoint = "host" + number + ":7411",
          .client_endpoint = "host" + number + ":7401",
          .promote = promote};
}

// Three voters, of whom the first leads, and one learner.
class MembershipRulesTest : public ::testing::Test {
 protected:
  MembershipRulesTest() {
    current_.membership.voters = {MemberId(1), MemberId(2), MemberId(3)};
    current_.membership.learners = {MemberId(4)};
    for (uint64_t id = 1; id <= 4; ++id) {
      current_.addresses.push_back(Address(id));
    }
  }

  template <typename Judge>
  auto WithView(const Judge& judge) const {
    const auto answers = [this](MemberId id) {
      return silent_.count(id.value()) == 0;
    };
    const auto match = [this](MemberId id) {
      const auto it = match_.find(id.value());
      return raft::Index(it == match_.end() ? 10'000 : it->second);
    };
    return judge(MembershipView{.current = current_,
                                .leader = MemberId(1),
                                .commit = raft::Index(10'000),
                                .answers = answers,
                                .match = match});
  }

  absl::Status Check(const raft::ConfigurationChange& change) const {
    return WithView([&change](const MembershipView& view) {
      return CheckChange(view, change);
    });
  }

  static raft::ConfigurationChange One(Kind kind, uint64_t id) {
    return {.changes = {{.kind = kind, .id = MemberId(id)}}, .addresses = {}};
  }

  static raft::ConfigurationChange Add(raft::MemberAddress address) {
    return {.changes = {{.kind = Kind::kAddLearner, .id = address.id}},
            .addresses = {address}};
  }

  raft::Configuration current_;
  std::set<uint64_t> silent_;
  std::map<uint64_t, uint64_t> match_;
};

TEST_F(MembershipRulesTest, TakeALearnerWithAnAddressOfItsOwn) {
  EXPECT_TRUE(Check(Add(Address(5))).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(Check(One(Kind::kAddLearner, 5))));
  for (const auto change :
       {&raft::MemberAddress::name, &raft::MemberAddress::peer_endpoint,
        &raft::MemberAddress::client_endpoint}) {
    raft::MemberAddress address = Address(5);
    address.*change = Address(2).*change;
    const absl::Status status = Check(Add(address));
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("m2"));
    address.*change = "";
    EXPECT_TRUE(absl::IsInvalidArgument(Check(Add(address))));
  }
}

TEST_F(MembershipRulesTest, LetANewMemberHaveTheNameOfTheOneItReplaces) {
  raft::MemberAddress address = Address(3);
  address.id = MemberId(33);
  raft::ConfigurationChange change = Add(address);
  EXPECT_TRUE(absl::IsInvalidArgument(Check(change)));
  change.changes.push_back({.kind = Kind::kRemove, .id = MemberId(3)});
  EXPECT_TRUE(Check(change).ok());
}

TEST_F(MembershipRulesTest, BoundTheNumberOfMembers) {
  for (uint64_t id = 5; id <= kMaxClusterMembers; ++id) {
    current_.membership.learners.push_back(MemberId(id));
    current_.addresses.push_back(Address(id));
  }
  EXPECT_TRUE(absl::IsInvalidArgument(Check(Add(Address(50)))));
}

TEST_F(MembershipRulesTest, PromoteOnlyALearnerThatHasCaughtUpAndAnswers) {
  EXPECT_TRUE(Check(One(Kind::kAddVoter, 4)).ok());
  match_[4] = 10'000 - kCaughtUpEntries;
  EXPECT_TRUE(Check(One(Kind::kAddVoter, 4)).ok());
  --match_[4];
  absl::Status status = Check(One(Kind::kAddVoter, 4));
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("4097 entries behind"));
  match_.clear();
  silent_ = {4};
  status = Check(One(Kind::kAddVoter, 4));
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("does not answer"));
  // Not yet a learner: nothing of the log is there.
  EXPECT_FALSE(Check({.changes = {{.kind = Kind::kAddVoter, .id = MemberId(5)}},
                      .addresses = {Address(5)}})
                   .ok());
}

TEST_F(MembershipRulesTest, KeepAMajorityThatAnswers) {
  silent_ = {2};
  EXPECT_TRUE(Check(One(Kind::kRemove, 2)).ok());
  const absl::Status status = Check(One(Kind::kRemove, 3));
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("bring back m2"));
  // A learner's silence is nobody's loss.
  silent_ = {4};
  EXPECT_TRUE(Check(One(Kind::kRemove, 3)).ok());
}

TEST_F(MembershipRulesTest, RefuseWhatMakesNoSense) {
  EXPECT_TRUE(absl::IsInvalidArgument(Check(One(Kind::kRemove, 0))));
  EXPECT_TRUE(absl::IsInvalidArgument(
      Check({.changes = {{.kind = Kind::kRemove, .id = MemberId(4)},
                         {.kind = Kind::kAddVoter, .id = MemberId(4)}},
             .addresses = {}})));
  EXPECT_TRUE(absl::IsFailedPrecondition(Check(Add(Address(2)))));
  EXPECT_TRUE(absl::IsFailedPrecondition(
      Check({.changes = {{.kind = Kind::kUpdate, .id = MemberId(9)}},
             .addresses = {Address(9)}})));
}

TEST_F(MembershipRulesTest, KnowWhatIsDone) {
  EXPECT_TRUE(IsDone(current_, One(Kind::kRemove, 9)));
  EXPECT_FALSE(IsDone(current_, One(Kind::kRemove, 4)));
  EXPECT_TRUE(IsDone(current_, One(Kind::kAddVoter, 2)));
  EXPECT_FALSE(IsDone(current_, One(Kind::kAddVoter, 4)));
  EXPECT_TRUE(IsDone(current_, Add(Address(4))));
  EXPECT_TRUE(IsDone(current_, Add(Address(3))));  // Promoted meanwhile.
  EXPECT_FALSE(IsDone(current_, Add(Address(5))));
  raft::ConfigurationChange update = Add(Address(2));
  update.changes[0].kind = Kind::kUpdate;
  EXPECT_TRUE(IsDone(current_, update));
  update.addresses[0].client_endpoint = "elsewhere:1";
  EXPECT_FALSE(IsDone(current_, update));
}

TEST_F(MembershipRulesTest, HandLeadershipToVotersThatAnswer) {
  const auto check = [this](uint64_t to) {
    return WithView([to](const MembershipView& view) {
      return CheckTransfer(view, MemberId(to));
    });
  };
  silent_ = {3};
  EXPECT_TRUE(check(0).ok());
  EXPECT_TRUE(check(2).ok());
  EXPECT_FALSE(check(3).ok());
  EXPECT_FALSE(check(4).ok());
  EXPECT_FALSE(check(5).ok());
}

TEST_F(MembershipRulesTest, PromoteThoseWhoAreToBePromoted) {
  const auto chosen = [this] {
    return WithView([](const MembershipView& view) {
      return LearnerToPromote(view).value();
    });
  };
  EXPECT_EQ(chosen(), 0u);
  current_.addresses[3].promote = true;
  EXPECT_EQ(chosen(), 4u);
  match_[4] = 17;
  EXPECT_EQ(chosen(), 0u);
}

}  // namespace
}  // namespace quorate::replication
