#include "replication/storage/key_space.h"

#include <utility>
#include <xxhash.h>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "quorate/internal/v1/raft.pb.h"

#include "base/check.h"
#include "base/ordered_encoding.h"
#include "base/status.h"
#include "replication/wire/entry_codec.h"

namespace quorate::replication {
namespace {

using raft::Index;

constexpr size_t kChecksumBytes = 8;

uint64_t Checksum(absl::string_view key, absl::string_view body) {
  return XXH3_64bits_withSeed(body.data(), body.size(),
                              XXH3_64bits(key.data(), key.size()));
}

std::optional<Index> ParseIndex(absl::string_view bytes) {
  const std::optional<uint64_t> value = ParseOrdered64(bytes);
  if (!value.has_value()) return std::nullopt;
  return Index(*value);
}

// Keys are short and may hold any byte.
std::string Describe(absl::string_view key) {
  return absl::StrCat("record '", absl::CHexEscape(key), "'");
}

absl::Status Broken(absl::string_view key, absl::string_view what) {
  return absl::DataLossError(absl::StrCat(Describe(key), ": ", what));
}

template <typename Proto>
absl::StatusOr<Proto> OpenProto(absl::string_view key,
                                absl::string_view record) {
  QUORATE_ASSIGN_OR_RETURN(const absl::string_view body,
                           OpenRecord(key, record));
  Proto proto;
  if (!proto.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return Broken(key, "not a message of its kind");
  }
  return proto;
}

// What a decoder refuses is damage where it comes from disk.
template <typename T>
absl::StatusOr<T> FromDisk(absl::string_view key, absl::StatusOr<T> decoded) {
  if (decoded.ok()) return decoded;
  return Broken(key, decoded.status().message());
}

}  // namespace

std::string EntryKey(Index index) {
  return Ordered64(index.value());
}

std::string ConfigurationKey(Index index) {
  std::string key = kConfigurationPrefix;
  AppendOrdered64(index.value(), &key);
  return key;
}

std::optional<Index> ParseEntryKey(absl::string_view key) {
  return ParseIndex(key);
}

std::optional<Index> ParseConfigurationKey(absl::string_view key) {
  if (!absl::ConsumePrefix(&key, kConfigurationPrefix)) return std::nullopt;
  return ParseIndex(key);
}

std::string SealRecord(absl::string_view key, absl::string_view body) {
  std::string record;
  record.reserve(kChecksumBytes + body.size());
  AppendOrdered64(Checksum(key, body), &record);
  record.append(body.data(), body.size());
  return record;
}

std::string SealRecord(absl::string_view key,
                       const google::protobuf::MessageLite& body) {
  std::string record(kChecksumBytes, '\0');
  QUORATE_CHECK(body.AppendToString(&record));
  const std::string checksum = Ordered64(
      Checksum(key, absl::string_view(record).substr(kChecksumBytes)));
  record.replace(0, kChecksumBytes, checksum);
  return record;
}

absl::StatusOr<absl::string_view> OpenRecord(absl::string_view key,
                                             absl::string_view record) {
  if (record.size() < kChecksumBytes) return Broken(key, "too short");
  const absl::string_view body = record.substr(kChecksumBytes);
  if (ParseOrdered64(record.substr(0, kChecksumBytes)) != Checksum(key, body)) {
    return Broken(key, "its checksum does not fit");
  }
  return body;
}

absl::StatusOr<raft::Entry> OpenEntry(absl::string_view key,
                                      absl::string_view record) {
  QUORATE_ASSIGN_OR_RETURN(auto proto,
                           OpenProto<internal::v1::Entry>(key, record));
  return FromDisk(key, DecodeEntry(std::move(proto)));
}

absl::StatusOr<raft::Configuration> OpenConfiguration(
    absl::string_view key, absl::string_view record) {
  QUORATE_ASSIGN_OR_RETURN(const auto proto,
                           OpenProto<internal::v1::Configuration>(key, record));
  return FromDisk(key, DecodeConfiguration(proto));
}

absl::StatusOr<raft::HardState> OpenHardState(absl::string_view record) {
  QUORATE_ASSIGN_OR_RETURN(const auto proto, OpenProto<internal::v1::HardState>(
                                                 kHardStateKey, record));
  return FromDisk(kHardStateKey, DecodeHardState(proto));
}

absl::StatusOr<MemberIdentity> OpenIdentity(absl::string_view record) {
  QUORATE_ASSIGN_OR_RETURN(
      const auto proto,
      OpenProto<internal::v1::MemberIdentity>(kIdentityKey, record));
  return MemberIdentity{.cluster_id = proto.cluster_id(),
                        .member_id = raft::MemberId(proto.member_id()),
                        .format_version = proto.format_version()};
}

absl::StatusOr<raft::SnapshotPosition> OpenSnapshot(absl::string_view record) {
  QUORATE_ASSIGN_OR_RETURN(
      const auto proto,
      OpenProto<internal::v1::SnapshotPosition>(kSnapshotKey, record));
  return FromDisk(kSnapshotKey, DecodeSnapshotPosition(proto));
}

std::string SealIdentity(const MemberIdentity& identity) {
  internal::v1::MemberIdentity proto;
  proto.set_cluster_id(identity.cluster_id);
  proto.set_member_id(identity.member_id.value());
  proto.set_format_version(identity.format_version);
  return SealRecord(kIdentityKey, proto);
}

std::string SealHardState(const raft::HardState& hard_state) {
  internal::v1::HardState proto;
  EncodeHardState(hard_state, &proto);
  return SealRecord(kHardStateKey, proto);
}

std::string SealSnapshot(const raft::SnapshotPosition& position) {
  internal::v1::SnapshotPosition proto;
  EncodeSnapshotPosition(position, &proto);
  return SealRecord(kSnapshotKey, proto);
}

}  // namespace quorate::replication
