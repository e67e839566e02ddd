// What is encoded comes back with every field, and what breaks a rule of its
// type is refused. Random values for the first, one broken rule at a time for
// the second.

#include "replication/wire/entry_codec.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

#include "quorate/internal/v1/raft.pb.h"

#include "replication/wire/limits.h"
#include "tests/replication/wire/sample_messages.h"
#include "tests/support/seed.h"

namespace quorate::replication {
namespace {

using raft::Index;
using raft::Term;

TEST(EntryCodecTest, EntriesComeBackWithEveryField) {
  for (const uint64_t seed : TestSeeds(1, 2000)) {
    SCOPED_TRACE(ReplayLine(seed, "entry_codec_test", "*"));
    Random random(seed);
    const raft::Entry entry =
        SampleEntry(&random, Index(random.Between(1, kMaxIndexOrTerm)),
                    Term(random.Between(1, kMaxIndexOrTerm)));
    internal::v1::Entry proto;
    EncodeEntry(entry, &proto);
    std::string bytes = proto.SerializeAsString();
    internal::v1::Entry parsed;
    ASSERT_TRUE(parsed.ParseFromString(bytes));
    const auto decoded = DecodeEntry(std::move(parsed));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(Describe(*decoded), Describe(entry));
    EXPECT_TRUE(raft::SameEntry(*decoded, entry));
  }
}

TEST(EntryCodecTest, EncodingOverwritesWhatWasThere) {
  Random random(1);
  internal::v1::Entry proto;
  raft::Configuration configuration = SampleConfiguration(&random);
  EncodeConfiguration(configuration, proto.mutable_configuration());
  proto.set_payload("left over");
  EncodeEntry(raft::Entry{.index = Index(1), .term = Term(1)}, &proto);
  EXPECT_TRUE(DecodeEntry(std::move(proto)).ok());

  internal::v1::Configuration reused;
  EncodeConfiguration(SampleConfiguration(&random), &reused);
  EncodeConfiguration(configuration, &reused);
  const auto decoded = DecodeConfiguration(reused);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, configuration);
}

TEST(EntryCodecTest, PayloadsAreMovedNotCopied) {
  internal::v1::Entry proto;
  EncodeEntry(raft::Entry{.index = Index(1),
                          .term = Term(1),
                          .type = raft::EntryType::kCommand,
                          .payload = std::make_shared<const std::string>(
                              std::string(1000, 'x'))},
              &proto);
  const char* const place = proto.payload().data();
  const auto decoded = DecodeEntry(std::move(proto));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->payload->data(), place);
}

TEST(EntryCodecTest, HardStatesComeBack) {
  for (const raft::HardState& state :
       {raft::HardState{}, raft::HardState{.term = Term(7),
                           .vote = raft::MemberId(~uint64_t{0}),
                           .commit = Index(kMaxIndexOrTerm)}}) {
    internal::v1::HardState proto;
    EncodeHardState(state, &proto);
    const auto decoded = DecodeHardState(proto);
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, state);
  }
  internal::v1::HardState beyond;
  beyond.set_term(kMaxIndexOrTerm + 1);
  EXPECT_EQ(DecodeHardState(beyond).status().code(),
            absl::StatusCode::kInvalidArgument);
}

internal::v1::Entry GoodEntry() {
  internal::v1::Entry proto;
  proto.set_index(3);
  proto.set_term(2);
  proto.set_type(internal::v1::ENTRY_TYPE_CONFIGURATION);
  internal::v1::Configuration* configuration = proto.mutable_configuration();
  for (const uint64_t id : {5, 7, 9}) {
    configuration->add_voters(id);
    configuration->add_addresses()->set_id(id);
  }
  return proto;
}

struct BrokenRule {
  const char* name;
  std::function<void(internal::v1::Entry*)> break_it;
};

