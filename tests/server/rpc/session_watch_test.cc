// News of a session goes to the stream that renewed it last, and what is kept
// does not grow with sessions that have ended. Streams are told apart by their
// addresses only.

#include "server/rpc/session_watch.h"

#include <cstdint>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace quorate::server {
namespace {

class SessionWatchTest : public testing::Test {
 protected:
  static KeepAliveStream* Stream(size_t i) {
    static char bytes[4];
    return reinterpret_cast<KeepAliveStream*>(&bytes[i]);
  }

  void Watch(size_t stream, const std::vector<uint64_t>& session_ids) {
    watch_.Watch(Stream(stream), session_ids,
                 [this](uint64_t id) { return ended_.count(id) == 0; });
  }

  SessionWatch watch_{5'000};
  std::set<uint64_t> ended_;
};

TEST_F(SessionWatchTest, TheLastStreamThatRenewedGetsTheNews) {
  Watch(0, {1, 2});
  Watch(1, {2, 3});
  EXPECT_EQ(watch_.Find(1), Stream(0));
  EXPECT_EQ(watch_.Find(2), Stream(1));
  EXPECT_EQ(watch_.Find(4), nullptr);
  watch_.Forget(Stream(0));
  EXPECT_EQ(watch_.Find(1), nullptr);
  EXPECT_EQ(watch_.Find(2), Stream(1));
  Watch(0, {2});
  watch_.Forget(Stream(1));
  EXPECT_EQ(watch_.Find(2), Stream(0));
  EXPECT_EQ(watch_.Find(3), nullptr);
  watch_.Forget(Stream(0));
  watch_.Forget(Stream(2));
  EXPECT_EQ(watch_.size(), 0u);
}

// A scheduler opens and closes for months over one stream.
TEST_F(SessionWatchTest, WhatHasEndedIsSweptOut) {
  for (uint64_t id = 1; id <= 100'000; ++id) {
    Watch(id % 3, {id});
    if (id > 20) ended_.insert(id - 20);
    ASSERT_EQ(watch_.Find(id), Stream(id % 3));
    ASSERT_LE(watch_.size(), 1'001u);
  }
  watch_.Forget(Stream(0));
  watch_.Forget(Stream(1));
  watch_.Forget(Stream(2));
  EXPECT_EQ(watch_.size(), 0u);
}

TEST_F(SessionWatchTest, KeepsItsLimit) {
  for (uint64_t id = 1; id <= 6'000; ++id) {
    Watch(0, {id});
  }
  EXPECT_EQ(watch_.size(), 5'000u);
  EXPECT_EQ(watch_.Find(5'001), nullptr);
}

}  // namespace
}  // namespace quorate::server
