#include "replication/storage/start_count.h"

#include <optional>

#include "absl/strings/str_cat.h"

#include "base/ordered_encoding.h"
#include "base/status.h"
#include "replication/storage/file_tree.h"
#include "replication/storage/key_space.h"
#include "replication/storage/rocksdb_options.h"

namespace quorate::replication {
namespace {

constexpr char kKey[] = "starts";
constexpr size_t kMaxBytes = 64;

absl::StatusOr<uint64_t> ReadCount(rocksdb::Env* env, const std::string& path) {
  QUORATE_ASSIGN_OR_RETURN(const bool there, Exists(env, path));
  if (!there) return 0;
  QUORATE_ASSIGN_OR_RETURN(const std::string bytes,
                           ReadSmallFile(env, path, kMaxBytes));
  const auto body = OpenRecord(kKey, bytes);
  const std::optional<uint64_t> count =
      body.ok() ? ParseOrdered64(*body) : std::nullopt;
  if (!count.has_value()) {
    return absl::DataLossError(
        absl::StrCat("the count of starts in ", path, " is damaged"));
  }
  return *count;
}

}  // namespace

absl::StatusOr<uint64_t> CountStart(const std::string& data_dir,
                                    rocksdb::Env* env) {
  env = EnvOrDefault(env);
  const std::string path = absl::StrCat(data_dir, "/", kLogFolder, "/starts");
  QUORATE_ASSIGN_OR_RETURN(uint64_t count, ReadCount(env, path));
  ++count;
  QUORATE_RETURN_IF_ERROR(ReplaceSynced(env, path, absl::StrCat(path, ".new"),
                                        SealRecord(kKey, Ordered64(count))));
  return count;
}

}  // namespace quorate::replication
