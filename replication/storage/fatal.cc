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
  if (!tripped_.exchange(true)) fatal_(event, status);
}

}  // namespace quorate::replication
