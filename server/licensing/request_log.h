// The answers that are remembered, so that a repeated request gets the first
// answer and has no second effect (design §6).
//
// Answers have a sequence number without gaps and are forgotten oldest first.
// The number, not the request, is the key of the record on disk: records come
// and go at the ends of one range.

#ifndef QUORATE_SERVER_LICENSING_REQUEST_LOG_H_
#define QUORATE_SERVER_LICENSING_REQUEST_LOG_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"

#include "server/licensing/command_digest.h"

namespace quorate::licensing {

// One answer, smaller than its record: there may be millions. Immutable after
// construction, but for what the answer was.
class RememberedAnswer {
 public:
  RememberedAnswer(absl::string_view principal, absl::string_view request_id);

  absl::string_view principal() const {
    return absl::string_view(names_).substr(0, principal_size_);
  }

  absl::string_view request_id() const {
    return absl::string_view(names_).substr(principal_size_);
  }

  // Of principal and request id; another one in each process.
  size_t hash() const { return hash_; }

  CommandDigest digest = {};
  int64_t answered_cluster_ms = 0;
  uint64_t session_id = 0;
  int64_t ttl_ms = 0;
  int64_t granted_calendar_ms = 0;
  absl::InlinedVector<uint64_t, 2> seat_handles;

 private:
  std::string names_;  // Both in one, which is one allocation less.
  size_t principal_size_;
  size_t hash_;
};

// Thread-compatible.
class RequestLog {
 public:
  RequestLog() = default;
  RequestLog(const RequestLog&) = delete;
  RequestLog& operator=(const RequestLog&) = delete;

  // The sequence that the first answer gets. Only while the log is empty.
  void StartAt(uint64_t first_sequence);

  // Null where nothing is remembered.
  const RememberedAnswer* Find(absl::string_view principal,
                               absl::string_view request_id) const;

  // False, and nothing is changed, where that request is remembered already.
  bool Add(RememberedAnswer answer);

  void ForgetOldest();

  bool empty() const { return answers_.empty(); }

  size_t size() const { return answers_.size(); }

  const RememberedAnswer& oldest() const { return answers_.front(); }

  uint64_t first_sequence() const { return first_sequence_; }

  uint64_t next_sequence() const { return first_sequence_ + answers_.size(); }

  // From the oldest; the first has first_sequence().
  const std::deque<RememberedAnswer>& answers() const { return answers_; }

 private:
  // An entry of the index keeps the hash, so that a table of millions grows
  // without reading what it points to.
  struct Entry {
    size_t hash;
    const RememberedAnswer* answer;
  };

  struct Probe {
    size_t hash;
    absl::string_view principal;
    absl::string_view request_id;
  };

  struct Hash {
    using is_transparent = void;

    size_t operator()(const Entry& entry) const { return entry.hash; }

    size_t operator()(const Probe& probe) const { return probe.hash; }
  };

  struct Equal {
    using is_transparent = void;

    bool operator()(const Entry& left, const Entry& right) const {
      return left.answer == right.answer ||
             (*this)(left, ProbeFor(*right.answer));
    }

    bool operator()(const Entry& entry, const Probe& probe) const {
      return entry.hash == probe.hash &&
             entry.answer->principal() == probe.principal &&
             entry.answer->request_id() == probe.request_id;
    }
  };

  static Probe ProbeFor(const RememberedAnswer& answer) {
    return {answer.hash(), answer.principal(), answer.request_id()};
  }

  // The ends of a deque may change without moving what stays.
  // Invariant: by_request_ finds each of answers_.
  std::deque<RememberedAnswer> answers_;
  absl::flat_hash_set<Entry, Hash, Equal> by_request_;
  uint64_t first_sequence_ = 1;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_REQUEST_LOG_H_