std::vector<BrokenRule> RulesOfAnEntry() {
  using internal::v1::Entry;
  return {
      {"no index", [](Entry* e) { e->set_index(0); }},
      {"index out of range",
       [](Entry* e) { e->set_index(kMaxIndexOrTerm + 1); }},
      {"no term", [](Entry* e) { e->set_term(0); }},
      {"term out of range", [](Entry* e) { e->set_term(~uint64_t{0}); }},
      {"no type",
       [](Entry* e) { e->set_type(internal::v1::ENTRY_TYPE_UNSPECIFIED); }},
      {"a type of the future",
       [](Entry* e) { e->set_type(static_cast<internal::v1::EntryType>(9)); }},
      {"no configuration", [](Entry* e) { e->clear_configuration(); }},
      {"configuration in a no-op",
       [](Entry* e) { e->set_type(internal::v1::ENTRY_TYPE_NOOP); }},
      {"configuration in a command",
       [](Entry* e) { e->set_type(internal::v1::ENTRY_TYPE_COMMAND); }},
      {"payload in a configuration", [](Entry* e) { e->set_payload("x"); }},
      {"a huge payload",
       [](Entry* e) {
         e->Clear();
         e->set_index(1);
         e->set_term(1);
         e->set_type(internal::v1::ENTRY_TYPE_COMMAND);
         e->set_payload(std::string(kMaxPayloadBytes + 1, 'x'));
       }},
  };
}

std::vector<BrokenRule> RulesOfAConfiguration() {
  using internal::v1::Entry;
  return {
      // Addresses that fit, so that only the voters are wrong.
      {"voter zero",
       [](Entry* e) {
         e->mutable_configuration()->set_voters(0, 0);
         e->mutable_configuration()->mutable_addresses(0)->set_id(0);
       }},
      {"unsorted voters",
       [](Entry* e) {
         e->mutable_configuration()->mutable_voters()->SwapElements(0, 1);
       }},
      {"a voter twice",
       [](Entry* e) { e->mutable_configuration()->add_voters(9); }},
      {"no voters",
       [](Entry* e) {
         e->mutable_configuration()->Clear();
         e->mutable_configuration()->add_learners(5);
         e->mutable_configuration()->add_addresses()->set_id(5);
       }},
      {"a learner that votes",
       [](Entry* e) { e->mutable_configuration()->add_learners(7); }},
      {"a learner that voted before",
       [](Entry* e) {
         e->mutable_configuration()->add_voters_outgoing(11);
         e->mutable_configuration()->add_learners(11);
         e->mutable_configuration()->add_addresses()->set_id(11);
       }},
      {"a member without address",
       [](Entry* e) {
         e->mutable_configuration()->mutable_addresses()->RemoveLast();
       }},
      {"an address without member",
       [](Entry* e) {
         e->mutable_configuration()->add_addresses()->set_id(11);
       }},
      {"addresses in another order",
       [](Entry* e) {
         e->mutable_configuration()->mutable_addresses()->SwapElements(0, 1);
       }},
      {"a long name",
       [](Entry* e) {
         e->mutable_configuration()->mutable_addresses(0)->set_name(
             std::string(kMaxMemberNameBytes + 1, 'x'));
       }},
      {"a long peer endpoint",
       [](Entry* e) {
         e->mutable_configuration()->mutable_addresses(0)->set_peer_endpoint(
             std::string(kMaxEndpointBytes + 1, 'x'));
       }},
      {"a long client endpoint",
       [](Entry* e) {
         e->mutable_configuration()->mutable_addresses(0)->set_client_endpoint(
             std::string(kMaxEndpointBytes + 1, 'x'));
       }},
      {"too many voters",
       [](Entry* e) {
         for (uint64_t id = 100; id < 100 + kMaxMembers; ++id) {
           e->mutable_configuration()->add_voters(id);
           e->mutable_configuration()->add_addresses()->set_id(id);
         }
       }},
  };
}

void ExpectEachRefused(const std::vector<BrokenRule>& rules) {
  ASSERT_TRUE(DecodeEntry(GoodEntry()).ok());
  for (const BrokenRule& rule : rules) {
    internal::v1::Entry proto = GoodEntry();
    rule.break_it(&proto);
    EXPECT_EQ(DecodeEntry(std::move(proto)).status().code(),
              absl::StatusCode::kInvalidArgument)
        << rule.name;
  }
}

TEST(EntryCodecTest, EachBrokenRuleOfAnEntryIsRefused) {
  ExpectEachRefused(RulesOfAnEntry());
}

TEST(EntryCodecTest, EachBrokenRuleOfAConfigurationIsRefused) {
  ExpectEachRefused(RulesOfAConfiguration());
}

TEST(EntryCodecTest, TheLargestPayloadIsTaken) {
  internal::v1::Entry proto;
  proto.set_index(1);
  proto.set_term(1);
  proto.set_type(internal::v1::ENTRY_TYPE_COMMAND);
  proto.set_payload(std::string(kMaxPayloadBytes, 'x'));
  EXPECT_TRUE(DecodeEntry(std::move(proto)).ok());
}

}  // namespace
}  // namespace quorate::replication
