#include "tests/bench/load_loop.h"

#include <cstddef>
#include <fstream>
#include <sstream>
#include <unistd.h>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "base/check.h"

namespace quorate::bench {
namespace {

// A system that refuses so often is not being measured any more.
constexpr uint64_t kMostFailures = 1000;

// proc(5), the numbers of the fields of /proc/PID/stat after the name, which
// is in parentheses.
constexpr size_t kUserTicks = 11;
constexpr size_t kSystemTicks = 12;

// User and system time of a process; zero where there is none.
absl::Duration CpuTimeOf(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  std::stringstream content;
  content << file.rdbuf();
  const std::string text = content.str();
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return absl::ZeroDuration();
  const std::vector<std::string> fields =
      absl::StrSplit(text.substr(name_end + 1), ' ', absl::SkipEmpty());
  int64_t user = 0;
  int64_t system = 0;
  if (fields.size() <= kSystemTicks ||
      !absl::SimpleAtoi(fields[kUserTicks], &user) ||
      !absl::SimpleAtoi(fields[kSystemTicks], &system)) {
    return absl::ZeroDuration();
  }
  return absl::Seconds(user + system) / sysconf(_SC_CLK_TCK);
}

absl::Duration CpuTimeOf(const std::vector<pid_t>& pids) {
  absl::Duration sum;
  for (const pid_t pid : pids) {
    sum += CpuTimeOf(pid);
  }
  return sum;
}

class Loop {
 public:
  Loop(std::vector<std::unique_ptr<Slot>> slots, const LoadOptions& options,
       const Clock& clock)
      : options_(options), clock_(clock) {
    for (std::unique_ptr<Slot>& slot : slots) {
      lanes_.push_back({.slot = std::move(slot)});
    }
  }

  LoadResult Run();

 private:
  struct Lane {
    std::unique_ptr<Slot> slot;
    absl::Duration began;
    bool closing = false;
  };

  // Moves from warmup to measuring to the end when their time has come.
  void LookAtClock(absl::Duration now);
  void Begin(Lane* lane, absl::Duration now);
  void Take(Lane* lane, bool ok);

  bool TimeIsOver(absl::Duration now) const { return now >= end_; }

  const LoadOptions& options_;
  const Clock& clock_;
  grpc::CompletionQueue queue_;
  std::vector<Lane> lanes_;
  size_t running_ = 0;
  absl::Duration measure_from_;
  absl::Duration end_;
  bool measuring_ = false;
  bool measured_ = false;
  absl::Duration server_cpu_before_;
  absl::Duration client_cpu_before_;
  LoadResult result_;
};

void Loop::LookAtClock(absl::Duration now) {
  if (!measuring_ && !measured_ && now >= measure_from_) {
    measuring_ = true;
    measure_from_ = now;
    end_ = now + options_.measured;
    server_cpu_before_ = CpuTimeOf(options_.servers);
    client_cpu_before_ = CpuTimeOf(getpid());
  } else if (measuring_ && TimeIsOver(now)) {
    measuring_ = false;
    measured_ = true;
    result_.measured = now - measure_from_;
    result_.server_cpu = CpuTimeOf(options_.servers) - server_cpu_before_;
    result_.client_cpu = CpuTimeOf(getpid()) - client_cpu_before_;
  }
}

void Loop::Begin(Lane* lane, absl::Duration now) {
  lane->began = now;
  lane->slot->Begin(&queue_, lane);
}

void Loop::Take(Lane* lane, bool ok) {
  if (lane->closing) {
    --running_;
    return;
  }
  const SlotStep step = lane->slot->End(ok);
  const absl::Duration now = clock_.SinceBoot();
  LookAtClock(now);
  if (step == SlotStep::kAgain) {
    lane->slot->Begin(&queue_, lane);
    return;
  }
  if (step == SlotStep::kFailed) {
    if (result_.failures++ == 0) result_.first_failure = lane->slot->failure();
  } else if (measuring_) {
    result_.latency.Record(now - lane->began);
  }
  const bool hopeless = result_.failures >= kMostFailures;
  if (!hopeless && (!measured_ || !lane->slot->AtRest())) {
    Begin(lane, now);
    return;
  }
  lane->closing = true;
  if (!lane->slot->Close(lane)) --running_;
}

LoadResult Loop::Run() {
  const absl::Duration start = clock_.SinceBoot();
  measure_from_ = start + options_.warmup;
  end_ = measure_from_ + options_.measured;
  running_ = lanes_.size();
  for (Lane& lane : lanes_) {
    Begin(&lane, start);
  }
  void* tag = nullptr;
  bool ok = false;
  while (running_ > 0 && queue_.Next(&tag, &ok)) {
    Take(static_cast<Lane*>(tag), ok);
  }
  queue_.Shutdown();
  QUORATE_CHECK(!queue_.Next(&tag, &ok));
  return std::move(result_);
}

}  // namespace

LoadResult RunLoad(std::vector<std::unique_ptr<Slot>> slots,
                   const LoadOptions& options, const Clock& clock) {
  return Loop(std::move(slots), options, clock).Run();
}

}  // namespace quorate::bench
