// A backup file: its header, the bytes of one snapshot, and a checksum over
// everything before it.
//
//   magic "QUORBKP1" ‖ length of the header, be32 ‖ header ‖ content ‖
//   SHA-256 of all that came before
//
// docs/storage_format.md says what stands in the header.

#ifndef QUORATE_BACKUP_BACKUP_FILE_H_
#define QUORATE_BACKUP_BACKUP_FILE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quorate::backup {

inline constexpr char kMagic[] = "QUORBKP1";
inline constexpr size_t kMagicBytes = 8;
inline constexpr size_t kLengthBytes = 4;
inline constexpr size_t kSha256Bytes = 32;

// A manifest of a snapshot has at most 256 KiB (replication/snapshot); the
// other fields some hundred bytes.
inline constexpr size_t kMaxHeaderBytes = 320 << 10;
// As much as a snapshot may have.
inline constexpr uint64_t kMaxContentBytes = uint64_t{64} << 30;
// A cluster has five members at most; this leaves room for those on their way.
inline constexpr int kMaxBackupMembers = 64;

// One member of the cluster that was backed up.
struct BackupMember {
  std::string name;
  uint64_t id = 0;
  std::string client_endpoint;
};

// What a header says.
struct BackupHeader {
  std::string cluster_id;  // 32 lower-case hex digits.
  uint32_t cluster_epoch = 0;
  std::string manifest;  // As replication/snapshot encoded it.
  uint64_t content_bytes = 0;
  int64_t created_calendar_ms = 0;
  std::string member;

  // Out of the manifest; EncodeHead takes them from there.
  uint64_t index = 0;
  uint64_t term = 0;
  int64_t cluster_ms = 0;
  int64_t calendar_ms = 0;
  std::vector<BackupMember> members;

  uint64_t FileBytes(size_t head_bytes) const {
    return head_bytes + content_bytes + kSha256Bytes;
  }
};

// SHA-256 of bytes that come in pieces. Thread-compatible.
class RunningSha256 {
 public:
  RunningSha256();
  ~RunningSha256();

  RunningSha256(const RunningSha256&) = delete;
  RunningSha256& operator=(const RunningSha256&) = delete;

  void Add(absl::string_view bytes);
  // Ends it; nothing is added after.
  std::string Digest();

 private:
  struct State;

  const std::unique_ptr<State> state_;
};

// What comes before the content.
std::string EncodeHead(const BackupHeader& header);

// The header of bytes that begin a file, and how many bytes it took; nothing
// where more bytes are needed. INVALID_ARGUMENT where it is no backup,
// FAILED_PRECONDITION where a later version wrote it.
struct DecodedHead {
  BackupHeader header;
  size_t bytes = 0;
};

absl::StatusOr<std::optional<DecodedHead>> DecodeHead(absl::string_view bytes);

// Takes the bytes of a file, in pieces, and hands its parts on as they come:
// nothing of it is to be believed before Finish has returned OK.
//
// Thread-compatible. Fails: INVALID_ARGUMENT where it is no backup,
// FAILED_PRECONDITION where a later version wrote it, DATA_LOSS where it is cut
// off, longer than it says, or has another checksum; or what a callback
// returned. A parser that failed takes nothing more.
class BackupParser {
 public:
  struct Parts {
    std::function<absl::Status(const BackupHeader&)> header;
    // In order, without gaps.
    std::function<absl::Status(uint64_t offset, absl::string_view)> content;
  };

  explicit BackupParser(Parts parts);

  absl::Status Add(absl::string_view bytes);
  // The SHA-256 of the whole file but for its trailer.
  absl::StatusOr<std::string> Finish();

  // Set once the header is there.
  const std::optional<BackupHeader>& header() const { return header_; }

  // Bytes of the file so far.
  uint64_t bytes() const { return bytes_; }

 private:
  absl::Status AddToHead(absl::string_view* bytes);
  absl::Status AddContent(absl::string_view bytes);

  const Parts parts_;
  RunningSha256 sha256_;
  std::string head_;
  std::optional<BackupHeader> header_;
  uint64_t content_ = 0;  // Bytes of content so far.
  uint64_t bytes_ = 0;
  std::string trailer_;
  absl::Status failure_;
};

}  // namespace quorate::backup

#endif  // QUORATE_BACKUP_BACKUP_FILE_H_
