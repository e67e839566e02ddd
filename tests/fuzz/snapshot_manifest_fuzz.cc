// Whatever bytes come as a snapshot's manifest are refused, or mean one
// manifest, with file names that stay in their folder. libFuzzer makes the
// bytes, or edits good ones.

#include <cstddef>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/stubs/logging.h"

#include "base/check.h"
#include "replication/snapshot/manifest.h"
#include "tests/fuzz/edited.h"
#include "tests/fuzz/sample_manifest.h"

namespace quorate::replication {
namespace {

void CheckOne(absl::string_view bytes) {
  const auto manifest = DecodeManifest(bytes);
  if (!manifest.ok()) return;
  QUORATE_CHECK(manifest->files.size() <= kMaxSnapshotFiles);
  QUORATE_CHECK(manifest->TotalBytes() <= kMaxSnapshotBytes);
  for (const SnapshotFile& file : manifest->files) {
    QUORATE_CHECK(!file.name.empty() && file.name[0] != '.' &&
                  !absl::StrContains(file.name, '/'));
  }
  const auto again = DecodeManifest(EncodeManifest(*manifest));
  QUORATE_CHECK_OK(again.status());
  QUORATE_CHECK(again->files == manifest->files);
  QUORATE_CHECK(again->position.index == manifest->position.index);
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
  CheckOne(quorate::Edited(quorate::replication::EncodeManifest(
                               quorate::replication::SampleManifest(data[0])),
                           input.substr(1)));
  return 0;
}
