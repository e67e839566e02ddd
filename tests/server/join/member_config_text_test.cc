// What `quorated join` writes is what `quorated run` reads, whatever the paths
// look like. Texts are written and parsed.

#include "server/join/member_config_text.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "replication/wire/entry_codec.h"
#include "server/config.h"
#include "server/member_stores.h"
#include "tests/server/join/join_world.h"

namespace quorate::server {
namespace {

using testing::HasSubstr;

TEST(MemberConfigTextTest, IsReadAsItWasMeant) {
  internal::v1::JoinResponse answer;
  answer.mutable_admission()->set_cluster_id(kJoinClusterId);
  answer.mutable_admission()->set_cluster_epoch(4);
  answer.set_tick_ms(20);
  answer.set_heartbeat_ticks(3);
  answer.set_election_ticks(12);
  answer.add_administrators("alice");
  answer.add_administrators("bob@example");
  const std::string odd = "/var/a \"b\"\\\x01\xc3\xbc";
  const std::string text =
      MemberConfigText({.name = "m2",
                        .data_dir = odd,
                        .client_listen = "0.0.0.0:1",
                        .peer_listen = "[::]:2"},
                       JoinWorld::ThreeMembers().configuration, answer);
  const auto config = ParseConfig(text, "config.toml", "/etc/q");
  ASSERT_TRUE(config.ok()) << config.status() << text;
  EXPECT_EQ(config->cluster_id, kJoinClusterId);
  EXPECT_EQ(config->cluster_epoch, 4U);
  EXPECT_EQ(config->data_dir, odd);
  EXPECT_EQ(config->self.name, "m2");
  EXPECT_EQ(config->self.peer_endpoint, "10.0.0.2:7411");
  EXPECT_EQ(config->members.size(), 3U);
  EXPECT_EQ(config->client_listen, "0.0.0.0:1");
  EXPECT_EQ(config->peer_listen, "[::]:2");
  EXPECT_EQ(config->peer_tls.cert, "/etc/q/peer.pem");
  EXPECT_EQ(config->tick, absl::Milliseconds(20));
  EXPECT_EQ(config->heartbeat_ticks, 3);
  EXPECT_EQ(config->election_ticks, 12);
  EXPECT_EQ(config->administrators,
            (std::vector<std::string>{"alice", "bob@example"}));
  EXPECT_EQ(config->join_listen, "");
  // Nobody makes a second cluster of it.
  const absl::Status init = InitMember(*config);
  EXPECT_EQ(init.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(init.message(), HasSubstr("quorated rejoin"));
}

}  // namespace
}  // namespace quorate::server
