// Answers about the past: read on a thread of their own, so that the applier
// does not wait for a disk.

#ifndef QUORATE_SERVER_RPC_HISTORY_READER_H_
#define QUORATE_SERVER_RPC_HISTORY_READER_H_

#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/status/status.h"

#include "quorate/type/v1/header.pb.h"

#include "base/bounded_queue.h"
#include "server/history/history_view.h"
#include "server/rpc/member_calls.h"

namespace quorate::server {

// Questions that wait; a person asks a few at a time.
inline constexpr size_t kMaxHistoryQuestions = 64;

// Questions are answered one after another; one that comes while too many wait
// is refused with OVERLOADED. Thread-safe. Outlives the node's last answer, as
// MemberCalls does.
class HistoryReader {
 public:
  // Not owned.
  explicit HistoryReader(MemberCalls* calls);
  ~HistoryReader();

  HistoryReader(const HistoryReader&) = delete;
  HistoryReader& operator=(const HistoryReader&) = delete;

  // Takes a moment as fresh as asked, then runs `fill` on this object's thread:
  //   absl::Status fill(HistoryView* view, int64_t now_ms)
  // OUT_OF_RANGE (too much to be played again) is refused with LIMIT_REACHED;
  // CANCELLED (the call's time is over) and all other errors are refused as a
  // read that was not done in time: the disk's own end the process elsewhere.
  // The response's header says which moment it was.
  template <typename Response, typename Fill>
  void Read(const UnaryCall& call, const type::v1::Consistency& consistency,
            Response* response, Fill fill);

  // Answers what waits, and takes nothing more. Idempotent.
  void Stop();

 private:
  using Answer = std::function<absl::Status(history::HistoryView*)>;

  struct Question {
    UnaryCall call;
    absl::Duration deadline;  // Since boot.
    std::unique_ptr<replication::RecordCursor> cursor;
    Answer answer;
  };

  // On the applier thread.
  void Take(const UnaryCall& call, absl::Duration deadline, Answer answer);
  void Run();
  void Reply(Question question);

  MemberCalls* const calls_;
  BoundedQueue<Question> questions_;
  std::thread thread_;
};

template <typename Response, typename Fill>
void HistoryReader::Read(const UnaryCall& call,
                         const type::v1::Consistency& consistency,
                         Response* response, Fill fill) {
  const MemberCalls::Deps& deps = calls_->deps();
  const absl::Duration deadline = deps.clock->SinceBoot() + call.timeout;
  deps.node->Read(
      ToReadConsistency(consistency), call.timeout,
      [this, call, deadline, response,
       fill = std::move(fill)](replication::ReadOutcome outcome) {
        if (outcome != replication::ReadOutcome::kOk) {
          calls_->Refuse(call, RefusalOf(outcome));
          return;
        }
        const LicensingView& view = *calls_->deps().view;
        const int64_t now_ms = view.ledger->time().calendar_ms;
        FillHeader(
            calls_->member(),
            {.term = view.term, .index = view.applied, .calendar_ms = now_ms},
            response->mutable_header());
        Take(call, deadline,
             [fill, now_ms](history::HistoryView* history) mutable {
               return fill(history, now_ms);
             });
      });
}

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_HISTORY_READER_H_
