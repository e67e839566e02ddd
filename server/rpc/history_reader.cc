#include "server/rpc/history_reader.h"

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

#include "base/log.h"
#include "server/history/replay.h"

namespace quorate::server {
namespace {

// Between two looks whether it is to end; closing the queue wakes it.
constexpr absl::Duration kLook = absl::Seconds(1);

}  // namespace

HistoryReader::HistoryReader(MemberCalls* calls)
    : calls_(calls),
      questions_(kMaxHistoryQuestions),
      thread_([this] { Run(); }) {}

HistoryReader::~HistoryReader() {
  Stop();
}

void HistoryReader::Stop() {
  questions_.Close();
  if (thread_.joinable()) thread_.join();
}

void HistoryReader::Take(const UnaryCall& call, absl::Duration deadline,
                         Answer answer) {
  absl::StatusOr<std::unique_ptr<replication::RecordCursor>> cursor =
      calls_->deps().view->records->NewCursor();
  if (!cursor.ok()) {
    calls_->Refuse(call, RefusalOf(replication::ReadOutcome::kStopping));
    return;
  }
  Question question = {.call = call,
                       .deadline = deadline,
                       .cursor = *std::move(cursor),
                       .answer = std::move(answer)};
  if (questions_.TryPush(std::move(question))) return;
  calls_->Refuse(call, RefusalOf(replication::ReadOutcome::kOverloaded));
}

void HistoryReader::Run() {
  while (true) {
    std::vector<Question> taken = questions_.TakeAll(kLook);
    if (taken.empty() && questions_.closed()) return;
    for (Question& question : taken)
      Reply(std::move(question));
  }
}

void HistoryReader::Reply(Question question) {
  const UnaryCall call = question.call;
  absl::StatusOr<history::HistoryView> view = history::HistoryView::Open(
      question.cursor.get(),
      [clock = calls_->deps().clock, deadline = question.deadline] {
        return clock->SinceBoot() >= deadline;
      });
  absl::Status status = view.status();
  if (status.ok()) status = question.answer(&*view);
  // It holds files of the disk.
  question.cursor.reset();
  if (status.ok()) {
    calls_->Succeed(call);
    return;
  }
  if (absl::IsOutOfRange(status)) {
    calls_->Refuse(call,
                   {.reason = type::v1::ERROR_REASON_LIMIT_REACHED,
                    .metadata = {{"limit", "replayed_requests"},
                                 {"max", absl::StrCat(history::kMaxDemands)}}});
    return;
  }
  if (!absl::IsCancelled(status)) {
    LogError("history", "not_read",
             {{"status", std::string(status.message())}});
  }
  calls_->Refuse(call, RefusalOf(replication::ReadOutcome::kTimedOut));
}

}  // namespace quorate::server
