#include "server/rpc/refused_calls.h"

#include "absl/strings/str_cat.h"

#include "base/log.h"

namespace quorate::server {
namespace {

// No principal is called so.
std::pair<std::string, std::string> Others() {
  return {"others", "others"};
}

}  // namespace

// Whoever was not refused for a while; what was not said of them is said of the
// others.
void RefusedCalls::MakeRoom(absl::Duration now) {
  uint64_t unsaid = 0;
  std::erase_if(seen_, [now, &unsaid](const auto& each) {
    const bool over = each.second.said + kSilence <= now;
    if (over) unsaid += each.second.unsaid;
    return over;
  });
  if (unsaid > 0) seen_[Others()].unsaid += unsaid;
}

uint64_t RefusedCalls::Count(Kind* kind) {
  const absl::Duration now = clock_->SinceBoot();
  MutexLock lock(&mu_);
  if (seen_.size() >= kMaxKinds && !seen_.contains(*kind)) {
    MakeRoom(now);
    if (seen_.size() >= kMaxKinds) *kind = Others();
  }
  const auto [found, is_first] = seen_.try_emplace(*kind);
  Seen& seen = found->second;
  ++seen.unsaid;
  if (!is_first && seen.said + kSilence > now) return 0;
  seen.said = now;
  return std::exchange(seen.unsaid, 0);
}

void RefusedCalls::NoteMissing(absl::string_view principal,
                               absl::string_view call,
                               absl::string_view permission,
                               absl::string_view mode) {
  Kind kind = {std::string(principal), std::string(call)};
  const uint64_t times = Count(&kind);
  if (times == 0) return;
  LogInfo("access", "refused",
          {{"by", kind.first},
           {"call", kind.second},
           {"permission", std::string(permission)},
           {"mode", std::string(mode)},
           {"times", absl::StrCat(times)}});
}

void RefusedCalls::NoteStranger(absl::string_view peer,
                                absl::string_view error) {
  Kind kind = {"", ""};
  const uint64_t times = Count(&kind);
  if (times == 0) return;
  LogInfo("access", "unauthenticated",
          {{"peer", std::string(peer)},
           {"error", std::string(error)},
           {"times", absl::StrCat(times)}});
}

}  // namespace quorate::server
