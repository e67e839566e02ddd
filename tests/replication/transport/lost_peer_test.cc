// A member whose process dies is told as lost within moments, once, and found
// again; one that is only silent, or whose one lane breaks, is not. A real
// process is killed with SIGKILL, and streams are ended one by one.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <signal.h>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/check.h"
#include "base/clock.h"
#include "tests/replication/transport/test_authority.h"
#include "tests/replication/transport/transport_peer.h"

namespace quorate::replication {
namespace {

constexpr raft::MemberId kSelf(11);
constexpr raft::MemberId kPeer(22);

// transport_peer_process, which speaks as kPeer. Killed at the end of its life.
class PeerProcess {
 public:
  PeerProcess(const std::string& folder, int port) {
    int input[2];
    int output[2];
    QUORATE_CHECK(pipe2(input, O_CLOEXEC) == 0);
    QUORATE_CHECK(pipe2(output, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    QUORATE_CHECK(posix_spawn_file_actions_init(&actions) == 0);
    posix_spawn_file_actions_adddup2(&actions, input[0], 0);
    posix_spawn_file_actions_adddup2(&actions, output[1], 1);
    std::vector<std::string> words = {
        QUORATE_PEER_PROCESS, folder, absl::StrCat(kPeer.value()),
        absl::StrCat(kSelf.value()), absl::StrCat(port)};
    std::vector<char*> arguments;
    for (std::string& word : words) {
      arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    QUORATE_CHECK(posix_spawn(&pid_, arguments[0], &actions, nullptr,
                              arguments.data(), environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    close(input[0]);
    close(output[1]);
    input_ = input[1];
    output_ = fdopen(output[0], "r");
    QUORATE_CHECK(std::fscanf(output_, "%d", &port_) == 1);
  }

  ~PeerProcess() {
    Signal(SIGKILL);
    EndInput();
    std::fclose(output_);
    waitpid(pid_, nullptr, 0);
  }

  // Until both its lanes are up.
  bool WaitForConnected() const {
    char word[16] = "";
    return std::fscanf(output_, "%15s", word) == 1 &&
           std::string(word) == "connected";
  }

  void Signal(int signal) const { kill(pid_, signal); }

  // The process stops in order.
  void EndInput() {
    if (input_ >= 0) close(input_);
    input_ = -1;
  }

  int port() const { return port_; }

 private:
  pid_t pid_ = -1;
  int input_ = -1;
  FILE* output_ = nullptr;
  int port_ = 0;
};

class LostPeerTest : public testing::Test {
 protected:
  LostPeerTest()
      : folder_(absl::StrCat(testing::TempDir(), "lost_peer_", getpid())),
        authority_("cluster"),
        self_(&authority_, kSelf, 0) {
    std::filesystem::create_directories(folder_);
    const PeerTlsOptions tls = authority_.Member(kTestCluster, TestName(kPeer));
    Write("ca", tls.ca_pem);
    Write("cert", tls.cert_pem);
    Write("key", tls.key_pem);
  }

  ~LostPeerTest() override { std::filesystem::remove_all(folder_); }

  void SetUp() override {
    ASSERT_TRUE(self_.Create().ok());
    peer_ = std::make_unique<PeerProcess>(folder_, self_.transport().port());
    self_.Start(Configuration());
    ASSERT_TRUE(peer_->WaitForConnected());
    ASSERT_TRUE(self_.sink().WaitForReachable(1));
  }

  // The old one must be gone.
  void StartPeerAgain() {
    peer_ = std::make_unique<PeerProcess>(folder_, self_.transport().port());
    self_.transport().SetConfiguration(Configuration());
    ASSERT_TRUE(peer_->WaitForConnected());
  }

  raft::Configuration Configuration() {
    return ConfigurationOf(
        {{kSelf, self_.transport().port()}, {kPeer, peer_->port()}});
  }

  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ + "/" + name, std::ios::binary) << bytes;
  }

  const std::string folder_;
  TestAuthority authority_;
  TransportPeer self_;
  std::unique_ptr<PeerProcess> peer_;
};

TEST_F(LostPeerTest, IsToldOnceSoonAfterTheKill) {
  constexpr size_t kRounds = 10;
  std::vector<double> took_ms;
  for (size_t round = 1; round <= kRounds; ++round) {
    EXPECT_EQ(self_.sink().seen().lost.size(), round - 1);
    const absl::Duration killed = SystemClock().SinceBoot();
    peer_->Signal(SIGKILL);
    ASSERT_TRUE(self_.sink().WaitForLost(round));
    took_ms.push_back(
        absl::ToDoubleMilliseconds(SystemClock().SinceBoot() - killed));
    EXPECT_EQ(self_.sink().seen().lost.back(), kPeer);
    StartPeerAgain();
  }
  std::sort(took_ms.begin(), took_ms.end());
  std::printf("kill -9 to OnPeerLost, ms: median %.2f worst %.2f of %zu\n",
              took_ms[kRounds / 2], took_ms.back(), kRounds);
  EXPECT_EQ(self_.sink().seen().lost.size(), kRounds);
  // The timer of an election runs for a second; this must be far below.
  EXPECT_LT(took_ms[kRounds / 2], 250);
}

TEST_F(LostPeerTest, AStopInOrderIsALossToo) {
  peer_->EndInput();
  ASSERT_TRUE(self_.sink().WaitForLost(1));
}

// A stopped process keeps its connections; that is the timers' affair.
TEST_F(LostPeerTest, SilenceIsNoLossAtOnce) {
  peer_->Signal(SIGSTOP);
  const absl::Duration until = SystemClock().SinceBoot() + absl::Seconds(1);
  EXPECT_FALSE(self_.sink().WaitFor(
      [](const RecordingSink::Seen& seen) { return !seen.lost.empty(); },
      until));
  peer_->Signal(SIGKILL);
  ASSERT_TRUE(self_.sink().WaitForLost(1));
}

}  // namespace
}  // namespace quorate::replication
