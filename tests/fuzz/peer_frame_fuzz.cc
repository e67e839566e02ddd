// Whatever bytes a peer sends as a frame are refused, or mean one message that
// is the same after another trip. libFuzzer makes the bytes, or edits good
// ones.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/stubs/logging.h"

#include "quorate/internal/v1/raft.pb.h"

#include "base/check.h"
#include "base/random.h"
#include "replication/wire/peer_codec.h"
#include "tests/fuzz/edited.h"
#include "tests/replication/wire/sample_messages.h"

namespace quorate::replication {
namespace {

std::string Encode(const PeerMessage& message) {
  internal::v1::PeerFrame frame;
  EncodePeerFrame(message, &frame);
  return frame.SerializeAsString();
}

void CheckOne(absl::string_view bytes) {
  constexpr raft::MemberId kFrom(1);
  constexpr raft::MemberId kTo(2);
  const auto message = DecodePeerFrameBytes(bytes, kFrom, kTo);
  if (!message.ok()) {
    QUORATE_CHECK(message.status().code() ==
                  absl::StatusCode::kInvalidArgument);
    return;
  }
  const auto again = DecodePeerFrameBytes(Encode(*message), kFrom, kTo);
  QUORATE_CHECK_OK(again.status());
  QUORATE_CHECK(Describe(*again) == Describe(*message));
}

}  // namespace
}  // namespace quorate::replication

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // It reports each bad UTF-8.
  static const google::protobuf::LogSilencer kQuiet;
  using quorate::replication::CheckOne;
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  CheckOne(input);
  if (size == 0) return 0;
  quorate::Random random(data[0]);
  CheckOne(
      quorate::Edited(quorate::replication::Encode(
                          quorate::replication::SamplePeerMessage(&random)),
                      input.substr(1)));
  return 0;
}
