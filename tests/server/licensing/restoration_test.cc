// Property: a cluster and all that were restored from its backups, and from
// theirs, never let clients believe in more seats than there are.
// Method: random clients of many ledgers, each with its own clock, whose
// beliefs are added up after every step; and the rules of each command one by
// one.

#include "server/licensing/restoration.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "tests/server/licensing/commands.h"
#include "tests/support/seed.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;

constexpr uint64_t kTotal = 10;
constexpr char kFeature[] = "cad";

// A ledger with a clock of its own, which is never ahead of real time.
class Cluster {
 public:
  explicit Cluster(uint32_t epoch, int64_t cluster_ms = 1000)
      : ledger_(std::make_unique<Ledger>(kClusterId, epoch)),
        cluster_ms_(cluster_ms) {}

  Ledger& ledger() { return *ledger_; }

  void Pass(int64_t ms) { cluster_ms_ += ms; }

  LedgerAnswer Do(Command command) {
    const bool once = command.body_case() != Command::kRenewSessions &&
                      command.body_case() != Command::kAdvanceClock;
    if (once) {
      command.set_principal(kAlice);
      command.set_request_id(absl::StrCat("r", ++requests_));
      command.set_not_after_cluster_ms(cluster_ms_ + kAttemptMs);
    }
    std::vector<RecordChange> changes;
    return ledger_->Apply(command, {cluster_ms_, 1'700'000'000'000}, &changes);
  }

  // What `quorated restore` makes of its records.
  absl::StatusOr<std::unique_ptr<Cluster>> Restore(
      uint32_t epoch, const std::string& restore_id) const {
    auto restored = std::make_unique<Cluster>(epoch, cluster_ms_);
    // Other requests than the old cluster's.
    restored->requests_ = uint64_t{epoch} << 32;
    for (const RecordChange& record : ledger_->Dump()) {
      auto change = RestoreRecordFor({.epoch = epoch, .restore_id = restore_id},
                                     record.key, *record.value);
      if (!change.ok()) return change.status();
      const std::optional<std::string>& value =
          change->has_value() ? (*change)->value : record.value;
      if (!value.has_value()) continue;
      const absl::Status taken =
          restored->ledger().RestoreRecord(record.key, *value);
      if (!taken.ok()) return taken;
    }
    const absl::Status finished = restored->ledger().FinishRestore();
    if (!finished.ok()) return finished;
    return restored;
  }

 private:
  std::unique_ptr<Ledger> ledger_;
  int64_t cluster_ms_;
  uint64_t requests_ = 0;
};

std::unique_ptr<Cluster> MakeLicensed() {
  auto cluster = std::make_unique<Cluster>(1);
  EXPECT_TRUE(cluster->Do(InstallCommand("lic", 1, {{kFeature, kTotal}})).ok());
  return cluster;
}

std::unique_ptr<Cluster> MustRestore(const Cluster& cluster) {
  auto restored = cluster.Restore(2, "b");
  EXPECT_TRUE(restored.ok()) << restored.status();
  return *std::move(restored);
}

