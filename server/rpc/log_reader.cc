#include "server/rpc/log_reader.h"

#include <utility>
#include <vector>

namespace quorate::server {
namespace {

// Between two looks whether it is to end; closing the queue wakes it.
constexpr absl::Duration kLook = absl::Seconds(1);

}  // namespace

LogReader::LogReader(MemberCalls* calls, std::string folder)
    : calls_(calls),
      folder_(std::move(folder)),
      queue_(kMaxLogQuestions),
      thread_([this] { Run(); }) {}

LogReader::~LogReader() {
  Stop();
}

void LogReader::Stop() {
  queue_.Close();
  if (thread_.joinable()) thread_.join();
}

void LogReader::Search(const UnaryCall& call, LogQuestion question,
                       std::function<void(const LogAnswer&)> fill) {
  Waiting waiting = {
      .call = call,
      .deadline = calls_->deps().clock->SinceBoot() + call.timeout,
      .question = std::move(question),
      .fill = std::move(fill)};
  if (queue_.TryPush(std::move(waiting))) return;
  calls_->Refuse(call, RefusalOf(replication::ReadOutcome::kOverloaded));
}

void LogReader::Run() {
  while (true) {
    const std::vector<Waiting> taken = queue_.TakeAll(kLook);
    if (taken.empty() && queue_.closed()) return;
    for (const Waiting& waiting : taken)
      Reply(waiting);
  }
}

void LogReader::Reply(const Waiting& waiting) {
  if (calls_->deps().clock->SinceBoot() >= waiting.deadline) {
    calls_->Refuse(waiting.call,
                   RefusalOf(replication::ReadOutcome::kTimedOut));
    return;
  }
  waiting.fill(keeps() ? SearchLog(folder_, waiting.question) : LogAnswer());
  calls_->Succeed(waiting.call);
}

}  // namespace quorate::server
