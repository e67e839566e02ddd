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
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

#include "server/licensing/command_digest.h"

namespace quorate::licensing {

// One answer, smaller than its record: there may be millions.
struct RememberedAnswer {
  std::string principal;
  std::string request_id;
  CommandDigest digest = {};
  int64_t answered_cluster_ms = 0;
  uint64_t session_id = 0;
  int64_t ttl_ms = 0;
  int64_t granted_calendar_ms = 0;
  absl::InlinedVector<uint64_t, 2> seat_handles;
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
  // Views of an answer's own strings, and their hash: computed once, so that
  // a table of millions grows without hashing them all again.
  struct Key {
    Key(absl::string_view of_principal, absl::string_view of_request)
        : hash(absl::HashOf(of_principal, of_request)),
          principal(of_principal),
          request_id(of_request) {}

    size_t hash;
    absl::string_view principal;
    absl::string_view request_id;

    friend bool operator==(const Key&, const Key&) = default;
  };

  struct KeyHash {
    size_t operator()(const Key& key) const { return key.hash; }
  };

  // Ends of a deque may change without moving what stays.
  // Invariant: by_request_ finds each of answers_ by its sequence.
  std::deque<RememberedAnswer> answers_;
  absl::flat_hash_map<Key, uint64_t, KeyHash> by_request_;
  uint64_t first_sequence_ = 1;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_REQUEST_LOG_H_
