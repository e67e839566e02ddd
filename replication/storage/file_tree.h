// Files and folders through RocksDB's Env, so that a simulated disk takes part.
// Includes RocksDB: for .cc files only.

#ifndef QUORATE_REPLICATION_STORAGE_FILE_TREE_H_
#define QUORATE_REPLICATION_STORAGE_FILE_TREE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rocksdb/env.h"

namespace quorate::replication {

absl::StatusOr<bool> Exists(rocksdb::Env* env, const std::string& path);

// The names in a folder, sorted, without "." and "..". NOT_FOUND where there is
// no such folder.
absl::StatusOr<std::vector<std::string>> ListFolder(rocksdb::Env* env,
                                                    const std::string& folder);

// Removes a folder with the files in it and in folders in it. OK where there is
// none. Not synced: what comes back after a crash is removed again.
absl::Status RemoveTree(rocksdb::Env* env, const std::string& folder);

// Creates a file with these bytes and syncs it; not its folder.
absl::Status WriteSynced(rocksdb::Env* env, const std::string& path,
                         absl::string_view bytes);

// Puts a file with these bytes in the place of what is at `path`, in one step
// and durably: after a crash one of the two is there, and after OK the new one.
// What may be at `scratch`, in the same folder, is lost.
absl::Status ReplaceSynced(rocksdb::Env* env, const std::string& path,
                           const std::string& scratch, absl::string_view bytes);

// Copies and syncs a file.
absl::Status CopySynced(rocksdb::Env* env, const std::string& from,
                        const std::string& to);

// The whole of a small file. DATA_LOSS where it is larger than `max_bytes`.
absl::StatusOr<std::string> ReadSmallFile(rocksdb::Env* env,
                                          const std::string& path,
                                          size_t max_bytes);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_FILE_TREE_H_
