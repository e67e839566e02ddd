#include "backup/backup_file.h"

#include <algorithm>
#include <openssl/evp.h>
#include <utility>

#include "absl/strings/str_cat.h"

#include "quorate/internal/v1/backup.pb.h"
#include "quorate/internal/v1/snapshot.pb.h"

#include "base/check.h"
#include "base/status.h"

namespace quorate::backup {
namespace {

constexpr size_t kClusterIdDigits = 32;
constexpr size_t kMaxNameBytes = 64;

absl::string_view Magic() {
  return {kMagic, kMagicBytes};
}

absl::Status NoBackup(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("this is no backup: ", why));
}

bool IsClusterId(absl::string_view id) {
  return id.size() == kClusterIdDigits &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Names and addresses are shown to people and asked later on.
bool IsPlain(absl::string_view text, size_t limit) {
  return text.size() <= limit &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c > ' ' && c <= '~'; });
}

// The rest of the manifest is for replication/snapshot to check, where its
// files are written.
absl::Status ReadManifest(BackupHeader* header) {
  internal::v1::SnapshotManifest manifest;
  if (!manifest.ParseFromString(header->manifest)) {
    return NoBackup("its manifest does not parse");
  }
  if (manifest.cluster_id() != header->cluster_id) {
    return NoBackup("its header and its manifest name different clusters");
  }
  uint64_t total = 0;
  for (const internal::v1::SnapshotFile& file : manifest.files()) {
    // Each at most the limit, so the sum does not wrap before it is noticed.
    if (file.bytes() > kMaxContentBytes - total) {
      return NoBackup("its files are too large");
    }
    total += file.bytes();
  }
  if (total != header->content_bytes) {
    return NoBackup("its header and its manifest do not agree");
  }
  const internal::v1::SnapshotPosition& position = manifest.position();
  header->index = position.index();
  header->term = position.term();
  header->cluster_ms = position.cluster_ms();
  header->calendar_ms = position.calendar_ms();
  if (header->index == 0 || header->term == 0 || header->cluster_ms < 0 ||
      header->calendar_ms < 0 ||
      position.configuration().addresses_size() > kMaxBackupMembers) {
    return NoBackup("its position is none");
  }
  for (const auto& address : position.configuration().addresses()) {
    if (!IsPlain(address.name(), kMaxNameBytes) ||
        !IsPlain(address.client_endpoint(), 4 * kMaxNameBytes + 16)) {
      return NoBackup("it names a member by no name");
    }
    header->members.push_back({.name = address.name(),
                               .id = address.id(),
                               .client_endpoint = address.client_endpoint()});
  }
  return absl::OkStatus();
}

absl::StatusOr<BackupHeader> DecodeHeader(absl::string_view bytes) {
  internal::v1::BackupHeader proto;
  if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return NoBackup("its header does not parse");
  }
  BackupHeader header = {
      .cluster_id = proto.cluster_id(),
      .cluster_epoch = proto.cluster_epoch(),
      .manifest = proto.manifest(),
      .content_bytes = proto.content_bytes(),
      .created_calendar_ms = proto.created_calendar_ms(),
      .member = proto.member(),
  };
  if (!IsClusterId(header.cluster_id) || header.cluster_epoch == 0 ||
      !IsPlain(header.member, kMaxNameBytes)) {
    return NoBackup("its header does not say whose it is");
  }
  if (header.content_bytes == 0 || header.content_bytes > kMaxContentBytes) {
    return NoBackup("its size cannot be");
  }
  QUORATE_RETURN_IF_ERROR(ReadManifest(&header));
  return header;
}

size_t LengthAt(absl::string_view bytes) {
  size_t length = 0;
  for (const char c : bytes.substr(kMagicBytes, kLengthBytes)) {
    length = (length << 8) | static_cast<unsigned char>(c);
  }
  return length;
}

}  // namespace

struct RunningSha256::State {
  EVP_MD_CTX* digest = EVP_MD_CTX_new();
};

RunningSha256::RunningSha256() : state_(std::make_unique<State>()) {
  QUORATE_CHECK(state_->digest != nullptr);
  QUORATE_CHECK(EVP_DigestInit_ex(state_->digest, EVP_sha256(), nullptr) == 1);
}

RunningSha256::~RunningSha256() {
  EVP_MD_CTX_free(state_->digest);
}

void RunningSha256::Add(absl::string_view bytes) {
  QUORATE_CHECK(EVP_DigestUpdate(state_->digest, bytes.data(), bytes.size()) ==
                1);
}

std::string RunningSha256::Digest() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  QUORATE_CHECK(EVP_DigestFinal_ex(state_->digest, digest, &size) == 1);
  return {reinterpret_cast<const char*>(digest), size};
}

std::string EncodeHead(const BackupHeader& header) {
  internal::v1::BackupHeader proto;
  proto.set_cluster_id(header.cluster_id);
  proto.set_cluster_epoch(header.cluster_epoch);
  proto.set_manifest(header.manifest);
  proto.set_content_bytes(header.content_bytes);
  proto.set_created_calendar_ms(header.created_calendar_ms);
  proto.set_member(header.member);
  const std::string encoded = proto.SerializeAsString();
  std::string head(Magic());
  for (int shift = 24; shift >= 0; shift -= 8) {
    head.push_back(static_cast<char>(encoded.size() >> shift));
  }
  return head + encoded;
}

absl::StatusOr<std::optional<DecodedHead>> DecodeHead(absl::string_view bytes) {
  const absl::string_view magic = bytes.substr(0, kMagicBytes);
  if (magic != Magic().substr(0, magic.size())) {
    const bool later =
        magic.size() == kMagicBytes &&
        magic.substr(0, kMagicBytes - 1) == Magic().substr(0, kMagicBytes - 1);
    if (later) {
      return absl::FailedPreconditionError(
          "the backup was made by a later version: take that one's programs");
    }
    return NoBackup("it does not begin like one");
  }
  constexpr size_t kFixed = kMagicBytes + kLengthBytes;
  if (bytes.size() < kFixed) return std::nullopt;
  const size_t length = LengthAt(bytes);
  if (length > kMaxHeaderBytes) return NoBackup("its header is too large");
  if (bytes.size() < kFixed + length) return std::nullopt;
  QUORATE_ASSIGN_OR_RETURN(BackupHeader header,
                           DecodeHeader(bytes.substr(kFixed, length)));
  return DecodedHead{.header = std::move(header), .bytes = kFixed + length};
}

}  // namespace quorate::backup
