#include "client/caller.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "grpc/support/time.h"

#include "client/error.h"

namespace quorate {
namespace {

// An attempt gets this much more time after each round over all endpoints, so
// that a cluster that is slow and not dead is given the time to answer.
constexpr double kAttemptGrowth = 1.6;
constexpr absl::Duration kLongestAttempt = absl::Seconds(6);
constexpr absl::Duration kShortestAttempt = absl::Milliseconds(50);

// After the first failure ask the next one nearly at once; if that does not
// help either, wait longer and longer, but never for more than about half of
// what has passed: an election is over in a second or two, and its end must
// not be slept through.
constexpr absl::Duration kFirstPause = absl::Milliseconds(20);
constexpr absl::Duration kLongestPause = absl::Milliseconds(400);
constexpr double kPauseGrowth = 1.5;

// While a connection is waited for a cancellation is not; it may be so late.
constexpr absl::Duration kConnectingSlice = absl::Milliseconds(20);

// A member that asks for a longer wait than this is not believed: another one
// may be able to serve.
constexpr absl::Duration kLongestRetryDelay = absl::Seconds(2);

// Once TLS has failed so often at each endpoint it is not a member that is
// just changing its certificate.
constexpr int kTlsRounds = 2;

void SetTimeout(absl::Duration timeout, grpc::ClientContext* context) {
  // A span, which gRPC puts on its monotonic clock: calendar jumps do not
  // matter.
  context->set_deadline(
      gpr_time_from_micros(absl::ToInt64Microseconds(timeout), GPR_TIMESPAN));
}

// What gRPC says of a failure, without what it always says.
std::string Words(const absl::Status& status) {
  absl::string_view words = status.message();
  absl::ConsumePrefix(&words,
                      "failed to connect to all addresses; last error: ");
  return std::string(words);
}

absl::Status Cancelled() {
  return absl::CancelledError("the call was cancelled");
}

}  // namespace

// What one call has seen so far.
struct Caller::Progress {
  explicit Progress(size_t endpoints)
      : tries(endpoints, 0), last(endpoints), untrusted(endpoints, false) {}

  // How often the least tried endpoint was tried.
  int rounds() const { return *std::min_element(tries.begin(), tries.end()); }

  bool all_untrusted() const {
    return std::all_of(untrusted.begin(), untrusted.end(),
                       [](bool one) { return one; });
  }

