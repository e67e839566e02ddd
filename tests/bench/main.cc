// quorate-bench: the load that ./dev bench makes. The clusters are started by
// tools/dev/bench.py; this only calls, measures, and kills their leaders.

#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

#include "tests/bench/comparison.h"
#include "tests/bench/echo.h"
#include "tests/bench/failover.h"
#include <CLI/CLI.hpp>

namespace quorate::bench {
namespace {

struct CommandLine {
  BenchTargets targets;
  ComparisonOptions comparison;
  double measured_s = 2;
  FailoverOptions failover;
  std::string out;
};

void AddTargets(CLI::App* command, CommandLine* line) {
  command->add_option("--quorate", line->targets.quorate)->required();
  command->add_option("--etcd", line->targets.etcd)->required();
  command->add_option("--out", line->out, "The JSON file to write")->required();
}

int Run(int argc, char** argv) {
  CommandLine line;
  CLI::App app("Load for ./dev bench");
  app.require_subcommand(1);
  CLI::App* compare = app.add_subcommand("compare", "Rates and latencies");
  AddTargets(compare, &line);
  compare->add_option("--echo", line.targets.echo)->required();
  compare->add_option("--rounds", line.comparison.rounds)
      ->check(CLI::Range(1, 100));
  compare->add_option("--seconds", line.measured_s)
      ->check(CLI::Range(0.1, 60.0));
  compare->add_option("--outstanding", line.comparison.outstanding)
      ->delimiter(',')
      ->check(CLI::Range(1, 1024));
  compare->add_option("--filter", line.comparison.filter);
  CLI::App* failover = app.add_subcommand("failover", "Leaders that go");
  AddTargets(failover, &line);
  failover->add_option("--rounds", line.failover.rounds)
      ->check(CLI::Range(1, 1000));
  CLI::App* echo = app.add_subcommand("serve-echo", "The bare gRPC server");
  echo->add_option("--dir", line.targets.quorate)->required();
  CLI11_PARSE(app, argc, argv);

  absl::Status status;
  if (compare->parsed()) {
    line.comparison.measured = absl::Seconds(line.measured_s);
    line.comparison.warmup = line.comparison.measured / 4;
    status = Compare(line.targets, line.comparison, line.out);
  } else if (failover->parsed()) {
    status = CompareFailovers(line.targets, line.failover, line.out);
  } else {
    status = ServeEcho(line.targets.quorate);
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "quorate-bench: %s\n", status.ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace quorate::bench

int main(int argc, char** argv) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return quorate::bench::Run(argc, argv);
}
