#include "tests/sim/seed_runner.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <map>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/status.h"
#include "tests/sim/sim_world.h"

namespace quorate::sim {
namespace {

constexpr size_t kMaxJobs = 64;
constexpr int kFailoverBuckets = 64;
constexpr SimTime kFailoverBucket = 50 * kMillisecond;

// What processes tell each other. Lies in memory that all of them have.
struct Shared {
  std::atomic<uint64_t> next;  // Case.
  std::atomic<uint64_t> failures;
  std::atomic<uint64_t> entries;
  std::atomic<uint64_t> effects;
  std::atomic<uint64_t> waited;
  std::atomic<uint64_t> called_back;
  std::atomic<uint64_t> elections;
  std::atomic<uint64_t> crashes;
  std::atomic<uint64_t> installs;
  std::atomic<uint64_t> membership;
  std::atomic<uint64_t> losses;
  std::atomic<uint64_t> failovers[kFailoverBuckets];
  std::atomic<uint64_t> current[kMaxJobs];  // The case that a job is at.
  char failure[512];
};

// Zeros, shared with children; never given back.
Shared* NewShared() {
  void* const memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
           MAP_SHARED | MAP_ANONYMOUS, /*fd=*/-1, /*offset=*/0);
  QUORATE_CHECK(memory != MAP_FAILED);
  return static_cast<Shared*>(memory);
}

void Count(const SimReport& report, Shared* shared) {
  shared->entries += report.entries;
  shared->effects += report.effects;
  shared->waited += report.waited;
  shared->called_back += report.called_back;
  shared->elections += report.elections;
  shared->crashes += report.crashes;
  shared->installs += report.installs;
  shared->membership += report.membership;
  shared->losses += report.losses;
  for (const SimTime time : report.failovers) {
    const auto bucket = static_cast<int>(time / kFailoverBucket);
    ++shared->failovers[std::min(bucket, kFailoverBuckets - 1)];
  }
}

void PrintFailure(const SeedCase& seed_case, SimTime at,
                  const std::string& failure) {
  std::printf("FAILED seed %llu at %.3f s: %s\n  replay: %s\n",
              static_cast<unsigned long long>(seed_case.seed),
              static_cast<double>(at) / kSecond, failure.c_str(),
              ReplayLine(seed_case).c_str());
  std::fflush(stdout);
}

void RunJob(const std::vector<SeedCase>& cases, size_t job, Shared* shared) {
  for (uint64_t i = shared->next++; i < cases.size(); i = shared->next++) {
    shared->current[job] = i;
    const SimReport report = SimWorld(OptionsOf(cases[i]).value()).Run();
    Count(report, shared);
    if (report.passed) continue;
    ++shared->failures;
    PrintFailure(cases[i], report.failed_at, report.failure);
  }
}

pid_t Fork() {
  std::fflush(stdout);
  const pid_t child = fork();
  QUORATE_CHECK(child >= 0);
  return child;
}

// The median, by buckets.
SimTime MedianFailover(const Shared& shared) {
  uint64_t total = 0;
  for (const auto& count : shared.failovers)
    total += count;
  uint64_t seen = 0;
  for (int i = 0; i < kFailoverBuckets; ++i) {
    seen += shared.failovers[i];
    if (2 * seen >= total) return (i + 1) * kFailoverBucket;
  }
  return 0;
}

}  // namespace

absl::StatusOr<SimOptions> OptionsOf(const SeedCase& seed_case) {
  SimOptions options = seed_case.only ? SimOptions{.seed = seed_case.seed}
                                      : SimOptions::ForSeed(seed_case.seed);
  QUORATE_RETURN_IF_ERROR(options.Set(seed_case.set));
  return options;
}

std::string ReplayLine(const SeedCase& seed_case) {
  return absl::StrCat("./dev sim --seed ", seed_case.seed,
                      seed_case.set.empty() ? "" : " --set ", seed_case.set,
                      seed_case.only ? " --only" : "");
}

std::string FailureOf(const SimOptions& options) {
  static Shared* const shared = NewShared();
  shared->failure[0] = '\0';
  const pid_t child = Fork();
  if (child == 0) {
    const SimReport report = SimWorld(options).Run();
    std::snprintf(shared->failure, sizeof(shared->failure), "%s",
                  report.failure.c_str());
    // Without the parent's buffers and exit functions.
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return shared->failure;
  return "the process ended: a check of the product";
}

bool RunCases(const std::vector<SeedCase>& cases, size_t jobs) {
  Shared* const shared = NewShared();
  const Clock& clock = SystemClock();
  const absl::Duration begin = clock.SinceBoot();
  std::map<pid_t, size_t> children;
  const auto start = [&](size_t job) {
    const pid_t child = Fork();
    if (child == 0) {
      RunJob(cases, job, shared);
      std::fflush(stdout);
      _exit(0);
    }
    children[child] = job;
  };
  for (size_t job = 0; job < std::min(jobs, kMaxJobs); ++job)
    start(job);
  while (!children.empty()) {
    int status = 0;
    const pid_t ended = waitpid(-1, &status, 0);
    const auto child = children.find(ended);
    QUORATE_CHECK(child != children.end());
    const size_t job = child->second;
    children.erase(child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
    ++shared->failures;
    PrintFailure(cases[shared->current[job]], 0,
                 "the process ended: a check of the product");
    start(job);
  }
  std::printf(
      "%s: %zu seeds in %.0f s; %llu entries, %llu effects, "
      "%llu granted after a wait, %llu called back, %llu terms, "
      "%llu crashes, %llu lost disks, %llu installs, %llu configurations, "
      "half of the failovers within %lld ms\n",
      shared->failures == 0 ? "passed" : "FAILED", cases.size(),
      absl::ToDoubleSeconds(clock.SinceBoot() - begin),
      static_cast<unsigned long long>(shared->entries),
      static_cast<unsigned long long>(shared->effects),
      static_cast<unsigned long long>(shared->waited),
      static_cast<unsigned long long>(shared->called_back),
      static_cast<unsigned long long>(shared->elections),
      static_cast<unsigned long long>(shared->crashes),
      static_cast<unsigned long long>(shared->losses),
      static_cast<unsigned long long>(shared->installs),
      static_cast<unsigned long long>(shared->membership),
      static_cast<long long>(MedianFailover(*shared) / kMillisecond));
  return shared->failures == 0;
}

}  // namespace quorate::sim
