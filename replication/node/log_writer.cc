#include "replication/node/log_writer.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "base/log.h"
#include "replication/storage/append_merge.h"

namespace quorate::replication {
namespace {

// From here on the consensus thread takes nothing from outside. A thousand
// appends are merged into one write, so a healthy disk never has so many.
constexpr size_t kBackloggedWorks = 1024;

// While backlogged only the core's own timers make works, a few a second (an
// election each). The disk would have to hang for hours to fill this.
constexpr size_t kMaxWorks = size_t{64} * 1024;

constexpr absl::Duration kIdleWait = absl::Seconds(10);

// A write that takes so long is worth a line: leadership may move because of
// it.
constexpr absl::Duration kSlowWrite = absl::Milliseconds(500);

}  // namespace

LogWriter::LogWriter(const Deps& deps) : deps_(deps), queue_(kMaxWorks) {}

LogWriter::~LogWriter() {
  Stop();
}

void LogWriter::Start() {
  thread_ = std::thread([this] { Run(); });
}

void LogWriter::Push(raft::AppendWork work) {
  QUORATE_CHECK(queue_.TryPush(std::move(work)));
}

bool LogWriter::Backlogged() const {
  return queue_.size() >= kBackloggedWorks;
}

void LogWriter::Stop() {
  queue_.Close();
  if (thread_.joinable()) thread_.join();
}

void LogWriter::Run() {
  while (true) {
    std::vector<raft::AppendWork> works = queue_.TakeAll(kIdleWait);
    if (!works.empty()) {
      Write(std::move(works));
    } else if (queue_.closed()) {
      return;
    }
  }
}

void LogWriter::Append(const LogWrite& write) {
  const absl::Duration began = deps_.clock->SinceBoot();
  deps_.log->Append(write);
  const absl::Duration took = deps_.clock->SinceBoot() - began;
  if (deps_.latencies != nullptr) deps_.latencies->sync().Record(took);
  if (took < kSlowWrite) return;
  LogWarn("storage", "slow_write",
          {{"ms", absl::StrCat(absl::ToInt64Milliseconds(took))}});
}

void LogWriter::Write(std::vector<raft::AppendWork> works) {
  std::vector<const raft::AppendWork*> in_order;
  in_order.reserve(works.size());
  for (const raft::AppendWork& work : works) {
    in_order.push_back(&work);
  }
  const LogWrite write = MergeAppends(in_order);
  if (!write.empty()) Append(write);
  std::vector<InsideEvent> receipts;
  receipts.reserve(works.size() + 1);
  if (write.install.has_value()) {
    deps_.install(*write.install);
    receipts.emplace_back(InstalledEvent{.index = write.install->index});
  }
  for (raft::AppendWork& work : works) {
    for (raft::Message& message : work.messages) {
      const raft::MemberId from = message.from;
      const raft::MemberId to = message.to;
      deps_.transport->Send(
          PeerMessage{.from = from, .to = to, .body = std::move(message)});
    }
    receipts.push_back(work.receipt);
  }
  deps_.inbox->Push(std::move(receipts));
}

}  // namespace quorate::replication
