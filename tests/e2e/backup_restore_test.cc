// Property: a cluster restored beside the living one never lets clients believe
// in a seat that is someone else's, and serves once the old one is settled.
// Method: real members, with SDK clients that hold all seats of one feature and
// applications that ask both clusters for another; threads add up what all of
// them believe, all the time.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <signal.h>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "client/client.h"
#include "client/error.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/beliefs.h"
#include "tests/e2e/restored_cluster.h"
#include "tests/e2e/test_client.h"
#include "tests/e2e/test_cluster.h"

namespace quorate::e2e {
namespace {

constexpr int kTotal = 20;  // Of cad, in the demonstration licence.
constexpr int kSolvers = 8;

class BackupRestoreTest : public testing::Test {
 protected:
  void SetUp() override {
    auto cluster = TestCluster::Start();
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    old_ = *std::move(cluster);
    backup_ = old_->dir() + "/state.backup";
  }

  void CreateBackup() {
    const CommandResult made = old_->Quorate({"backup", "create", backup_});
    ASSERT_EQ(made.exit_code, 0) << made.errors;
    const CommandResult again = old_->Quorate({"backup", "create", backup_});
    EXPECT_EQ(again.exit_code, 7) << "a backup was overwritten";
    // Needs no cluster.
    const CommandResult found =
        RunCommand({ProgramPath("quorate"), "backup", "inspect", backup_});
    ASSERT_EQ(found.exit_code, 0) << found.errors;
    EXPECT_EQ(found.output, made.output);
    std::printf("%s", found.output.c_str());
  }

  // What an administrator sees of the feature, "out/total".
  static std::string Pool(const RestoredCluster& cluster,
                          const std::string& feature) {
    const CommandResult shown = cluster.Quorate({"--output", "json", "pools"});
    EXPECT_EQ(shown.exit_code, 0) << shown.errors;
    const auto response = nlohmann::json::parse(shown.output, nullptr, false);
    for (const auto& pool : response["pools"]) {
      if (pool["feature"] == feature) {
        // 64-bit numbers are text in protobuf's JSON.
        return absl::StrCat(pool.value("out", ""), "/",
                            pool.value("total", ""));
      }
    }
    return shown.output;
  }

  std::unique_ptr<TestCluster> old_;
  std::string backup_;
};

// How many seats of `cad` a new session gets within `limit`; all are kept.
int TakeAll(Session* session, int wanted, absl::Duration limit,
            Beliefs* beliefs) {
  int taken = 0;
  Eventually(limit, [&] {
    auto seat = session->Checkout("cad");
    if (!seat.ok()) return false;
    beliefs->Add(*std::move(seat));
    return ++taken == wanted;
  });
  return taken;
}

TEST_F(BackupRestoreTest, TheCopyNeverHandsOutTheSeatsOfTheLivingOne) {
  auto client = MakeClient(old_->environment());
  auto session = client->OpenSession({.ttl = kShortTtl});
  ASSERT_TRUE(session.ok()) << session.status();
  Beliefs cad;
  Beliefs solver;
  RestoredCluster restored(*old_, 2);
  std::vector<std::unique_ptr<TwoFaced>> applications;
  for (int i = 0; i < 6; ++i) {
    applications.push_back(std::make_unique<TwoFaced>(
        old_->environment(), restored.environment(), &solver));
  }
  EXPECT_EQ(TakeAll(session->get(), 5, absl::Seconds(30), &cad), 5);
  CreateBackup();
  // What the backup does not know of.
  EXPECT_EQ(TakeAll(session->get(), kTotal - 5, absl::Seconds(30), &cad),
            kTotal - 5);

  restored.RestoreAll(backup_);
  ASSERT_TRUE(restored.Start());
  // Administrators see what the backup holds; nobody gets anything.
  EXPECT_EQ(Pool(restored, "cad"), absl::StrCat("5/", kTotal));
  const CommandResult held = restored.Quorate({"run", "cad", "--", "true"});
  EXPECT_EQ(held.exit_code, 7) << held.errors;
  EXPECT_TRUE(absl::StrContains(held.errors, "on hold")) << held.errors;
  EXPECT_TRUE(absl::StrContains(held.errors, "quorate restore release"))
      << held.errors;

  // The old cluster lives: neither flag nor silence helps; nor is the living
  // one itself taken for the copy.
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{},
        {"--old-cluster-is-gone"},
        {"--old-cluster-is-gone", "--stopped-for", "75m"}}) {
    std::vector<std::string> command = {"restore", "release", "--old-epoch",
                                        "1"};
    command.insert(command.end(), flags.begin(), flags.end());
    const CommandResult refused = restored.Quorate(command);
    EXPECT_EQ(refused.exit_code, 7) << refused.errors;
    EXPECT_TRUE(absl::StrContains(refused.errors, "lives")) << refused.errors;
  }
  const std::vector<std::string> release = {"restore", "release", "--old-epoch",
                                            "1", "--retire-old-cluster"};
  const CommandResult wrong = old_->Quorate(release);
  EXPECT_EQ(wrong.exit_code, 7) << wrong.errors;
  EXPECT_TRUE(absl::StrContains(wrong.errors, "not restored")) << wrong.errors;
  EXPECT_EQ(cad.Now(), kTotal);

