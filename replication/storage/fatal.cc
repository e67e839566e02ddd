#include "replication/storage/fatal.h"

#include <unistd.h>
#include <utility>

#include "base/log.h"

namespace quorate::replication {
namespace {

// EX_SOFTWARE of sysexits.h; operators and the service manager look for it.
constexpr int kExitStatus = 70;

}  // namespace

void ExitOnStorageFailure(absl::string_view event, const absl::Status& status) {
  LogError("storage", event, {{"error", status.ToString()}});
  FlushLog();
  _exit(kExitStatus);
}

FatalLatch::FatalLatch(FatalFunction fatal)
    : fatal_(fatal ? std::move(fatal) : FatalFunction(ExitOnStorageFailure)) {}

void FatalLatch::Trip(absl::string_view event, const absl::Status& status) {
  if (tripped_.exchange(true)) {
    AwaitReturn();
    return;
  }
  fatal_(event, status);
  MutexLock lock(&mu_);
  returned_ = true;
  returned_changed_.NotifyAll();
}

bool FatalLatch::Dead() {
  if (!tripped_.load(std::memory_order_acquire)) return false;
  AwaitReturn();
  return true;
}

void FatalLatch::AwaitReturn() {
  MutexLock lock(&mu_);
  while (!returned_)
    returned_changed_.Wait(&mu_);
}

}  // namespace quorate::replication
