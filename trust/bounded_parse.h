// Parsing protobuf that a stranger wrote.

#ifndef QUORATE_TRUST_BOUNDED_PARSE_H_
#define QUORATE_TRUST_BOUNDED_PARSE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace quorate::trust {

// No document has more bytes, on disk, on the wire or as a payload. OpenSSL
// 3.0 signs Ed25519 in one shot only, so a document stands in memory whole;
// a licence of 1000 features has about 100 KiB.
inline constexpr size_t kMaxDocumentBytes = size_t{1} << 20;

// Containers have no field that a signature covers, so nothing unknown may
// stand in them. A payload may carry fields of a later version: what restricts
// stands in its `crit` as well.
enum class UnknownFields { kNone, kFew };

// Parses all of `bytes` into `message`, which is cleared first. Refusal kSize
// above kMaxDocumentBytes; kForm for anything that is not exactly one message
// of this type, nests deeper than our deepest, or has unknown fields beyond
// what `unknown` allows.
absl::Status ParseBounded(absl::string_view bytes, UnknownFields unknown,
                          google::protobuf::Message* message);

}  // namespace quorate::trust

#endif  // QUORATE_TRUST_BOUNDED_PARSE_H_
