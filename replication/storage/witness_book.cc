#include "replication/storage/witness_book.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"

#include "base/ordered_encoding.h"
#include "base/status.h"
#include "replication/storage/file_tree.h"
#include "replication/storage/key_space.h"
#include "replication/storage/rocksdb_options.h"

namespace quorate::replication {
namespace {

constexpr char kKey[] = "witnessed";

// Of one member: id, incarnation, run, index.
constexpr size_t kNumberBytes = 8;
constexpr size_t kMemberBytes = 4 * kNumberBytes;
constexpr size_t kMaxBytes = 64 * kMemberBytes;

uint64_t NumberAt(absl::string_view bytes, size_t place) {
  return ParseOrdered64(bytes.substr(place * kNumberBytes, kNumberBytes))
      .value_or(0);
}

}  // namespace

WitnessBook::WitnessBook(const std::string& data_dir)
    : folder_(absl::StrCat(data_dir, "/", kLogFolder)) {
  Load();
}

void WitnessBook::Load() {
  const absl::StatusOr<std::string> bytes = ReadSmallFile(
      EnvOrDefault(nullptr), absl::StrCat(folder_, "/", kKey), kMaxBytes);
  if (!bytes.ok()) return;
  absl::StatusOr<absl::string_view> body = OpenRecord(kKey, *bytes);
  if (!body.ok() || body->size() % kMemberBytes != 0) return;
  MutexLock lock(&mu_);
  for (; !body->empty(); body->remove_prefix(kMemberBytes)) {
    members_[raft::MemberId(NumberAt(*body, 0))] = {
        .incarnation = NumberAt(*body, 1),
        .run = NumberAt(*body, 2),
        .index = NumberAt(*body, 3)};
  }
}

absl::Status WitnessBook::Admit(const Newcomer& newcomer) {
  // Nobody counts its starts.
  if (newcomer.incarnation == 0) return absl::OkStatus();
  MutexLock lock(&mu_);
  Witnessed& seen = members_[newcomer.id];
  if (newcomer.run == seen.run) return absl::OkStatus();
  if (newcomer.incarnation < seen.incarnation) {
    return absl::FailedPreconditionError(absl::StrCat(
        "ROLLED_BACK: start ", seen.incarnation,
        " of this member's data directory was seen, and this is start ",
        newcomer.incarnation, ": it was put back, made anew or copied"));
  }
  if (newcomer.incarnation == seen.incarnation) {
    return absl::FailedPreconditionError(absl::StrCat(
        "ROLLED_BACK: another process was seen as start ", seen.incarnation,
        " of this member's data directory: it was put back or copied"));
  }
  if (newcomer.last_index.value() < seen.index) {
    return absl::FailedPreconditionError(absl::StrCat(
        "ROLLED_BACK: this member has acknowledged entries up to ", seen.index,
        ", and its log ends at ", newcomer.last_index.value()));
  }
  seen.incarnation = newcomer.incarnation;
  seen.run = newcomer.run;
  changed_ = true;
  return absl::OkStatus();
}

void WitnessBook::NoteCommitted(raft::MemberId member, raft::Index index) {
  MutexLock lock(&mu_);
  Witnessed& seen = members_[member];
  if (index.value() <= seen.index) return;
  seen.index = index.value();
  changed_ = true;
}

std::string WitnessBook::Encode() {
  std::string body;
  for (const auto& [id, seen] : members_) {
    if (body.size() + kMemberBytes > kMaxBytes / 2) break;
    for (const uint64_t number :
         {id.value(), seen.incarnation, seen.run, seen.index}) {
      AppendOrdered64(number, &body);
    }
  }
  return body;
}

absl::Status WitnessBook::Save(const std::set<raft::MemberId>& members) {
  std::string body;
  {
    MutexLock lock(&mu_);
    std::erase_if(members_, [&members](const auto& each) {
      return members.count(each.first) == 0;
    });
    if (!changed_) return absl::OkStatus();
    changed_ = false;
    body = Encode();
  }
  const std::string path = absl::StrCat(folder_, "/", kKey);
  absl::Status status =
      ReplaceSynced(EnvOrDefault(nullptr), path, absl::StrCat(path, ".new"),
                    SealRecord(kKey, body));
  if (status.ok()) return status;
  MutexLock lock(&mu_);
  changed_ = true;
  return status;
}

}  // namespace quorate::replication
