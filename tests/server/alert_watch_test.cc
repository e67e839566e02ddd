// What a watch of the alerts sees is raised once, and looking holds nothing up
// and costs the log nothing. By a watch over a ledger without a log.

#include "server/alert_watch.h"

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

#include "server/licensing/alert_book.h"
#include "tests/server/alert_world.h"
#include "tests/server/licensing/commands.h"

namespace quorate::server {
namespace {

// While a cursor of it lives, its member applies and answers nothing: so it is
// where a snapshot waits for the cursors to go (StateStore::Install).
class WaitingStore final : public replication::MemoryStateStore {
 public:
  absl::StatusOr<std::unique_ptr<replication::RecordCursor>> NewCursor()
      const override {
    auto cursor = MemoryStateStore::NewCursor();
    if (!cursor.ok() || node == nullptr) return cursor;
    node->Hold(true);
    ++cursors;
    return std::make_unique<Cursor>(node, *std::move(cursor));
  }

  FakeNode* node = nullptr;
  mutable int cursors = 0;  // That were made.

 private:
  class Cursor final : public replication::RecordCursor {
   public:
    Cursor(FakeNode* node, std::unique_ptr<RecordCursor> cursor)
        : node_(node), cursor_(std::move(cursor)) {}

    ~Cursor() override { node_->Hold(false); }

    void Seek(absl::string_view key) override { cursor_->Seek(key); }

    void SeekForPrev(absl::string_view key) override {
      cursor_->SeekForPrev(key);
    }

    void Next() override { cursor_->Next(); }

    absl::string_view key() const override { return cursor_->key(); }

    absl::string_view value() const override { return cursor_->value(); }

    bool Valid() const override { return cursor_->Valid(); }

    absl::Status status() const override { return cursor_->status(); }

   private:
    FakeNode* const node_;
    const std::unique_ptr<RecordCursor> cursor_;
  };
};

class AlertWatchTest : public AlertWorld {
 protected:
  AlertWatchTest() : AlertWatchTest(new WaitingStore()) {}

  // Owned by the world.
  WaitingStore* const store_;

 private:
  explicit AlertWatchTest(WaitingStore* store)
      : AlertWorld(std::unique_ptr<replication::MemoryStateStore>(store)),
        store_(store) {}
};

TEST_F(AlertWatchTest, RaisesWhatItSeesOnce) {
  Propose(licensing::InstallCommand("L1", 1, {{"cad", 5}}));
  Propose(licensing::OpenCommand(60'000));
  AlertWatch watch({.node = node_.get(),
                    .view = &replica_->view(),
                    .clock = &SystemClock()});
  watch.Look();
  EXPECT_TRUE(Alerts().empty());
  Propose(licensing::CheckoutCommand(1, {{"cad", 5}}));
  watch.Look();
  watch.Look();
  ASSERT_EQ(Alerts().size(), 1U);
  EXPECT_EQ(Alerts()[0].facts().key(), "pool_usage/cad");
  node_->SetLeads(false);
  watch.Look();
  // Another leader, who has looked at nothing yet.
  node_->SetLeads(true);
  AlertWatch heir({.node = node_.get(),
                   .view = &replica_->view(),
                   .clock = &SystemClock()});
  heir.Look();
  EXPECT_EQ(Alerts().size(), 1U);
}

TEST_F(AlertWatchTest, WaitsForNothingWhileItReadsDenials) {
  Propose(licensing::InstallCommand("L1", 1, {{"cad", 5}}));
  Propose(licensing::OpenCommand(60'000));
  Propose(licensing::CheckoutCommand(1, {{"cad", 5}}));
  store_->node = node_.get();
  AlertWatch watch({.node = node_.get(),
                    .view = &replica_->view(),
                    .clock = &SystemClock()});
  absl::Notification looked;
  std::thread looks([&] {
    watch.Look();
    looked.Notify();
  });
  const bool done = looked.WaitForNotificationWithTimeout(kAlertLimit);
  EXPECT_TRUE(done);
  // Else it is answered after all.
  while (!looked.WaitForNotificationWithTimeout(absl::Milliseconds(10)))
    node_->Hold(false);
  looks.join();
  EXPECT_EQ(store_->cursors, 1);
  EXPECT_EQ(Alerts().size(), 1U);
}

// Each look at it is half a second later.
class HurryingClock final : public Clock {
 public:
  absl::Duration SinceBoot() const override {
    return now_ += absl::Milliseconds(500);
  }

  absl::Time Calendar() const override { return SystemClock().Calendar(); }

 private:
  mutable absl::Duration now_ = absl::Hours(1);
};

TEST_F(AlertWatchTest, GoesOnWithMoreFeaturesThanOneLookReads) {
  Propose(licensing::OpenCommand(60'000));
  constexpr uint32_t kFew = 2;
  SetRecipients({}, 100, kFew);
  for (uint32_t i = 0; i <= kFew; ++i) {
    for (int feature = 10; feature < 30; ++feature) {
      Refused(
          licensing::CheckoutCommand(1, {{absl::StrCat("no", feature), 1}}));
    }
  }
  const HurryingClock clock;
  AlertWatch watch(
      {.node = node_.get(), .view = &replica_->view(), .clock = &clock});
  for (int i = 0; i < 200; ++i)
    watch.Look();
  EXPECT_EQ(Alerts().size(), 20U);
}

// More is so than the book takes: what is over goes on being looked at, but
// nothing is put into the log again and again.
TEST_F(AlertWatchTest, AsksForNothingThatHasNoRoom) {
  for (size_t i = 0; i < licensing::kMaxAlerts; ++i)
    Raise(absl::StrCat("n", i));
  Propose(licensing::InstallCommand("L1", 1, {{"cad", 5}}));
  Propose(licensing::OpenCommand(60'000));
  Propose(licensing::CheckoutCommand(1, {{"cad", 5}}));
  AlertWatch watch({.node = node_.get(),
                    .view = &replica_->view(),
                    .clock = &SystemClock()});
  watch.Look();  // Ends the marks of members that are none.
  const size_t before = node_->commands().size();
  watch.Look();
  watch.Look();
  EXPECT_EQ(node_->commands().size(), before);
}

}  // namespace
}  // namespace quorate::server
