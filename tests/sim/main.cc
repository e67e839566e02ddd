// quorate-sim: runs simulated clusters, one for each seed.
//
//   quorate-sim --seed 81723           one world, with its options and result
//   quorate-sim --seed 81723 --set a=1 with an option that is not as drawn
//   quorate-sim --seeds 1..2000        many, on all cores; stops at none
//   quorate-sim --seeds-file FILE      the seeds that once found a bug
//   quorate-sim --shrink 81723         looks for the least that still fails
//
// Exit status 0 where every world held, 1 where one did not, 2 for usage.

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

#include "base/log.h"
#include "tests/sim/seed_runner.h"
#include "tests/sim/shrink.h"
#include "tests/sim/sim_world.h"

namespace quorate::sim {
namespace {

int RunOne(const SeedCase& seed_case, bool trace) {
  const auto options = OptionsOf(seed_case);
  if (!options.ok()) {
    std::fprintf(stderr, "%s\n",
                 std::string(options.status().message()).c_str());
    return 2;
  }
  std::printf("seed %llu: %s\n",
              static_cast<unsigned long long>(seed_case.seed),
              options->ToString().c_str());
  std::fflush(stdout);
  if (!trace) return RunCases({seed_case}, /*jobs=*/1) ? 0 : 1;
  SimWorld world(*options);
  world.Trace();
  const SimReport report = world.Run();
  std::printf("%s\n", report.passed ? "passed" : report.failure.c_str());
  return report.passed ? 0 : 1;
}

int RunShrink(const SeedCase& failing) {
  const SeedCase least = Shrink(failing);
  std::printf("replay: %s\n", ReplayLine(least).c_str());
  return 0;
}

bool ParseRange(const std::string& text, const std::string& set,
                std::vector<SeedCase>* cases) {
  const std::vector<std::string> ends = absl::StrSplit(text, "..");
  uint64_t first = 0;
  uint64_t last = 0;
  if (ends.size() != 2 || !absl::SimpleAtoi(ends[0], &first) ||
      !absl::SimpleAtoi(ends[1], &last) || last < first) {
    return false;
  }
  for (uint64_t seed = first; seed <= last; ++seed)
    cases->push_back({.seed = seed, .set = set});
  return true;
}

// Lines "SEED", "SEED OPTIONS" and "# words". What a seed draws changes with
// the simulator, so the options of a line are all that there are.
bool ReadCases(const std::string& path, std::vector<SeedCase>* cases) {
  std::ifstream file(path);
  if (!file) return false;
  std::string line;
  while (std::getline(file, line)) {
    const std::vector<std::string> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.empty() || words[0][0] == '#') continue;
    SeedCase found;
    if (words.size() > 2 || !absl::SimpleAtoi(words[0], &found.seed)) {
      return false;
    }
    found.only = words.size() == 2;
    if (found.only) found.set = words[1];
    if (!OptionsOf(found).ok()) return false;
    cases->push_back(found);
  }
  return !cases->empty();
}

int Main(int argc, char** argv) {
  CLI::App app("Simulated Quorate clusters, one for each seed.");
  uint64_t seed = 0;
  std::string range;
  std::string file;
  size_t jobs = 2;
  std::string set;
  bool only = false;
  bool trace = false;
  app.add_flag("--trace", trace, "With --seed: print every event");
  app.add_option("--set", set, "Options that are not as drawn, as a=1,b=0");
  app.add_flag("--only", only, "Nothing but the options of --set");
  app.add_option("--jobs", jobs, "Processes at once")->check(CLI::Range(1, 64));
  auto* what = app.add_option_group("what");
  auto* one = what->add_option("--seed", seed, "One seed");
  auto* many = what->add_option("--seeds", range, "A range, as 1..2000");
  what->add_option("--seeds-file", file, "A file of seeds");
  auto* shrink = what->add_option("--shrink", seed, "A seed that fails");
  what->require_option(1);
  CLI11_PARSE(app, argc, argv);
  ConfigureLog(LogLevel::kOff, "");
  if (one->count() > 0) return RunOne({seed, set, only}, trace);
  if (shrink->count() > 0) return RunShrink({seed, set, only});
  std::vector<SeedCase> cases;
  const bool read = many->count() > 0 ? ParseRange(range, set, &cases)
                                      : ReadCases(file, &cases);
  if (!read || !OptionsOf(cases.front()).ok()) {
    std::fprintf(stderr,
                 "--seeds wants FIRST..LAST, --seeds-file lines of a seed and "
                 "options, --set options as a=1,b=0\n");
    return 2;
  }
  return RunCases(cases, jobs) ? 0 : 1;
}

}  // namespace
}  // namespace quorate::sim

int main(int argc, char** argv) {
  return quorate::sim::Main(argc, argv);
}
