// Loaded into a member before the C library (LD_PRELOAD): syncs hang while the
// test holds a lock on the file that QUORATE_TEST_HANG names.

#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

namespace {

using Sync = int (*)(int);

void WaitForDisk() {
  const char* path = getenv("QUORATE_TEST_HANG");
  if (path == nullptr) return;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  flock(file, LOCK_SH);
  close(file);
}

int SyncLate(const char* name, int file) {
  WaitForDisk();
  return reinterpret_cast<Sync>(dlsym(RTLD_NEXT, name))(file);
}

}  // namespace

extern "C" {

int fsync(int file) {
  return SyncLate("fsync", file);
}

int fdatasync(int file) {
  return SyncLate("fdatasync", file);
}

}  // extern "C"