  const absl::Duration begun = SystemClock().SinceBoot();
  const CommandResult released = restored.Quorate(release);
  ASSERT_EQ(released.exit_code, 0) << released.errors;
  std::printf("%s", released.output.c_str());
  const CommandResult retired = old_->Quorate({"run", "cad", "--", "true"});
  EXPECT_EQ(retired.exit_code, 7) << retired.errors;
  EXPECT_TRUE(absl::StrContains(retired.errors, "retired")) << retired.errors;
  const std::vector<int> granted_by_old = [&] {
    std::vector<int> counts;
    for (const auto& one : applications)
      counts.push_back(one->old_cluster().granted);
    return counts;
  }();

  auto heirs = MakeClient(restored.environment());
  auto heir = heirs->OpenSession({.ttl = kShortTtl});
  ASSERT_TRUE(heir.ok()) << heir.status();
  EXPECT_EQ(TakeAll(heir->get(), kTotal, absl::Seconds(120), &cad), kTotal);
  const absl::Duration served = SystemClock().SinceBoot() - begun;
  EXPECT_TRUE(Eventually(absl::Seconds(30), [&] {
    return std::any_of(
        applications.begin(), applications.end(),
        [](const auto& one) { return one->restored().granted > 20; });
  }));
  int old_grants = 0;
  int grants = 0;
  int refusals = 0;
  for (size_t i = 0; i < applications.size(); ++i) {
    EXPECT_EQ(applications[i]->old_cluster().granted, granted_by_old[i])
        << "granted after it was retired";
    old_grants += applications[i]->old_cluster().granted;
    grants += applications[i]->restored().granted;
    refusals += applications[i]->restored().refused;
  }
  std::printf(
      "all %d seats of cad were taken from the restored cluster %.1f s after "
      "the release; at most %d were believed in at one time\n"
      "applications that asked both: %d grants of the old cluster, %d of the "
      "restored one (%d refusals); at most %d of %d units of solver at a "
      "time\n",
      kTotal, absl::ToDoubleSeconds(served), cad.most(), old_grants, grants,
      refusals, solver.most(), kSolvers);
  EXPECT_EQ(cad.Now(), kTotal);
  EXPECT_EQ(cad.most(), kTotal);
  EXPECT_LE(solver.most(), kSolvers);
  EXPECT_GT(old_grants, 20);
}

TEST_F(BackupRestoreTest, AClusterThatWasLostComesBackFromTheFile) {
  auto client = MakeClient(old_->environment());
  // Its user goes on, with no cluster, for an hour.
  auto session = client->OpenSession({.ttl = absl::Hours(1)});
  ASSERT_TRUE(session.ok()) << session.status();
  Beliefs cad;
  EXPECT_EQ(TakeAll(session->get(), 5, absl::Seconds(30), &cad), 5);
  CreateBackup();
  RestoredCluster restored(*old_, 2);
  for (const std::string& name : restored.names()) {
    old_->Signal(name, SIGKILL);
    std::filesystem::remove_all(absl::StrCat(old_->dir(), "/", name, "/data"));
  }
  const absl::Duration begun = SystemClock().SinceBoot();
  restored.RestoreAll(backup_);
  ASSERT_TRUE(restored.Start());

  const CommandResult silent =
      restored.Quorate({"restore", "release", "--old-epoch", "1"});
  EXPECT_EQ(silent.exit_code, 7) << silent.errors;
  EXPECT_TRUE(absl::StrContains(silent.errors, "--old-cluster-is-gone"))
      << silent.errors;
  const CommandResult nobody = restored.Quorate(
      {"restore", "release", "--old-epoch", "1", "--retire-old-cluster"});
  EXPECT_EQ(nobody.exit_code, 3) << nobody.errors;
  const CommandResult released =
      restored.Quorate({"restore", "release", "--old-epoch", "1",
                        "--old-cluster-is-gone", "--stopped-for", "75m"});
  ASSERT_EQ(released.exit_code, 0) << released.errors;
  std::printf("%s", released.output.c_str());
  EXPECT_TRUE(absl::StrContains(released.output, "gone by their word"))
      << released.output;

  // What is out by the backup stays out; the rest is there.
  auto heirs = MakeClient(restored.environment());
  auto heir = heirs->OpenSession({.ttl = kShortTtl});
  ASSERT_TRUE(heir.ok()) << heir.status();
  EXPECT_EQ(TakeAll(heir->get(), kTotal - 5, absl::Seconds(60), &cad),
            kTotal - 5);
  std::printf("a lost cluster served %.1f s after the first command\n",
              absl::ToDoubleSeconds(SystemClock().SinceBoot() - begun));
  EXPECT_EQ(ReasonOf((*heir)->Checkout("cad").status()),
            ErrorReason::kPoolExhausted);
  EXPECT_EQ(cad.Now(), kTotal);
  EXPECT_EQ(cad.most(), kTotal);
  EXPECT_EQ(Pool(restored, "cad"), absl::StrCat(kTotal, "/", kTotal));

  // It is a cluster like any other: a member that restarts finds all of it.
  restored.Restart(restored.names()[0]);
  EXPECT_TRUE(Eventually(absl::Seconds(60), [&] {
    return restored.Quorate({"restore", "status"}).exit_code == 0;
  }));
}

