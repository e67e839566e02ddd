// When to renew which session, and until when each may be believed in.
//
// Pure: times come in as arguments, decisions go out as values, so that every
// case can be tested without a clock or a network. KeepAlive drives it.

#ifndef QUORATE_CLIENT_LEASE_BOOK_H_
#define QUORATE_CLIENT_LEASE_BOOK_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "base/random.h"
#include "client/loss_reason.h"

namespace quorate {

// All times are Clock::SinceBoot. A lease ends at the time of *sending* the
// last renewal that was acknowledged plus the TTL: the cluster counts its TTL
// from a later moment, so it never frees a seat that is still believed in
// here. Thread-compatible.
class LeaseBook {
 public:
  // A message may name at most so many sessions (KeepAliveRequest.sessions).
  static constexpr size_t kMaxNames = 1000;

  // A session is renewed for the first time after so long, or earlier where its
  // TTL is short: the stream that renews it brings its news, so that from then
  // on it hears of its end and of seats that are called back. Programs that are
  // over by then need no stream.
  static constexpr absl::Duration kFirstRenewal = absl::Seconds(2);

  // Users whose sessions say so are heard of at least so often.
  static constexpr absl::Duration kActivityInterval = absl::Minutes(1);

  struct Activity {
    std::string name;
    absl::Duration idle;
  };

  struct Batch {
    uint64_t sequence = 0;
    std::vector<std::string> names;
    std::vector<Activity> activities;  // Of those that say it.
  };

  enum class StreamOrder {
    kKeep,  // Leave the stream as it is.
    kOpen,  // Drop the stream if there is one, and open another.
    kDrop,  // Give the stream up.
  };

  struct Loss {
    std::string name;
    LossReason reason;
  };

  struct Plan {
    StreamOrder stream = StreamOrder::kKeep;
    // kDrop because the stream gave no answer (and not because it is idle).
    bool silent = false;
    std::vector<Batch> batches;  // To send, after the order for the stream.
    std::vector<Loss> losses;
    absl::Duration wake_at = absl::InfiniteDuration();
  };

  // The answer for one session.
  struct Renewal {
    absl::string_view name;
    bool alive = false;
    absl::Duration ttl;
    bool terminated = false;   // Where it is not alive.
    uint64_t seats_taken = 0;  // Where it is.
  };

  struct Extension {
    std::string name;
    absl::Duration valid_until;
    uint64_t seats_taken = 0;
  };

  struct Outcome {
    std::vector<Extension> extensions;
    std::vector<Loss> losses;
  };

  // A stream that leaves a message unanswered for `answer_timeout` is dead.
  LeaseBook(absl::Duration answer_timeout, uint64_t seed);

  // `sent` is when the call that opened the session was first sent.
  void Add(const std::string& name, absl::Duration ttl, absl::Duration sent);
  void Remove(const std::string& name);

  // It is renewed at the next opportunity; the stream that renews it brings
  // its news.
  void RenewNow(const std::string& name);

  // Its user did something at `now`. From the first time on its renewals say
  // how long that is ago.
  void ReportActivity(const std::string& name, absl::Duration now);

  // What to do at `now`. To be asked again at wake_at, and after every event.
  Plan Next(absl::Duration now);

  // The stream brought an answer. Unknown sequences are ignored: they belong
  // to a stream that was given up.
  Outcome Acknowledge(uint64_t sequence, absl::Span<const Renewal> renewals,
                      absl::Duration now);

  // The member said that it cannot renew now. The stream counts as dropped.
  void Refuse(absl::Duration delay, absl::Duration now);

  // The stream broke.
  void Break(absl::Duration now);

  bool empty() const { return leases_.empty(); }

 private:
  struct Lease {
    absl::Duration ttl;
    absl::Duration valid_until;
    absl::Duration renew_at;
    // RenewNow asked: what was sent before that is no answer to it.
    bool asked = false;
    std::optional<absl::Duration> active_at = std::nullopt;
  };

  struct InFlight {
    uint64_t sequence;
    absl::Duration sent;
    std::vector<std::string> names;
  };

  double Jitter();
  absl::Duration Interval(const Lease& lease);
  absl::Duration AnswerTimeout() const;
  void Abandon(absl::Duration now, absl::Duration reconnect_after);
  std::vector<Batch> TakeDue(absl::Duration now);

  const absl::Duration answer_timeout_;
  Random random_;
  std::map<std::string, Lease> leases_;
  std::deque<InFlight> in_flight_;  // In the order of sending.
  uint64_t last_sequence_ = 0;
  bool have_stream_ = false;
  int failures_ = 0;  // Of streams, since the last acknowledgement.
  absl::Duration reconnect_at_ = -absl::InfiniteDuration();
};

}  // namespace quorate

#endif  // QUORATE_CLIENT_LEASE_BOOK_H_