  std::vector<int> tries;
  std::vector<std::string> last;  // What happened at each endpoint, in words.
  std::vector<bool> untrusted;    // TLS failed in its last attempt.
  int failures = 0;
  uint64_t cancellations = 0;          // As counted when the call began.
  bool silent = false;                 // Some attempt ended without an answer.
  std::optional<absl::Status> answer;  // The last "not now" of a member.
};

Caller::Caller(EndpointSet* endpoints, const Clock* clock)
    : endpoints_(endpoints), clock_(clock), random_(SystemRandomId()) {}

absl::Status Caller::Run(const CallLimits& limits, Attempt attempt) {
  const absl::Duration end = clock_->SinceBoot() + limits.deadline;
  Progress progress = Begin();
  // Three attempts have to fit also into a short deadline.
  const absl::Duration first_attempt =
      limits.rounds == 1
          ? limits.first_attempt
          : std::min(limits.first_attempt,
                     std::max(limits.deadline / 3, kShortestAttempt));
  while (true) {
    const absl::Duration left = end - clock_->SinceBoot();
    if (left <= absl::ZeroDuration()) return GiveUp(progress);
    const int rounds = progress.rounds();
    if (limits.rounds > 0 && rounds >= limits.rounds) return GiveUp(progress);
    if (rounds >= kTlsRounds && progress.all_untrusted()) {
      return GiveUp(progress);
    }
    absl::Duration timeout = first_attempt;
    for (int i = 0; i < rounds && timeout < kLongestAttempt; ++i) {
      timeout *= kAttemptGrowth;
    }
    timeout = std::min({timeout, kLongestAttempt, left});

    const size_t index = endpoints_->Choose(progress.tries);
    const Connection& connection = endpoints_->at(index);
    absl::Status status =
        FromRpcStatus(RunAttempt(connection, timeout, progress, attempt));
    const Verdict verdict = Judge(status);
    if (!Pause(progress, absl::ZeroDuration())) return Cancelled();
    endpoints_->Report(index, verdict);
    if (verdict == Verdict::kDone) return status;

    ++progress.tries[index];
    ++progress.failures;
    progress.untrusted[index] = verdict == Verdict::kUntrusted;
    progress.last[index] =
        verdict == Verdict::kSilent
            ? absl::StrCat("no answer within ", absl::FormatDuration(timeout))
            : Words(status);
    if (verdict == Verdict::kSilent) progress.silent = true;
    if (verdict == Verdict::kAskAgain) progress.answer = status;

    const absl::Duration pause =
        std::min(PauseAfter(status, progress), end - clock_->SinceBoot());
    const size_t next = endpoints_->Choose(progress.tries);
    if (!PauseConnecting(progress, pause, endpoints_->at(next))) {
      return Cancelled();
    }
  }
}

void Caller::Cancel() {
  MutexLock lock(&mu_);
  ++cancellations_;
  for (grpc::ClientContext* context : under_way_) {
    context->TryCancel();
  }
  cancelled_.NotifyAll();
}

void Caller::Stop() {
  {
    MutexLock lock(&mu_);
    stopped_ = true;
  }
  Cancel();
}

Caller::Progress Caller::Begin() {
  Progress progress(endpoints_->size());
  MutexLock lock(&mu_);
  progress.cancellations = cancellations_;
  return progress;
}

bool Caller::CancelledLocked(const Progress& progress) const {
  return stopped_ || cancellations_ != progress.cancellations;
}

grpc::Status Caller::RunAttempt(const Connection& connection,
                                absl::Duration timeout,
                                const Progress& progress, Attempt attempt) {
  grpc::ClientContext context;
  SetTimeout(timeout, &context);
  {
    MutexLock lock(&mu_);
    if (CancelledLocked(progress)) return grpc::Status::CANCELLED;
    under_way_.insert(&context);
  }
  grpc::Status status = attempt(connection, &context);
  MutexLock lock(&mu_);
  under_way_.erase(&context);
  return status;
}

absl::Duration Caller::PauseAfter(const absl::Status& status,
                                  const Progress& progress) {
  absl::Duration pause = kFirstPause;
  for (int i = 1; i < progress.failures && pause < kLongestPause; ++i) {
    pause *= kPauseGrowth;
  }
  pause = std::min(pause, kLongestPause);
  const auto asked = RetryDelayOf(status);
  if (asked.has_value()) {
    pause = std::clamp(*asked, kFirstPause, kLongestRetryDelay);
    // Another member may know better: its first answer is not waited for.
    if (progress.rounds() == 0) pause = std::min(pause, 2 * kFirstPause);
  }
  MutexLock lock(&mu_);
  // From 0.9 to 1.4 times: so clients that failed together come apart. A delay
  // that a member asks for differs from client to client already.
  return pause * (0.9 + static_cast<double>(random_.Below(500)) / 1000.0);
}

bool Caller::PauseConnecting(const Progress& progress, absl::Duration pause,
                             const Connection& next) {
  const absl::Duration end = clock_->SinceBoot() + pause;
  absl::Duration left = pause;
  while (left > absl::ZeroDuration() &&
         next.channel->GetState(/*try_to_connect=*/true) !=
             GRPC_CHANNEL_READY) {
    if (!Pause(progress, absl::ZeroDuration())) return false;
    next.channel->WaitForConnected(gpr_time_add(
        gpr_now(GPR_CLOCK_MONOTONIC),
        gpr_time_from_micros(
            absl::ToInt64Microseconds(std::min(left, kConnectingSlice)),
            GPR_TIMESPAN)));
    left = end - clock_->SinceBoot();
  }
  return Pause(progress, left);
}

bool Caller::Pause(const Progress& progress, absl::Duration pause) {
  const absl::Duration end = clock_->SinceBoot() + pause;
  MutexLock lock(&mu_);
  while (!CancelledLocked(progress)) {
    const absl::Duration left = end - clock_->SinceBoot();
    if (left <= absl::ZeroDuration()) return true;
    cancelled_.WaitFor(&mu_, left);
  }
  return false;
}

absl::Status Caller::GiveUp(const Progress& progress) const {
  std::vector<std::string> parts;
  for (size_t index = 0; index < progress.last.size(); ++index) {
    if (progress.tries[index] == 0) continue;
    parts.push_back(absl::StrCat(endpoints_->at(index).address, ": ",
                                 progress.last[index]));
  }
  const std::string tried = absl::StrJoin(parts, "; ");
  if (progress.all_untrusted()) {
    return absl::UnauthenticatedError(
        absl::StrCat("TLS failed at every endpoint (", tried, ")"));
  }
  if (progress.answer.has_value()) {
    absl::Status status(
        progress.answer->code(),
        absl::StrCat(progress.answer->message(), " (", tried, ")"));
    progress.answer->ForEachPayload(
        [&](absl::string_view url, const absl::Cord& payload) {
          status.SetPayload(url, payload);
        });
    return status;
  }
  if (progress.silent) {
    return absl::DeadlineExceededError(
        absl::StrCat("no member answered in time (", tried, ")"));
  }
  return absl::UnavailableError(
      absl::StrCat("no member can be reached (", tried, ")"));
}

std::string DrawRequestId() {
  return absl::BytesToHexString(SystemRandomBytes(16));
}

}  // namespace quorate
