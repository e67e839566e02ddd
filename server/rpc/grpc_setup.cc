#include "server/rpc/grpc_setup.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "grpc/support/log.h"

#include "base/log.h"

namespace quorate::server {
namespace {

// Its messages may hold whole error trees.
constexpr size_t kMaxTextBytes = 400;

void WriteLine(gpr_log_func_args* line) {
  absl::string_view file = line->file;
  file = file.substr(file.rfind('/') + 1);
  const absl::string_view text = line->message;
  Log(line->severity == GPR_LOG_SEVERITY_ERROR ? LogLevel::kWarn
                                               : LogLevel::kDebug,
      "grpc", "library",
      {{"at", absl::StrCat(file, ":", line->line)},
       {"text", std::string(text.substr(0, kMaxTextBytes))}});
}

}  // namespace

void PrepareGrpc() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  gpr_set_log_function(WriteLine);
}

}  // namespace quorate::server