TEST(RestorationTest, GrantsNothingUntilItIsReleasedAndTheLeasesHaveEnded) {
  auto old_cluster = MakeLicensed();
  const uint64_t session = old_cluster->Do(OpenCommand(60'000)).session_id;
  const LedgerAnswer seat =
      old_cluster->Do(CheckoutCommand(session, {{kFeature, 4}}));
  ASSERT_TRUE(seat.ok());
  auto restored = MustRestore(*old_cluster);
  EXPECT_EQ(restored->ledger().FindPool(kFeature)->out, 4u);

  const auto held = type::v1::ERROR_REASON_RESTORED_ON_HOLD;
  EXPECT_EQ(restored->Do(OpenCommand(60'000)).reason, held);
  EXPECT_EQ(restored->Do(CheckoutCommand(session, {{kFeature, 1}})).reason,
            held);
  EXPECT_EQ(restored->Do(RenewCommand(kAlice, {session})).reason, held);
  EXPECT_EQ(restored->Do(InstallCommand("two", 1, {{kFeature, 5}})).reason,
            held);
  EXPECT_TRUE(
      restored->Do(CheckinCommand(session, {seat.seat_handles[0]})).ok());

  EXPECT_EQ(restored->Do(ReleaseCommand(3, 1000)).reason,
            type::v1::ERROR_REASON_EPOCH_MISMATCH);
  ASSERT_TRUE(restored->Do(ReleaseCommand(1, 75'000)).ok());
  // Who opened a session at the old cluster has no lease here.
  EXPECT_EQ(restored->Do(RenewCommand(kAlice, {session})).renewed_ttl_ms,
            std::vector<int64_t>{0});
  const uint64_t own = restored->Do(OpenCommand(600'000)).session_id;
  EXPECT_GE(own, uint64_t{2} << kEpochShift);
  EXPECT_EQ(restored->Do(CheckoutCommand(own, {{kFeature, 1}})).reason, held);
  restored->Pass(74'999);
  EXPECT_EQ(restored->Do(CheckoutCommand(own, {{kFeature, 1}})).reason, held);
  restored->Pass(1);
  EXPECT_TRUE(restored->Do(CheckoutCommand(own, {{kFeature, 10}})).ok());
  EXPECT_TRUE(restored->ledger().CheckInvariants().ok());
}

TEST(RestorationTest, WhereTheOldClusterIsGoneTheLongestLeaseIsWaitedFor) {
  auto restored = MustRestore(*MakeLicensed());
  ASSERT_TRUE(restored->Do(GoneCommand(1, 0)).ok());
  const uint64_t session = restored->Do(OpenCommand(kMaxTtlMs)).session_id;
  restored->Pass(kMaxTtlMs);
  ASSERT_TRUE(restored->Do(RenewCommand(kAlice, {session})).ok());
  EXPECT_FALSE(restored->Do(CheckoutCommand(session, {{kFeature, 1}})).ok());
  restored->Pass(kMaxTtlMs / kLeaseMarginDivisor);
  EXPECT_TRUE(restored->Do(CheckoutCommand(session, {{kFeature, 1}})).ok());
}

TEST(RestorationTest, WhoSaysSinceWhenItIsGoneWaitsForTheRest) {
  auto restored = MustRestore(*MakeLicensed());
  Command not_gone = ReleaseCommand(1, 0);
  not_gone.mutable_release_restored()->set_stopped_for_ms(1);
  EXPECT_EQ(restored->Do(not_gone).reason, type::v1::ERROR_REASON_BAD_REQUEST);
  EXPECT_EQ(restored->Do(GoneCommand(1, -1)).reason,
            type::v1::ERROR_REASON_BAD_REQUEST);
  ASSERT_TRUE(restored->Do(GoneCommand(1, kLongestLeaseMs - 1000)).ok());
  // Once is once: another word does not shorten it.
  ASSERT_TRUE(restored->Do(GoneCommand(1, kLongestLeaseMs)).ok());
  const uint64_t session = restored->Do(OpenCommand(60'000)).session_id;
  restored->Pass(999);
  EXPECT_FALSE(restored->Do(CheckoutCommand(session, {{kFeature, 1}})).ok());
  restored->Pass(1);
  EXPECT_TRUE(restored->Do(CheckoutCommand(session, {{kFeature, 1}})).ok());
  EXPECT_EQ(restored->ledger().restoration()->released_by(), kAlice);
  EXPECT_TRUE(restored->ledger().restoration()->old_cluster_is_gone());
}

TEST(RestorationTest, SessionsOfTheBackupAreCountedAndGetNothingMore) {
  auto old_cluster = MakeLicensed();
  const uint64_t session = old_cluster->Do(OpenCommand(kMaxTtlMs)).session_id;
  ASSERT_TRUE(old_cluster->Do(CheckoutCommand(session, {{kFeature, 7}})).ok());
  auto restored = MustRestore(*old_cluster);
  // The old cluster is gone for long, and the backup's clock stands behind.
  ASSERT_TRUE(restored->Do(GoneCommand(1, kLongestLeaseMs)).ok());
  EXPECT_EQ(restored->Do(CheckoutCommand(session, {{kFeature, 1}})).reason,
            type::v1::ERROR_REASON_SESSION_NOT_FOUND);
  const uint64_t own = restored->Do(OpenCommand(60'000)).session_id;
  EXPECT_EQ(restored->Do(CheckoutCommand(own, {{kFeature, 4}})).reason,
            type::v1::ERROR_REASON_POOL_EXHAUSTED);
  EXPECT_TRUE(restored->Do(CheckoutCommand(own, {{kFeature, 3}})).ok());
  EXPECT_TRUE(restored->Do(CloseCommand(session)).ok());
  EXPECT_TRUE(restored->Do(CheckoutCommand(own, {{kFeature, 7}})).ok());
}

TEST(RestorationTest, OneThatWaitsIsNoWayRoundTheLivingOne) {
  auto old_cluster = MakeLicensed();
  auto copy = MustRestore(*old_cluster);
  // Its successor could retire it, and nobody would have asked the first.
  EXPECT_EQ(copy->Restore(3, "c").status().code(),
            absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(copy->Do(ReleaseCommand(1, 75'000)).ok());
  auto third = copy->Restore(3, "c");
  ASSERT_TRUE(third.ok()) << third.status();
  // The second has no leases; the first one's are still waited for.
  ASSERT_TRUE(copy->Do(RetireCommand(2, 3, "c")).ok());
  ASSERT_TRUE((*third)->Do(ReleaseCommand(2, 0)).ok());
  const uint64_t session = (*third)->Do(OpenCommand(600'000)).session_id;
  (*third)->Pass(74'999);
  EXPECT_FALSE((*third)->Do(CheckoutCommand(session, {{kFeature, 1}})).ok());
  (*third)->Pass(1);
  EXPECT_TRUE((*third)->Do(CheckoutCommand(session, {{kFeature, 1}})).ok());
}

TEST(RestorationTest, OldLicencesCountAndLaterOnesDoNot) {
  auto restored = MustRestore(*MakeLicensed());
  ASSERT_TRUE(restored->Do(ReleaseCommand(1, 0)).ok());
  for (const auto& [epoch, good] :
       std::map<uint32_t, bool>{{0, false}, {1, true}, {2, true}, {3, false}}) {
    Command command = InstallCommand(absl::StrCat("E", epoch), 1, {{"x", 1}});
    command.mutable_install_license()->mutable_terms()->set_cluster_epoch(
        epoch);
    EXPECT_EQ(restored->Do(command).ok(), good) << epoch;
  }
}

TEST(RestorationTest, ARetiredClusterNeverGrantsOrRenewsAgain) {
  auto cluster = MakeLicensed();
  const uint64_t session = cluster->Do(OpenCommand(60'000)).session_id;
  EXPECT_EQ(cluster->Do(RetireCommand(2, 3, "b")).reason,
            type::v1::ERROR_REASON_EPOCH_MISMATCH);
  EXPECT_EQ(cluster->Do(RetireCommand(1, 1, "b")).reason,
            type::v1::ERROR_REASON_EPOCH_MISMATCH);
  ASSERT_TRUE(cluster->Do(RetireCommand(1, 2, "b")).ok());
  EXPECT_EQ(cluster->ledger().LongestLeaseMs(), 75'000);
  const auto retired = type::v1::ERROR_REASON_CLUSTER_RETIRED;
  EXPECT_EQ(cluster->Do(OpenCommand(60'000)).reason, retired);
  EXPECT_EQ(cluster->Do(CheckoutCommand(session, {{kFeature, 1}})).reason,
            retired);
  EXPECT_EQ(cluster->Do(RenewCommand(kAlice, {session})).reason, retired);
  EXPECT_TRUE(cluster->Do(CloseCommand(session)).ok());
  // For this one again, for no other.
  EXPECT_TRUE(cluster->Do(RetireCommand(1, 2, "b")).ok());
  EXPECT_EQ(cluster->Do(RetireCommand(1, 2, "c")).reason, retired);
  EXPECT_EQ(cluster->Do(RetireCommand(1, 3, "b")).reason, retired);
  EXPECT_EQ(cluster->Restore(3, "c").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(RestorationTest, TheStateOutlivesAStart) {
  auto restored = MustRestore(*MakeLicensed());
  ASSERT_TRUE(restored->Do(ReleaseCommand(1, 5000)).ok());
  ASSERT_TRUE(restored->Do(RetireCommand(2, 3, "c")).ok());
  Ledger again(kClusterId, 2);
  for (const RecordChange& record : restored->ledger().Dump()) {
    ASSERT_TRUE(again.RestoreRecord(record.key, *record.value).ok());
  }
  ASSERT_TRUE(again.FinishRestore().ok());
  EXPECT_EQ(again.Dump(), restored->ledger().Dump());
  ASSERT_NE(again.restoration(), nullptr);
  EXPECT_TRUE(again.restoration()->released());
  ASSERT_NE(again.retirement(), nullptr);
  EXPECT_EQ(again.retirement()->restore_id(), "c");
}

// What one client believes: seats until its lease ends on its own clock.
struct Belief {
  uint64_t session = 0;
  size_t cluster = 0;
  int64_t ends_ms = 0;  // Real time.
  std::map<uint64_t, uint64_t> seats;

  uint64_t CountAt(int64_t now_ms) const {
    uint64_t count = 0;
    for (const auto& [handle, seats_of_it] : seats) {
      count += seats_of_it;
    }
    return now_ms < ends_ms ? count : 0;
  }
};

// One cluster of a family that began with one licence.
struct Relative {
  std::unique_ptr<Cluster> cluster;
  uint32_t epoch = 1;
  size_t source = 0;  // Which one the backup is of; itself for the first.
  std::string restore_id;
  bool started = true;  // Else a file in a drawer.
  bool gone = false;
  int64_t gone_at_ms = 0;

  bool Serves() const { return started && !gone; }

  bool OnHold() const {
    const auto* restoration = cluster->ledger().restoration();
    return restoration != nullptr && !restoration->released();
  }
};

class Family {
 public:
  explicit Family(uint64_t seed) : random_(seed), clients_(12) {
    relatives_.push_back({.cluster = MakeLicensed()});
  }

  void Run() {
    for (int step = 0; step < 1200; ++step) {
      PassTime();
      if (random_.OneIn(60)) BackUp();
      if (random_.OneIn(40)) StartSome();
      if (random_.OneIn(40)) SettleSome();
      Act(&clients_[random_.Below(clients_.size())]);
      uint64_t believed = 0;
      for (const Belief& client : clients_) {
        believed += client.CountAt(now_ms_);
      }
      ASSERT_LE(believed, kTotal) << "step " << step;
      most_ = std::max(most_, believed);
    }
  }

  uint64_t most() const { return most_; }

  int retired() const { return retired_; }

  int refused() const { return refused_; }

  int believed_gone() const { return believed_gone_; }

  int granted_by_heirs() const { return granted_by_heirs_; }

 private:
  void PassTime() {
    const auto ms =
        static_cast<int64_t>(random_.Below(random_.OneIn(60) ? 600'000 : 4000));
    now_ms_ += ms;
    // A cluster's time is never ahead; it stands still without a leader.
    for (Relative& one : relatives_) {
      if (one.Serves()) one.cluster->Pass(random_.OneIn(6) ? 0 : ms);
    }
  }

  Relative& Some() { return relatives_[random_.Below(relatives_.size())]; }

  void BackUp() {
    Relative& source = Some();
    if (relatives_.size() == 6 || !source.Serves()) return;
    const auto epoch = static_cast<uint32_t>(relatives_.size() + 1);
    const std::string id = absl::StrCat("b", epoch);
    auto restored = source.cluster->Restore(epoch, id);
    if (!restored.ok()) return;
    const auto index = static_cast<size_t>(&source - relatives_.data());
    relatives_.push_back({.cluster = *std::move(restored),
                          .epoch = epoch,
                          .source = index,
                          .restore_id = id,
                          .started = false});
  }

  void StartSome() { Some().started = true; }

  void SettleSome() {
    Relative& heir = Some();
    if (!heir.Serves() || !heir.OnHold()) return;
    if (random_.OneIn(3)) {
      BelieveGone(&heir);
    } else {
      Retire(&heir);
    }
  }

  void Retire(Relative* heir) {
    Relative& old = relatives_[heir->source];
    if (!old.Serves()) return;
    const LedgerAnswer retired = old.cluster->Do(
        RetireCommand(old.epoch, heir->epoch, heir->restore_id));
    if (!retired.ok()) {
      ++refused_;
      return;
    }
    ++retired_;
    const int64_t lease_ms = old.cluster->ledger().LongestLeaseMs();
    PassTime();
    ASSERT_TRUE(heir->cluster->Do(ReleaseCommand(old.epoch, lease_ms)).ok());
  }

  // The word of an honest administrator: whoever granted is gone, since then.
  void BelieveGone(Relative* heir) {
    int64_t since_ms = 0;
    for (Relative& one : relatives_) {
      if (&one == heir || !one.started || one.OnHold()) continue;
      if (!one.gone) one.gone_at_ms = now_ms_;
      one.gone = true;
      since_ms = std::max(since_ms, one.gone_at_ms);
    }
    if (random_.OneIn(2)) {
      now_ms_ += static_cast<int64_t>(random_.Below(5'000'000));
    }
    ++believed_gone_;
    const uint32_t old_epoch = relatives_[heir->source].epoch;
    const int64_t stopped_ms = random_.OneIn(3) ? 0 : now_ms_ - since_ms;
    ASSERT_TRUE(heir->cluster->Do(GoneCommand(old_epoch, stopped_ms)).ok());
  }

  // Any client asks any cluster, most often the one its session is of.
  void Act(Belief* client) {
    const size_t asked =
        random_.OneIn(2) ? client->cluster : random_.Below(relatives_.size());
    if (!relatives_[asked].Serves()) return;
    switch (random_.Below(6)) {
      case 0:
        Open(asked, client);
        return;
      case 1:
      case 2:
        Renew(asked, client);
        return;
      case 3:
      case 4:
        Checkout(asked, client);
        return;
      default:
        Checkin(asked, client);
    }
  }

  void Open(size_t asked, Belief* client) {
    // Who believes in a session keeps it, most often.
    if (now_ms_ < client->ends_ms && !random_.OneIn(4)) return;
    const auto ttl_ms = static_cast<int64_t>(
        random_.OneIn(100) ? kMaxTtlMs : random_.Between(10'000, 60'000));
    const LedgerAnswer answer =
        relatives_[asked].cluster->Do(OpenCommand(ttl_ms));
    if (!answer.ok()) return;
    *client = {.session = answer.session_id,
               .cluster = asked,
               .ends_ms = now_ms_ + ttl_ms};
  }

  // Also after its lease has ended, as a client does that was cut off.
  void Renew(size_t asked, Belief* client) {
    const LedgerAnswer answer =
        relatives_[asked].cluster->Do(RenewCommand(kAlice, {client->session}));
    if (!answer.ok()) return;
    if (answer.renewed_ttl_ms[0] > 0) {
      client->ends_ms = now_ms_ + answer.renewed_ttl_ms[0];
    } else {
      *client = {};
    }
  }

  void Checkout(size_t asked, Belief* client) {
    const auto count = static_cast<uint32_t>(random_.Between(1, 4));
    const LedgerAnswer answer = relatives_[asked].cluster->Do(
        CheckoutCommand(client->session, {{kFeature, count}}));
    if (!answer.ok()) return;
    client->seats[answer.seat_handles[0]] = count;
    if (asked > 0) ++granted_by_heirs_;
  }

  // The client stops to use it before it says so, and the answer may be lost.
  void Checkin(size_t asked, Belief* client) {
    if (client->seats.empty()) return;
    const uint64_t handle = client->seats.begin()->first;
    client->seats.erase(handle);
    relatives_[asked].cluster->Do(CheckinCommand(client->session, {handle}));
  }

  Random random_;
  int64_t now_ms_ = 0;
  std::vector<Relative> relatives_;
  std::vector<Belief> clients_;
  uint64_t most_ = 0;
  int retired_ = 0;
  int refused_ = 0;
  int believed_gone_ = 0;
  int granted_by_heirs_ = 0;
};

TEST(RestorationTest, ClientsNeverBelieveInMoreSeatsThanThereAre) {
  uint64_t most = 0;
  int retired = 0;
  int refused = 0;
  int gone = 0;
  int granted = 0;
  for (const uint64_t seed : TestSeeds(1, 300)) {
    SCOPED_TRACE(ReplayLine(seed, "licensing_restoration_test", "*Believe*"));
    Family family(seed);
    family.Run();
    if (testing::Test::HasFatalFailure()) return;
    most = std::max(most, family.most());
    retired += family.retired();
    refused += family.refused();
    gone += family.believed_gone();
    granted += family.granted_by_heirs();
  }
  std::printf(
      "%d clusters retired for another, %d not twice, %d believed gone; "
      "restored ones granted %d times; at most %d of %d seats believed in\n",
      retired, refused, gone, granted, static_cast<int>(most),
      static_cast<int>(kTotal));
  // The test is of nothing where restored clusters never come to serve.
  EXPECT_EQ(most, kTotal);
  EXPECT_GT(retired, 20);
  EXPECT_GT(refused, 20);
  EXPECT_GT(gone, 20);
  EXPECT_GT(granted, 1000);
}

}  // namespace
}  // namespace quorate::licensing