TEST_F(BackupRestoreTest, MembersOfDifferentBackupsNeverMakeACluster) {
  CreateBackup();
  const std::string first = backup_;
  EXPECT_EQ(old_->Quorate({"run", "cad", "--", "true"}).exit_code, 0);
  backup_ += ".later";
  CreateBackup();
  RestoredCluster restored(*old_, 2);
  for (size_t i = 0; i < restored.names().size(); ++i) {
    const CommandResult made =
        restored.Restore(restored.names()[i], i == 0 ? backup_ : first);
    ASSERT_EQ(made.exit_code, 0) << made.errors;
  }
  // Two of the same make a quorum, and the third one stands apart.
  ASSERT_TRUE(restored.Start());
  const std::string log = restored.FolderOf(restored.names()[0]) + "/log";
  EXPECT_TRUE(Eventually(absl::Seconds(60), [&] {
    return absl::StrContains(ReadText(log), "another backup");
  }));
}

TEST_F(BackupRestoreTest, WhatIsNoGoodBackupMakesNoMember) {
  CreateBackup();
  const RestoredCluster restored(*old_, 2);
  const std::string name = restored.names()[0];
  const std::string data = restored.FolderOf(name) + "/data";
  const std::string good = ReadText(backup_);
  const std::string bad = backup_ + ".bad";
  const auto inspect = [&] {
    return RunCommand({ProgramPath("quorate"), "backup", "inspect", bad})
        .exit_code;
  };

  std::string text = good;
  text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 4);
  WriteText(bad, text);
  EXPECT_EQ(inspect(), 1);
  EXPECT_EQ(restored.Restore(name, bad).exit_code, 65);
  WriteText(bad, good.substr(0, good.size() - 1));
  EXPECT_EQ(inspect(), 1);
  EXPECT_EQ(restored.Restore(name, bad).exit_code, 65);
  EXPECT_EQ(restored.Restore(name, bad + ".not").exit_code, 78);
  EXPECT_FALSE(std::filesystem::exists(data));

  // Not the epoch, nor the ids, of the old cluster.
  const std::string config = ReadText(restored.ConfigOf(name));
  WriteText(restored.ConfigOf(name),
            absl::StrReplaceAll(config, {{"epoch = 2", "epoch = 1"}}));
  const CommandResult same = restored.Restore(name, backup_);
  EXPECT_EQ(same.exit_code, 78);
  EXPECT_TRUE(absl::StrContains(same.errors, "greater")) << same.errors;
  WriteText(restored.ConfigOf(name), config);

  EXPECT_EQ(restored.Restore(name, backup_).exit_code, 0);
  const CommandResult again = restored.Restore(name, backup_);
  EXPECT_NE(again.exit_code, 0);
  EXPECT_TRUE(absl::StrContains(again.errors, "not empty")) << again.errors;

  // A wrong epoch in the file is not taken for damage.
  WriteText(restored.ConfigOf(name),
            absl::StrReplaceAll(config, {{"epoch = 2", "epoch = 3"}}));
  const CommandResult run = RunCommand(
      {ProgramPath("quorated"), "run", "--config", restored.ConfigOf(name)});
  EXPECT_EQ(run.exit_code, 65) << run.errors;
  EXPECT_TRUE(absl::StrContains(run.errors, "cluster.epoch")) << run.errors;
}

}  // namespace
}  // namespace quorate::e2e
