// A preloaded library that gives one process a wall clock of its own.
//
// LD_PRELOAD it with QUORATE_WALL_CLOCKS=DIR: the process makes DIR/<pid>,
// eight bytes, and adds what is written there (nanoseconds, native order) to
// every look at the time of day. Only the time of day is touched. Waits that
// end at a time of day are cut into slices, so that they see a step of the
// clock as they would see the kernel's.

#include <atomic>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kSlice = kSecond / 20;

using Offset = std::atomic<int64_t>;

Offset* MapOffset() {
  const char* directory = std::getenv("QUORATE_WALL_CLOCKS");
  if (directory == nullptr) return nullptr;
  char path[4096];
  std::snprintf(path, sizeof(path), "%s/%d", directory, getpid());
  const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return nullptr;
  void* mapped = MAP_FAILED;
  if (ftruncate(file, sizeof(int64_t)) == 0) {
    mapped = mmap(nullptr, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
  }
  close(file);
  return mapped == MAP_FAILED ? nullptr : static_cast<Offset*>(mapped);
}

int64_t OffsetNow() {
  static Offset* const offset = MapOffset();
  return offset == nullptr ? 0 : offset->load(std::memory_order_relaxed);
}

template <typename Function>
Function* Next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

int64_t NanosOf(const timespec& time) {
  return time.tv_sec * kSecond + time.tv_nsec;
}

timespec TimeOf(int64_t nanos) {
  return {.tv_sec = nanos / kSecond, .tv_nsec = nanos % kSecond};
}

int64_t TrueNow() {
  static const auto next = Next<decltype(clock_gettime)>("clock_gettime");
  timespec now{};
  next(CLOCK_REALTIME, &now);
  return NanosOf(now);
}

// The end of the next slice by the true clock, on the way to `deadline` by the
// shown one.
timespec SliceEnd(const timespec& deadline) {
  const int64_t now = TrueNow();
  const int64_t left = NanosOf(deadline) - OffsetNow() - now;
  return TimeOf(now + (left < kSlice ? left : kSlice));
}

bool IsOver(const timespec& deadline) {
  return TrueNow() + OffsetNow() >= NanosOf(deadline);
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) {
  static const auto next = Next<decltype(clock_gettime)>("clock_gettime");
  const int result = next(clock, time);
  if (result == 0 &&
      (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    *time = TimeOf(NanosOf(*time) + OffsetNow());
  }
  return result;
}

int gettimeofday(timeval* time, void* /*zone*/) {
  const timespec now = TimeOf(TrueNow() + OffsetNow());
  *time = {.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* result) {
  const time_t now = (TrueNow() + OffsetNow()) / kSecond;
  if (result != nullptr) *result = now;
  return now;
}

// Woken without a reason at the end of a slice, as it may be.
int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                           const timespec* deadline) {
  static const auto next =
      Next<decltype(pthread_cond_timedwait)>("pthread_cond_timedwait");
  const timespec end = SliceEnd(*deadline);
  const int result = next(condition, mutex, &end);
  return result == ETIMEDOUT && !IsOver(*deadline) ? 0 : result;
}

long syscall(long number, ...) {
  static const auto next = Next<decltype(syscall)>("syscall");
  va_list list;
  va_start(list, number);
  long a[6];
  for (long& argument : a)
    argument = va_arg(list, long);
  va_end(list);
  const auto* deadline = reinterpret_cast<const timespec*>(a[3]);
  if (number != SYS_futex || (a[1] & FUTEX_CLOCK_REALTIME) == 0 ||
      (a[1] & FUTEX_CMD_MASK) != FUTEX_WAIT_BITSET || deadline == nullptr) {
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  }
  const timespec end = SliceEnd(*deadline);
  const long result = next(number, a[0], a[1], a[2], &end, a[4], a[5]);
  if (result == -1 && errno == ETIMEDOUT && !IsOver(*deadline)) errno = EINTR;
  return result;
}

}  // extern "C"
