#include "tests/support/sim_file_system.h"

#include <latch>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "rocksdb/options.h"

#include "base/check.h"

// The thread sanitizer asks for this by its name. Debian's RocksDB is built
// without it: the sanitizer sees the memcpy and memcmp of RocksDB's lock-free
// lists, but not the atomics that order them.
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" const char* __tsan_default_suppressions() {
  return "race:librocksdb.so\n";
}

namespace quorate {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus ToStatus(DiskError error, const std::string& path) {
  switch (error) {
    case DiskError::kNone:
      return IOStatus::OK();
    case DiskError::kNotFound:
      return IOStatus::NotFound(path);
    case DiskError::kExists:
      return IOStatus::IOError("exists", path);
    case DiskError::kBusy:
      return IOStatus::IOError("locked", path);
    case DiskError::kIo:
      return IOStatus::IOError("simulated", path);
    case DiskError::kNoSpace:
      return IOStatus::NoSpace("simulated", path);
  }
  QUORATE_CHECK(false);
  return IOStatus::OK();
}

struct OpenFile {
  // Files that RocksDB holds open share the disk with the file system.
  std::shared_ptr<SimDisk> disk;
  SimDisk::Handle handle;
  std::string path;

  IOStatus Read(uint64_t offset, size_t size, Slice* result,
                char* scratch) const {
    size_t read = 0;
    const DiskError error = disk->Read(handle, offset, size, scratch, &read);
    *result = Slice(scratch, read);
    return ToStatus(error, path);
  }
};

class SequentialFile : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialFile(OpenFile file) : file_(std::move(file)) {}

  IOStatus Read(size_t size, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) override {
    IOStatus status = file_.Read(offset_, size, result, scratch);
    offset_ += result->size();
    return status;
  }

  IOStatus Skip(uint64_t size) override {
    offset_ += size;
    return IOStatus::OK();
  }

 private:
  const OpenFile file_;
  uint64_t offset_ = 0;
};

class RandomAccessFile : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessFile(OpenFile file) : file_(std::move(file)) {}

  IOStatus Read(uint64_t offset, size_t size, const IOOptions&, Slice* result,
                char* scratch, IODebugContext*) const override {
    return file_.Read(offset, size, result, scratch);
  }

 private:
  const OpenFile file_;
};

class WritableFile : public rocksdb::FSWritableFile {
 public:
  explicit WritableFile(OpenFile file) : file_(std::move(file)) {}

  using rocksdb::FSWritableFile::Append;

  IOStatus Append(const Slice& bytes, const IOOptions&,
                  IODebugContext*) override {
    return Status(file_.disk->Append(
        file_.handle, absl::string_view(bytes.data(), bytes.size())));
  }

  IOStatus Append(const Slice& bytes, const IOOptions& options,
                  const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(bytes, options, debug);
  }

  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    return Status(file_.disk->Truncate(file_.handle, size));
  }

  IOStatus Close(const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();
  }

  // Bytes reach the page cache in Append.
  IOStatus Flush(const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();
  }

  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    return Status(file_.disk->Sync(file_.handle));
  }

  bool IsSyncThreadSafe() const override { return true; }

  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override {
    uint64_t size = 0;
    const DiskError error = file_.disk->Size(file_.handle, &size);
    return error == DiskError::kNone ? size : 0;
  }

 private:
  IOStatus Status(DiskError error) const { return ToStatus(error, file_.path); }

  const OpenFile file_;
};

class ReadWriteFile : public rocksdb::FSRandomRWFile {
 public:
  explicit ReadWriteFile(OpenFile file) : file_(std::move(file)) {}

  IOStatus Write(uint64_t offset, const Slice& bytes, const IOOptions&,
                 IODebugContext*) override {
    return ToStatus(
        file_.disk->WriteAt(file_.handle, offset,
                            absl::string_view(bytes.data(), bytes.size())),
        file_.path);
  }

  IOStatus Read(uint64_t offset, size_t size, const IOOptions&, Slice* result,
                char* scratch, IODebugContext*) const override {
    return file_.Read(offset, size, result, scratch);
  }

