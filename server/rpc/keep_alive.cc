#include "server/rpc/keep_alive.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "server/policy/policy_check.h"
#include "server/rpc/response_header.h"
#include "server/rpc/session_event.h"
#include "server/rpc/validation.h"

namespace quorate::server {

using checkout::v1::KeepAliveRequest;
using checkout::v1::KeepAliveResponse;

namespace {

// Messages of one stream that are under way; more are not read, so the
// client's flow control holds them. A client needs one at a time; a few let a
// big one split its sessions.
constexpr size_t kMaxRounds = 8;

// Sessions of one message (checkout.proto).
constexpr int kMaxSessionsOfMessage = 1000;

// News that waits for a slow client; more is left out, and the client finds it
// when it asks.
constexpr size_t kMaxNews = 64;

// Of one that was not renewed. On the applier thread.
void DescribeLost(const licensing::Ledger& ledger, uint64_t session_id,
                  absl::string_view principal,
                  checkout::v1::SessionRenewal* renewal) {
  const auto* termination = ledger.FindTermination(session_id);
  // What became of others' is nobody's business.
  if (termination == nullptr || termination->principal() != principal) {
    renewal->set_state(checkout::v1::SESSION_STATE_GONE);
    return;
  }
  renewal->set_state(checkout::v1::SESSION_STATE_TERMINATED);
  renewal->mutable_terminated()->set_reason(termination->reason());
  renewal->mutable_terminated()->set_terminated_by(
      termination->terminated_by());
}

// Of at most `most` sessions. Those that are not renewed are left alone.
void ParseActivities(
    const google::protobuf::RepeatedPtrField<checkout::v1::SessionActivity>&
        activities,
    int most, RenewalBatcher::Renewals* renewals, FieldFaults* faults) {
  if (activities.size() > most) {
    faults->Add("activities", "must be at most one for each session");
    return;
  }
  for (int i = 0; i < activities.size(); ++i) {
    const std::optional<uint64_t> id =
        ParseSessionName(activities[i].session());
    const google::protobuf::Duration& idle = activities[i].idle();
    if (!id.has_value() || idle.seconds() < 0 || idle.nanos() < 0) {
      faults->Add(absl::StrCat("activities[", i, "]"),
                  "must be of a session, and its time not before 0");
      return;
    }
    // Longer is not told apart.
    const int64_t seconds =
        std::min<int64_t>(idle.seconds(), policy::kMaxIdleMs / 1000);
    renewals->idle_ms[*id] = seconds * 1000 + idle.nanos() / 1'000'000;
  }
}

}  // namespace

// One client's stream. Reads come in, go to the batcher, and are answered in
// their order. It deletes itself in OnDone, which gRPC calls last; it finishes
// only when the batcher holds nothing of it.
class KeepAliveStream final
    : public grpc::ServerBidiReactor<KeepAliveRequest, KeepAliveResponse> {
 public:
  KeepAliveStream(MemberCalls* calls, RenewalBatcher* batcher,
                  KeepAliveStreams* streams, Caller caller)
      : calls_(calls),
        batcher_(batcher),
        streams_(streams),
        caller_(std::move(caller)) {}

  // Reads the first message.
  void Begin() { StartRead(&request_); }

  // Keeps the stream from finishing until End; false where it has finished.
  bool Hold();

  // Brings news over a held stream, which may be gone when this returns.
  void Tell(KeepAliveResponse news);

  // Ends a held stream with this once what is under way is answered. It may be
  // gone when this returns.
  void End(const Refusal& refusal);

 private:
  // One message under way.
  struct Round {
    KeepAliveResponse response;
    std::vector<std::string> names;
    std::vector<uint64_t> session_ids;
    bool answered = false;
  };

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  std::optional<Refusal> ParseRequest(RenewalBatcher::Renewals* renewals);
  void OnRenewed(Round* round, const RenewalResult& result);
  void SetEndLocked(grpc::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void BreakLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Starts what can be started now; everything that changed the state calls
  // it. Starting only queues an operation with gRPC, so the lock is held, and
  // the order of operations is the order of decisions. Returns a status where
  // the caller has to call Finish with it, without the lock: nobody else does,
  // and the stream may be gone at once. Where it returns nothing, a caller
  // that is not one of gRPC's reactions must not touch the stream again.
  std::optional<grpc::Status> AdvanceLocked()
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after construction.
  MemberCalls* const calls_;
  RenewalBatcher* const batcher_;
  KeepAliveStreams* const streams_;
  const Caller caller_;

  // Belongs to gRPC from StartRead to OnReadDone, then to OnReadDone.
  KeepAliveRequest request_;

  Mutex mu_;
  std::deque<std::unique_ptr<Round>> rounds_ ABSL_GUARDED_BY(mu_);
  std::deque<KeepAliveResponse> news_ ABSL_GUARDED_BY(mu_);
  // By the batcher, by one who brings news, or by EndAll.
  size_t held_ ABSL_GUARDED_BY(mu_) = 0;
  bool reading_ ABSL_GUARDED_BY(mu_) = true;
  bool read_closed_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_news_ ABSL_GUARDED_BY(mu_) = false;
  bool broken_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<grpc::Status> end_ ABSL_GUARDED_BY(mu_);
};

namespace {

// A stream that was refused.
class RefusedStream final
    : public grpc::ServerBidiReactor<KeepAliveRequest, KeepAliveResponse> {
 public:
  explicit RefusedStream(grpc::Status status) { Finish(std::move(status)); }

  void OnDone() override { delete this; }
};

}  // namespace

void KeepAliveStream::OnReadDone(bool ok) {
  RenewalBatcher::Renewals renewals = {.principal = caller_.principal};
  std::optional<Refusal> refusal;
  // The stream may be older than what became of his account.
  if (ok) refusal = calls_->RefuseAgain(caller_);
  if (ok && !refusal.has_value()) refusal = ParseRequest(&renewals);
  Round* round = nullptr;
  std::optional<grpc::Status> finish;
  {
    MutexLock lock(&mu_);
    reading_ = false;
    if (!ok) read_closed_ = true;
    if (refusal.has_value()) SetEndLocked(calls_->StatusOf(*refusal));
    if (ok && !end_.has_value()) {
      rounds_.push_back(std::make_unique<Round>());
      round = rounds_.back().get();
      round->response.set_sequence(request_.sequence());
      auto* names = request_.mutable_sessions();
      round->names = {std::make_move_iterator(names->begin()),
                      std::make_move_iterator(names->end())};
      round->session_ids = renewals.session_ids;
      ++held_;
    }
    finish = AdvanceLocked();
  }
  if (finish.has_value()) {
    Finish(*std::move(finish));
    return;
  }
  if (round == nullptr) return;
  const auto done = [this, round](const RenewalResult& result) {
    OnRenewed(round, result);
  };
  if (batcher_->Submit(std::move(renewals), done)) return;
  RenewalResult refused;
  refused.refusal = Refusal{.reason = type::v1::ERROR_REASON_OVERLOADED};
  OnRenewed(round, refused);
}

std::optional<Refusal> KeepAliveStream::ParseRequest(
    RenewalBatcher::Renewals* renewals) {
  FieldFaults faults;
  const auto& names = request_.sessions();
  if (names.empty() || names.size() > kMaxSessionsOfMessage) {
    faults.Add("sessions",
               absl::StrCat("must be 1 to ", kMaxSessionsOfMessage));
    return std::move(faults).ToRefusal();
  }
  renewals->session_ids.reserve(names.size());
  for (int i = 0; i < names.size(); ++i) {
    const std::optional<uint64_t> id = ParseSessionName(names[i]);
    if (!id.has_value()) {
      faults.Add(absl::StrCat("sessions[", i, "]"),
                 "must be \"sessions/\" and a number");
      return std::move(faults).ToRefusal();
    }
    renewals->session_ids.push_back(*id);
  }
  ParseActivities(request_.activities(), names.size(), renewals, &faults);
  if (!faults.empty()) return std::move(faults).ToRefusal();
  return std::nullopt;
}

void KeepAliveStream::OnRenewed(Round* round, const RenewalResult& result) {
  KeepAliveResponse* response = &round->response;
  FillHeader(calls_->member(),
             {.term = result.term,
              .index = result.index,
              .calendar_ms = result.calendar_ms},
             response->mutable_header());
  if (result.refusal.has_value()) {
    SetDuration(calls_->RetryDelay(), response->mutable_retry());
  } else {
    // Before the answer: who has it misses no news.
    std::vector<uint64_t> alive;
    alive.reserve(round->session_ids.size());
    for (size_t i = 0; i < round->session_ids.size(); ++i) {
      if (result.ttl_ms[i] > 0) alive.push_back(round->session_ids[i]);
    }
    streams_->Watch(this, alive);
    response->mutable_renewals()->Reserve(
        static_cast<int>(round->names.size()));
    for (size_t i = 0; i < round->names.size(); ++i) {
      checkout::v1::SessionRenewal* renewal = response->add_renewals();
      renewal->set_session(std::move(round->names[i]));
      if (result.ttl_ms[i] > 0) {
        renewal->set_state(checkout::v1::SESSION_STATE_ALIVE);
        SetDuration(absl::Milliseconds(result.ttl_ms[i]),
                    renewal->mutable_ttl());
        const internal::v1::SessionRecord* const session =
            calls_->deps().view->ledger->FindSession(round->session_ids[i]);
        if (session != nullptr) {
          renewal->set_seats_taken(session->seats_taken());
        }
      } else {
        DescribeLost(*calls_->deps().view->ledger, round->session_ids[i],
                     caller_.principal, renewal);
      }
    }
  }
  std::optional<grpc::Status> finish;
  {
    MutexLock lock(&mu_);
    round->answered = true;
    --held_;
    finish = AdvanceLocked();
  }
  if (finish.has_value()) Finish(*std::move(finish));
}

void KeepAliveStream::OnWriteDone(bool ok) {
  std::optional<grpc::Status> finish;
  {
    MutexLock lock(&mu_);
    writing_ = false;
    if (std::exchange(writing_news_, false)) {
      news_.pop_front();
    } else {
      rounds_.pop_front();
    }
    if (!ok) BreakLocked();
    finish = AdvanceLocked();
  }
  if (finish.has_value()) Finish(*std::move(finish));
}

void KeepAliveStream::OnCancel() {
  std::optional<grpc::Status> finish;
  {
    MutexLock lock(&mu_);
    BreakLocked();
    finish = AdvanceLocked();
  }
  if (finish.has_value()) Finish(*std::move(finish));
}

void KeepAliveStream::OnDone() {
  streams_->Forget(this);
  delete this;
}

bool KeepAliveStream::Hold() {
  MutexLock lock(&mu_);
  if (finished_) return false;
  ++held_;
  return true;
}

void KeepAliveStream::Tell(KeepAliveResponse news) {
  std::optional<grpc::Status> finish;
  {
    MutexLock lock(&mu_);
    if (news_.size() < kMaxNews) news_.push_back(std::move(news));
    --held_;
    finish = AdvanceLocked();
  }
  if (finish.has_value()) Finish(*std::move(finish));
}

void KeepAliveStream::End(const Refusal& refusal) {
  std::optional<grpc::Status> finish;
  {
    MutexLock lock(&mu_);
    SetEndLocked(calls_->StatusOf(refusal));
    --held_;
    finish = AdvanceLocked();
  }
  if (finish.has_value()) Finish(*std::move(finish));
}

void KeepAliveStream::SetEndLocked(grpc::Status status) {
  if (!end_.has_value()) end_ = std::move(status);
}

void KeepAliveStream::BreakLocked() {
  broken_ = true;
  SetEndLocked({grpc::StatusCode::CANCELLED, "the stream is broken"});
}

std::optional<grpc::Status> KeepAliveStream::AdvanceLocked() {
  if (finished_) return std::nullopt;
  const bool can_write = !writing_ && !broken_;
  if (can_write && !news_.empty()) {
    writing_ = true;
    writing_news_ = true;
    StartWrite(&news_.front());
  } else if (can_write && !rounds_.empty() && rounds_.front()->answered) {
    writing_ = true;
    StartWrite(&rounds_.front()->response);
  }
  const bool can_read = !reading_ && !read_closed_ && !end_.has_value();
  if (can_read && rounds_.size() < kMaxRounds) {
    reading_ = true;
    StartRead(&request_);
  }
  if (read_closed_) SetEndLocked(grpc::Status::OK);
  // Where nothing is held and nothing is written, every answer is out, or
  // nobody is there to take it.
  if (!end_.has_value() || writing_ || held_ > 0) return std::nullopt;
  finished_ = true;
  return end_;
}

KeepAliveStreams::KeepAliveStreams(MemberCalls* calls, RenewalBatcher* batcher)
    : calls_(calls), batcher_(batcher) {
  calls_->deps().view->events->Listen(
      [this](const licensing::LedgerEvent& event) { OnEvent(event); });
}

KeepAliveStreams::~KeepAliveStreams() {
  calls_->deps().view->events->Listen(nullptr);
}

grpc::ServerBidiReactor<KeepAliveRequest, KeepAliveResponse>*
KeepAliveStreams::Open(grpc::CallbackServerContext* call) {
  Caller caller;
  std::optional<Refusal> refusal =
      calls_->RefuseStream<KeepAliveRequest>(call, &caller);
  if (!refusal.has_value()) {
    auto* stream =
        new KeepAliveStream(calls_, batcher_, this, std::move(caller));
    if (Remember(stream)) {
      stream->Begin();
      return stream;
    }
    delete stream;
    refusal = Refusal{.reason = type::v1::ERROR_REASON_OVERLOADED};
  }
  return new RefusedStream(calls_->StatusOf(*std::move(refusal)));
}

bool KeepAliveStreams::Remember(KeepAliveStream* stream) {
  MutexLock lock(&mu_);
  if (ended_ || streams_.size() >= kMaxStreams) return false;
  streams_.insert(stream);
  return true;
}

void KeepAliveStreams::Forget(KeepAliveStream* stream) {
  MutexLock lock(&mu_);
  streams_.erase(stream);
  watch_.Forget(stream);
}

void KeepAliveStreams::Watch(KeepAliveStream* stream,
                             std::span<const uint64_t> session_ids) {
  const licensing::Ledger& ledger = *calls_->deps().view->ledger;
  std::vector<uint64_t> fresh;
  {
    MutexLock lock(&mu_);
    for (const uint64_t session_id : session_ids) {
      if (watch_.Find(session_id) != stream) fresh.push_back(session_id);
    }
    watch_.Watch(stream, session_ids, [&ledger](uint64_t session_id) {
      return ledger.FindSession(session_id) != nullptr;
    });
  }
  // Of what was warned of before, also by this renewal, it has not heard.
  for (const uint64_t session_id : fresh) {
    for (const auto& warning : ledger.WarningsOf(session_id)) {
      if (stream->Hold()) stream->Tell(NewsOf(warning));
    }
  }
}

void KeepAliveStreams::OnEvent(const licensing::LedgerEvent& event) {
  KeepAliveStream* stream = nullptr;
  {
    MutexLock lock(&mu_);
    stream = watch_.Find(event.session_id);
    if (stream == nullptr || !stream->Hold()) return;
  }
  stream->Tell(NewsOf(event));
}

KeepAliveResponse KeepAliveStreams::NewsOf(
    const licensing::LedgerEvent& event) const {
  const LicensingView& view = *calls_->deps().view;
  KeepAliveResponse news;
  FillHeader(calls_->member(),
             {.term = view.term,
              .index = view.applied,
              .calendar_ms = view.ledger->time().calendar_ms},
             news.mutable_header());
  DescribeEvent(event, news.mutable_event());
  return news;
}

void KeepAliveStreams::EndAll() {
  std::vector<KeepAliveStream*> held;
  {
    MutexLock lock(&mu_);
    ended_ = true;
    // A stream that is not held here cannot be gone: it is forgotten first.
    for (KeepAliveStream* stream : streams_) {
      if (stream->Hold()) held.push_back(stream);
    }
  }
  for (KeepAliveStream* stream : held) {
    stream->End({.reason = type::v1::ERROR_REASON_STOPPING});
  }
}

}  // namespace quorate::server
