// Whatever bytes come as a backup, the parser says the same of them whole and
// in pieces, and hands on no more content than the header announces. libFuzzer
// makes the bytes, or edits a good file.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/stubs/logging.h"

#include "backup/backup_file.h"
#include "base/check.h"
#include "replication/snapshot/manifest.h"
#include "tests/fuzz/edited.h"
#include "tests/fuzz/sample_manifest.h"

namespace quorate::backup {
namespace {

std::string GoodFile() {
  const replication::SnapshotManifest manifest =
      replication::SampleManifest(/*seed=*/1);
  const BackupHeader header = {
      .cluster_id = manifest.cluster_id,
      .cluster_epoch = 1,
      .manifest = replication::EncodeManifest(manifest),
      .content_bytes = manifest.TotalBytes(),
      .created_calendar_ms = 1'000'000,
      .member = "m1"};
  std::string file = EncodeHead(header);
  file.append(manifest.TotalBytes(), 'x');
  RunningSha256 sha256;
  sha256.Add(file);
  return file + sha256.Digest();
}

// What the parser says of `bytes` in pieces of `piece`, and the content.
absl::StatusOr<std::string> Parse(absl::string_view bytes, size_t piece,
                                  std::string* content) {
  std::optional<uint64_t> announced;
  BackupParser parser({.header =
                           [&](const BackupHeader& header) {
                             announced = header.content_bytes;
                             return absl::OkStatus();
                           },
                       .content =
                           [&](uint64_t offset, absl::string_view part) {
                             QUORATE_CHECK(offset == content->size());
                             content->append(part.data(), part.size());
                             QUORATE_CHECK(announced.has_value() &&
                                           content->size() <= *announced);
                             return absl::OkStatus();
                           }});
  while (!bytes.empty()) {
    const absl::Status status = parser.Add(bytes.substr(0, piece));
    if (!status.ok()) return status;
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  return parser.Finish();
}

// Edits of what is refused anyway would find nothing.
std::string CheckedGoodFile() {
  std::string file = GoodFile();
  std::string content;
  QUORATE_CHECK_OK(Parse(file, file.size(), &content).status());
  return file;
}

void CheckOne(absl::string_view bytes, size_t piece) {
  std::string whole;
  std::string in_pieces;
  const auto first = Parse(bytes, bytes.size() + 1, &whole);
  const auto second = Parse(bytes, piece, &in_pieces);
  QUORATE_CHECK(first.status().code() == second.status().code());
  if (!first.ok()) return;
  QUORATE_CHECK(*first == *second && whole == in_pieces);
}

}  // namespace
}  // namespace quorate::backup

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // It reports each bad UTF-8.
  static const google::protobuf::LogSilencer kQuiet;
  if (size == 0) return 0;
  static const auto* const kGood =
      new std::string(quorate::backup::CheckedGoodFile());
  const absl::string_view input(reinterpret_cast<const char*>(data) + 1,
                                size - 1);
  const size_t piece = 1 + data[0] % 64;
  quorate::backup::CheckOne(input, piece);
  quorate::backup::CheckOne(quorate::Edited(*kGood, input), piece);
  return 0;
}
