// quorate-sim: runs simulated clusters, one for each seed.
//
//   quorate-sim --seed 81723           one world, with its options and result
//   quorate-sim --seeds 1..2000        many, on all cores; stops at none
//   quorate-sim --seeds-file FILE      the seeds that once found a bug
//
// Exit status 0 where every world held, 1 where one did not, 2 for usage.

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "base/log.h"
#include "tests/sim/options.h"
#include "tests/sim/sim_world.h"

namespace quorate::sim {
namespace {

// The world that runs now: a failed check of the product ends the process, and
// the seed must still be known.
volatile uint64_t current_seed = 0;

void PrintSeedOnAbort(int) {
  char line[96];
  const int size =
      std::snprintf(line, sizeof(line),
                    "ABORTED seed %llu\n  replay: ./dev sim --seed %llu\n",
                    static_cast<unsigned long long>(current_seed),
                    static_cast<unsigned long long>(current_seed));
  if (write(STDOUT_FILENO, line, static_cast<size_t>(size)) < 0) _exit(70);
}

void PrintFailure(uint64_t seed, const SimReport& report) {
  std::printf(
      "FAILED seed %llu at %.3f s: %s\n  replay: ./dev sim --seed %llu\n",
      static_cast<unsigned long long>(seed),
      static_cast<double>(report.failed_at) / kSecond, report.failure.c_str(),
      static_cast<unsigned long long>(seed));
  std::fflush(stdout);
}

int RunOne(uint64_t seed, const std::string& set, bool trace) {
  current_seed = seed;
  SimOptions options = SimOptions::ForSeed(seed);
  const absl::Status status = options.Set(set);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
    return 2;
  }
  std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed),
              options.ToString().c_str());
  SimWorld world(options);
  if (trace) world.Trace();
  const SimReport report = world.Run();
  if (!report.passed) {
    PrintFailure(seed, report);
    return 1;
  }
  std::printf(
      "passed: %llu entries, %llu effects, term %llu, %llu crashes, "
      "%llu installs, %llu configurations\n",
      static_cast<unsigned long long>(report.entries),
      static_cast<unsigned long long>(report.effects),
      static_cast<unsigned long long>(report.elections),
      static_cast<unsigned long long>(report.crashes),
      static_cast<unsigned long long>(report.installs),
      static_cast<unsigned long long>(report.membership));
  return 0;
}

// The share of one process: every `step`th seed from `first` on.
int RunShare(const std::vector<uint64_t>& seeds, size_t first, size_t step) {
  int failures = 0;
  for (size_t i = first; i < seeds.size(); i += step) {
    current_seed = seeds[i];
    const SimReport report = SimWorld(SimOptions::ForSeed(seeds[i])).Run();
    if (report.passed) continue;
    PrintFailure(seeds[i], report);
    ++failures;
  }
  return failures == 0 ? 0 : 1;
}

int RunMany(const std::vector<uint64_t>& seeds, size_t jobs) {
  std::vector<pid_t> children;
  std::fflush(stdout);
  for (size_t job = 0; job < jobs; ++job) {
    const pid_t child = fork();
    if (child < 0) {
      std::perror("fork");
      return 1;
    }
    if (child == 0) {
      // A new process without the parent's buffers and exit functions.
      const int code = RunShare(seeds, job, jobs);
      std::fflush(stdout);
      _exit(code);
    }
    children.push_back(child);
  }
  int worst = 0;
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) worst = 1;
  }
  std::printf("%s: %zu seeds\n", worst == 0 ? "passed" : "FAILED",
              seeds.size());
  return worst;
}

bool ParseRange(const std::string& text, std::vector<uint64_t>* seeds) {
  const std::vector<std::string> ends = absl::StrSplit(text, "..");
  uint64_t first = 0;
  uint64_t last = 0;
  if (ends.size() != 2 || !absl::SimpleAtoi(ends[0], &first) ||
      !absl::SimpleAtoi(ends[1], &last) || last < first) {
    return false;
  }
  for (uint64_t seed = first; seed <= last; ++seed)
    seeds->push_back(seed);
  return true;
}

bool ReadSeeds(const std::string& path, std::vector<uint64_t>* seeds) {
  std::ifstream file(path);
  if (!file) return false;
  std::string line;
  while (std::getline(file, line)) {
    const std::vector<std::string> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.empty() || words[0][0] == '#') continue;
    uint64_t seed = 0;
    if (!absl::SimpleAtoi(words[0], &seed)) return false;
    seeds->push_back(seed);
  }
  return true;
}

int Main(int argc, char** argv) {
  CLI::App app("Simulated Quorate clusters, one for each seed.");
  uint64_t seed = 0;
  std::string range;
  std::string file;
  size_t jobs = 2;
  std::string set;
  bool trace = false;
  app.add_flag("--trace", trace, "With --seed: print every event");
  auto* one = app.add_option("--seed", seed, "One seed");
  auto* many = app.add_option("--seeds", range, "A range, as 1..2000");
  auto* listed = app.add_option("--seeds-file", file, "A file of seeds");
  app.add_option("--set", set, "With --seed: options, as a=1,b=0");
  app.add_option("--jobs", jobs, "Processes at once")->check(CLI::Range(1, 64));
  one->excludes(many)->excludes(listed);
  many->excludes(listed);
  CLI11_PARSE(app, argc, argv);
  ConfigureLog(LogLevel::kOff, "");
  std::signal(SIGABRT, PrintSeedOnAbort);
  if (one->count() > 0) return RunOne(seed, set, trace);
  std::vector<uint64_t> seeds;
  if (many->count() > 0 && !ParseRange(range, &seeds)) {
    std::fprintf(stderr, "--seeds wants FIRST..LAST, as 1..2000\n");
    return 2;
  }
  if (listed->count() > 0 && !ReadSeeds(file, &seeds)) {
    std::fprintf(stderr, "%s is not a file of seeds\n", file.c_str());
    return 2;
  }
  if (seeds.empty()) {
    std::fprintf(stderr, "give --seed N, --seeds A..B or --seeds-file FILE\n");
    return 2;
  }
  return RunMany(seeds, jobs);
}

}  // namespace
}  // namespace quorate::sim

int main(int argc, char** argv) {
  return quorate::sim::Main(argc, argv);
}
