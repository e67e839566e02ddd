// The parser of whole files (backup_file.h).

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "backup/backup_file.h"
#include "base/status.h"

namespace quorate::backup {

BackupParser::BackupParser(Parts parts) : parts_(std::move(parts)) {}

absl::Status BackupParser::Add(absl::string_view bytes) {
  QUORATE_RETURN_IF_ERROR(failure_);
  bytes_ += bytes.size();
  if (!header_.has_value()) failure_ = AddToHead(&bytes);
  if (failure_.ok() && header_.has_value()) failure_ = AddContent(bytes);
  return failure_;
}

// Takes what the head is made of; the rest stays in `bytes`.
absl::Status BackupParser::AddToHead(absl::string_view* bytes) {
  const size_t before = head_.size();
  // Never more than a head may have, however large the pieces are.
  constexpr size_t kMost = kMagicBytes + kLengthBytes + kMaxHeaderBytes;
  const size_t taken = std::min(bytes->size(), kMost - before);
  absl::StrAppend(&head_, bytes->substr(0, taken));
  QUORATE_ASSIGN_OR_RETURN(std::optional<DecodedHead> decoded,
                           DecodeHead(head_));
  if (!decoded.has_value()) {
    bytes->remove_prefix(taken);
    return absl::OkStatus();
  }
  bytes->remove_prefix(decoded->bytes - before);
  head_.resize(decoded->bytes);
  sha256_.Add(head_);
  header_ = std::move(decoded->header);
  return parts_.header == nullptr ? absl::OkStatus() : parts_.header(*header_);
}

absl::Status BackupParser::AddContent(absl::string_view bytes) {
  const auto content =
      bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(
                          header_->content_bytes - content_, bytes.size())));
  bytes.remove_prefix(content.size());
  if (!content.empty()) {
    sha256_.Add(content);
    const uint64_t offset = std::exchange(content_, content_ + content.size());
    if (parts_.content != nullptr) {
      QUORATE_RETURN_IF_ERROR(parts_.content(offset, content));
    }
  }
  if (bytes.size() > kSha256Bytes - trailer_.size()) {
    return absl::DataLossError("the backup is longer than it says");
  }
  absl::StrAppend(&trailer_, bytes);
  return absl::OkStatus();
}

absl::StatusOr<std::string> BackupParser::Finish() {
  QUORATE_RETURN_IF_ERROR(failure_);
  if (trailer_.size() != kSha256Bytes) {
    failure_ = absl::DataLossError("the backup is cut off");
    return failure_;
  }
  std::string digest = sha256_.Digest();
  failure_ = absl::DataLossError(
      digest == trailer_ ? "the backup was read already"
                         : "the backup is damaged: its checksum is wrong");
  if (digest != trailer_) return failure_;
  return digest;
}

}  // namespace quorate::backup