  IOStatus Flush(const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();
  }

  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    return ToStatus(file_.disk->Sync(file_.handle), file_.path);
  }

  IOStatus Close(const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();
  }

 private:
  const OpenFile file_;
};

class Folder : public rocksdb::FSDirectory {
 public:
  explicit Folder(OpenFile file) : file_(std::move(file)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return ToStatus(file_.disk->SyncFolder(file_.handle), file_.path);
  }

 private:
  const OpenFile file_;
};

struct HeldLock : public rocksdb::FileLock {
  HeldLock(SimDisk::Handle held, std::string locked)
      : handle(std::move(held)), path(std::move(locked)) {}

  const SimDisk::Handle handle;
  const std::string path;
};

class Files : public rocksdb::FileSystem {
 public:
  explicit Files(std::shared_ptr<SimDisk> disk) : disk_(std::move(disk)) {}

  const char* Name() const override { return "SimFileSystem"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* file,
                             IODebugContext*) override {
    return OpenAs<SequentialFile>(path, file);
  }

  IOStatus NewRandomAccessFile(
      const std::string& path, const FileOptions&,
      std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
      IODebugContext*) override {
    return OpenAs<RandomAccessFile>(path, file);
  }

  IOStatus NewWritableFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext*) override {
    SimDisk::Handle handle;
    const DiskError error = disk_->Create(path, &handle);
    if (error == DiskError::kNone) {
      *file = std::make_unique<WritableFile>(OpenFile{disk_, handle, path});
    }
    return ToStatus(error, path);
  }

  IOStatus NewRandomRWFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSRandomRWFile>* file,
                           IODebugContext*) override {
    return OpenAs<ReadWriteFile>(path, file);
  }

  IOStatus ReopenWritableFile(const std::string& path, const FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>* file,
                              IODebugContext*) override {
    return OpenAs<WritableFile>(path, file);
  }

  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* folder,
                        IODebugContext*) override {
    return OpenAs<Folder>(path, folder);
  }

  IOStatus FileExists(const std::string& path, const IOOptions&,
                      IODebugContext*) override {
    SimDisk::Handle handle;
    return ToStatus(disk_->Open(path, &handle), path);
  }

  IOStatus GetChildren(const std::string& path, const IOOptions&,
                       std::vector<std::string>* names,
                       IODebugContext*) override {
    return ToStatus(disk_->List(path, names), path);
  }

  IOStatus DeleteFile(const std::string& path, const IOOptions&,
                      IODebugContext*) override {
    return ToStatus(disk_->Remove(path), path);
  }

  IOStatus Truncate(const std::string& path, size_t size, const IOOptions&,
                    IODebugContext*) override {
    SimDisk::Handle handle;
    DiskError error = disk_->Open(path, &handle);
    if (error == DiskError::kNone) error = disk_->Truncate(handle, size);
    return ToStatus(error, path);
  }

  IOStatus CreateDir(const std::string& path, const IOOptions&,
                     IODebugContext*) override {
    return ToStatus(disk_->CreateFolder(path), path);
  }

  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&,
                              IODebugContext*) override {
    const DiskError error = disk_->CreateFolder(path);
    if (error == DiskError::kExists) return IOStatus::OK();
    return ToStatus(error, path);
  }

  IOStatus DeleteDir(const std::string& path, const IOOptions&,
                     IODebugContext*) override {
    return ToStatus(disk_->Remove(path), path);
  }

  IOStatus GetFileSize(const std::string& path, const IOOptions&,
                       uint64_t* size, IODebugContext*) override {
    SimDisk::Handle handle;
    DiskError error = disk_->Open(path, &handle);
    if (error == DiskError::kNone) error = disk_->Size(handle, size);
    return ToStatus(error, path);
  }

  IOStatus GetFileModificationTime(const std::string&, const IOOptions&,
                                   uint64_t* time, IODebugContext*) override {
    *time = 0;
    return IOStatus::OK();
  }

  IOStatus RenameFile(const std::string& source, const std::string& target,
                      const IOOptions&, IODebugContext*) override {
    return ToStatus(disk_->Rename(source, target), source);
  }

  IOStatus LinkFile(const std::string& source, const std::string& target,
                    const IOOptions&, IODebugContext*) override {
    return ToStatus(disk_->Link(source, target), source);
  }

  IOStatus LockFile(const std::string& path, const IOOptions&,
                    rocksdb::FileLock** lock, IODebugContext*) override {
    SimDisk::Handle handle;
    const DiskError error = disk_->Lock(path, &handle);
    if (error == DiskError::kNone) *lock = new HeldLock(handle, path);
    return ToStatus(error, path);
  }

  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&,
                      IODebugContext*) override {
    const std::unique_ptr<HeldLock> held(static_cast<HeldLock*>(lock));
    return ToStatus(disk_->Unlock(held->handle, held->path), held->path);
  }

  IOStatus GetFreeSpace(const std::string& path, const IOOptions&,
                        uint64_t* free, IODebugContext*) override {
    const std::optional<uint64_t> bytes = disk_->free_bytes();
    if (!bytes.has_value()) return IOStatus::NotSupported(path);
    *free = *bytes;
    return IOStatus::OK();
  }

  IOStatus GetTestDirectory(const IOOptions&, std::string* path,
                            IODebugContext*) override {
    *path = "/";
    return IOStatus::OK();
  }

  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&,
                           std::string* absolute, IODebugContext*) override {
    *absolute = path;
    return IOStatus::OK();
  }

  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* folder,
                       IODebugContext*) override {
    SimDisk::Handle handle;
    const DiskError error = disk_->Open(path, &handle);
    if (error == DiskError::kNone) *folder = disk_->IsFolder(handle);
    return ToStatus(error, path);
  }

 private:
  template <typename Kind, typename Base>
  IOStatus OpenAs(const std::string& path, std::unique_ptr<Base>* file) {
    SimDisk::Handle handle;
    const DiskError error = disk_->Open(path, &handle);
    if (error == DiskError::kNone) {
      *file = std::make_unique<Kind>(OpenFile{disk_, handle, path});
    }
    return ToStatus(error, path);
  }

  // Shared with the files that are open.
  const std::shared_ptr<SimDisk> disk_;
};

