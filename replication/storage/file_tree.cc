#include "replication/storage/file_tree.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"

#include "base/folder.h"
#include "base/status.h"
#include "replication/storage/rocksdb_options.h"

namespace quorate::replication {
namespace {

constexpr size_t kCopyBytes = 256 << 10;

absl::Status RemoveFiles(rocksdb::Env* env, const std::string& folder) {
  QUORATE_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                           ListFolder(env, folder));
  for (const std::string& name : names) {
    QUORATE_RETURN_IF_ERROR(
        FromRocksDb(env->DeleteFile(absl::StrCat(folder, "/", name))));
  }
  return FromRocksDb(env->DeleteDir(folder));
}

// Reads from where the file stands; nothing at its end.
absl::StatusOr<absl::string_view> ReadNext(rocksdb::SequentialFile* file,
                                           std::string* buffer) {
  rocksdb::Slice bytes;
  QUORATE_RETURN_IF_ERROR(
      FromRocksDb(file->Read(buffer->size(), &bytes, buffer->data())));
  return FromSlice(bytes);
}

}  // namespace

absl::StatusOr<bool> Exists(rocksdb::Env* env, const std::string& path) {
  const rocksdb::Status status = env->FileExists(path);
  if (status.IsNotFound()) return false;
  QUORATE_RETURN_IF_ERROR(FromRocksDb(status));
  return true;
}

absl::StatusOr<std::vector<std::string>> ListFolder(rocksdb::Env* env,
                                                    const std::string& folder) {
  std::vector<std::string> names;
  const rocksdb::Status listed = env->GetChildren(folder, &names);
  if (listed.IsNotFound()) return absl::NotFoundError(folder);
  QUORATE_RETURN_IF_ERROR(FromRocksDb(listed));
  std::erase_if(names, [](const std::string& name) {
    return name == "." || name == "..";
  });
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status RemoveTree(rocksdb::Env* env, const std::string& folder) {
  const auto names = ListFolder(env, folder);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  QUORATE_RETURN_IF_ERROR(names.status());
  for (const std::string& name : *names) {
    const std::string path = absl::StrCat(folder, "/", name);
    bool is_folder = false;
    QUORATE_RETURN_IF_ERROR(FromRocksDb(env->IsDirectory(path, &is_folder)));
    QUORATE_RETURN_IF_ERROR(is_folder ? RemoveFiles(env, path)
                                      : FromRocksDb(env->DeleteFile(path)));
  }
  return FromRocksDb(env->DeleteDir(folder));
}

absl::Status WriteSynced(rocksdb::Env* env, const std::string& path,
                         absl::string_view bytes) {
  std::unique_ptr<rocksdb::WritableFile> file;
  QUORATE_RETURN_IF_ERROR(
      FromRocksDb(env->NewWritableFile(path, &file, rocksdb::EnvOptions())));
  QUORATE_RETURN_IF_ERROR(FromRocksDb(file->Append(ToSlice(bytes))));
  QUORATE_RETURN_IF_ERROR(FromRocksDb(file->Flush()));
  QUORATE_RETURN_IF_ERROR(FromRocksDb(file->Fsync()));
  return FromRocksDb(file->Close());
}

absl::Status ReplaceSynced(rocksdb::Env* env, const std::string& path,
                           const std::string& scratch,
                           absl::string_view bytes) {
  QUORATE_RETURN_IF_ERROR(WriteSynced(env, scratch, bytes));
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env->RenameFile(scratch, path)));
  return SyncDirectory(env, ParentOf(path));
}

absl::Status CopySynced(rocksdb::Env* env, const std::string& from,
                        const std::string& to) {
  std::unique_ptr<rocksdb::SequentialFile> source;
  std::unique_ptr<rocksdb::WritableFile> target;
  QUORATE_RETURN_IF_ERROR(FromRocksDb(
      env->NewSequentialFile(from, &source, rocksdb::EnvOptions())));
  QUORATE_RETURN_IF_ERROR(
      FromRocksDb(env->NewWritableFile(to, &target, rocksdb::EnvOptions())));
  std::string buffer(kCopyBytes, '\0');
  while (true) {
    QUORATE_ASSIGN_OR_RETURN(const absl::string_view bytes,
                             ReadNext(source.get(), &buffer));
    if (bytes.empty()) break;
    QUORATE_RETURN_IF_ERROR(FromRocksDb(target->Append(ToSlice(bytes))));
  }
  QUORATE_RETURN_IF_ERROR(FromRocksDb(target->Flush()));
  QUORATE_RETURN_IF_ERROR(FromRocksDb(target->Fsync()));
  return FromRocksDb(target->Close());
}

absl::StatusOr<std::string> ReadSmallFile(rocksdb::Env* env,
                                          const std::string& path,
                                          size_t max_bytes) {
  uint64_t size = 0;
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env->GetFileSize(path, &size)));
  if (size > max_bytes) {
    return absl::DataLossError(absl::StrCat(path, " is too large: ", size));
  }
  std::unique_ptr<rocksdb::SequentialFile> file;
  QUORATE_RETURN_IF_ERROR(
      FromRocksDb(env->NewSequentialFile(path, &file, rocksdb::EnvOptions())));
  std::string content;
  std::string buffer(size + 1, '\0');
  while (content.size() <= size) {
    QUORATE_ASSIGN_OR_RETURN(const absl::string_view bytes,
                             ReadNext(file.get(), &buffer));
    if (bytes.empty()) break;
    content.append(bytes.data(), bytes.size());
  }
  return content;
}

}  // namespace quorate::replication