// RocksDB starts a thread with the first database that a process opens, and
// waits for its end with the last. One that stays open spares every other this;
// on a busy machine it is most of the time that a start takes.
class KeptOpen {
 public:
  KeptOpen()
      : env_(rocksdb::NewCompositeEnv(
            std::make_shared<Files>(std::make_shared<SimDisk>()))) {
    rocksdb::Options options;
    options.env = env_.get();
    options.create_if_missing = true;
    options.stats_dump_period_sec = 0;
    options.stats_persist_period_sec = 0;
    rocksdb::DB* db = nullptr;
    QUORATE_CHECK(rocksdb::DB::Open(options, "/kept", &db).ok());
    db_.reset(db);
  }

 private:
  const std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace

SimFileSystem::SimFileSystem()
    : disk_(std::make_shared<SimDisk>()),
      env_(rocksdb::NewCompositeEnv(std::make_shared<Files>(disk_))) {
  static const KeptOpen kKeptOpen;
}

SimFileSystem::~SimFileSystem() = default;

// Each pool has one thread, which takes its work in order (KeptOpen).
void SimFileSystem::WaitForBackground() {
  rocksdb::Env* const env = rocksdb::Env::Default();
  for (const auto pool : {rocksdb::Env::HIGH, rocksdb::Env::LOW}) {
    if (env->GetBackgroundThreads(pool) == 0) continue;
    std::latch done(1);
    env->Schedule(
        [](void* latch) { static_cast<std::latch*>(latch)->count_down(); },
        &done, pool);
    done.wait();
  }
}

void SimFileSystem::Crash(Random* random, const CrashOptions& options) {
  disk_->PowerOff();
  disk_->PowerOn(random, options);
}

}  // namespace quorate
