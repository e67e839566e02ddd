#include "tests/bench/failover.h"

#include <cstdio>
#include <fstream>
#include <memory>
#include <signal.h>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "tests/bench/failover_system.h"
#include "tests/bench/failover_writers.h"
#include <nlohmann/json.hpp>

namespace quorate::bench {
namespace {

// Several times what etcd's election and its clients take at their defaults.
constexpr absl::Duration kServedLimit = absl::Seconds(60);
constexpr absl::Duration kHealthyLimit = absl::Seconds(60);
constexpr absl::Duration kLookAgain = absl::Milliseconds(50);

// Load before the leader goes, and after service is back: the others shall
// have come back, too.
constexpr absl::Duration kLoadBefore = absl::Seconds(1);
constexpr absl::Duration kLoadAfter = absl::Milliseconds(500);

// One of the systems with its clients, which outlive the rounds.
struct Contestant {
  std::unique_ptr<FailoverSystem> system;
  std::unique_ptr<FailoverWriters> writers;
};

// Waits on a condition that nobody notifies, since no one else is there.
void WaitUntil(absl::Duration moment) {
  Mutex mu;
  CondVar never;
  MutexLock lock(&mu);
  while (SystemClock().SinceBoot() < moment) {
    never.WaitFor(&mu, moment - SystemClock().SinceBoot());
  }
}

absl::StatusOr<size_t> WaitHealthy(const FailoverSystem& system) {
  const absl::Duration end = SystemClock().SinceBoot() + kHealthyLimit;
  while (true) {
    absl::StatusOr<size_t> leader = system.HealthyLeader();
    if (leader.ok() || SystemClock().SinceBoot() > end) return leader;
    WaitUntil(SystemClock().SinceBoot() + kLookAgain);
  }
}

absl::StatusOr<Contestant> Prepare(std::unique_ptr<FailoverSystem> system) {
  Contestant contestant = {.system = std::move(system), .writers = nullptr};
  QUORATE_RETURN_IF_ERROR(WaitHealthy(*contestant.system).status());
  QUORATE_ASSIGN_OR_RETURN(const std::vector<BenchMember> members,
                           contestant.system->Members());
  QUORATE_ASSIGN_OR_RETURN(auto writes, contestant.system->MakeWrites());
  contestant.writers = std::make_unique<FailoverWriters>(
      std::move(writes), members.size(), &SystemClock());
  return contestant;
}

double Millis(absl::Duration duration) {
  return absl::ToDoubleMilliseconds(duration);
}

// Makes the leader go by `signal` under load.
absl::StatusOr<nlohmann::json> StrikeLeader(FailoverWriters* writers,
                                            const BenchMember& leader,
                                            int signal) {
  const absl::Duration begun = SystemClock().SinceBoot();
  if (!writers->WaitForAll(begun, kServedLimit)) {
    return absl::DeadlineExceededError("there is no load");
  }
  WaitUntil(begun + kLoadBefore);
  if (kill(leader.pid, signal) != 0) {
    return absl::InternalError(absl::StrCat("cannot signal ", leader.pid));
  }
  const absl::Duration struck = SystemClock().SinceBoot();
  if (!writers->WaitForAll(struck, kServedLimit)) {
    return absl::DeadlineExceededError("some clients are not served again");
  }
  WaitUntil(SystemClock().SinceBoot() + kLoadAfter);
  nlohmann::json pauses = nlohmann::json::array();
  for (const absl::Duration pause : writers->LongestPauses(struck)) {
    pauses.push_back(Millis(pause));
  }
  return nlohmann::json{{"first_ms", Millis(writers->FirstAfter(struck))},
                        {"pauses_ms", std::move(pauses)},
                        {"failed_attempts", writers->failed_attempts()}};
}

absl::StatusOr<nlohmann::json> RunRound(const Contestant& contestant,
                                        int signal) {
  const FailoverSystem& system = *contestant.system;
  QUORATE_ASSIGN_OR_RETURN(const size_t number, WaitHealthy(system));
  QUORATE_ASSIGN_OR_RETURN(const std::vector<BenchMember> members,
                           system.Members());
  const BenchMember& leader = members[number];
  contestant.writers->Start();
  auto outcome = StrikeLeader(contestant.writers.get(), leader, signal);
  contestant.writers->Stop();
  if (signal == SIGSTOP) {
    kill(leader.pid, SIGCONT);
  } else {
    QUORATE_RETURN_IF_ERROR(system.Restart(leader.name));
  }
  if (!outcome.ok()) return outcome;
  (*outcome)["system"] = system.name();
  (*outcome)["signal"] = signal == SIGSTOP ? "SIGSTOP" : "SIGKILL";
  std::fprintf(stderr, "  %-8s %s  first write after %6.0f ms\n",
               system.name().c_str(),
               (*outcome)["signal"].get<std::string>().c_str(),
               (*outcome)["first_ms"].get<double>());
  return outcome;
}

}  // namespace

absl::Status CompareFailovers(const BenchTargets& targets,
                              const FailoverOptions& options,
                              const std::string& out) {
  QUORATE_ASSIGN_OR_RETURN(const ClusterAccess quorate,
                           ClusterAccess::Read(targets.quorate));
  QUORATE_ASSIGN_OR_RETURN(const ClusterAccess etcd,
                           ClusterAccess::Read(targets.etcd));
  std::vector<Contestant> contestants;
  for (auto make : {QuorateForFailover, EtcdForFailover}) {
    QUORATE_ASSIGN_OR_RETURN(
        Contestant contestant,
        Prepare(make(make == QuorateForFailover ? &quorate : &etcd)));
    contestants.push_back(std::move(contestant));
  }
  nlohmann::json rounds = nlohmann::json::array();
  for (int round = 0; round < options.rounds; ++round) {
    std::fprintf(stderr, "round %d of %d\n", round + 1, options.rounds);
    for (const int signal : {SIGKILL, SIGSTOP}) {
      for (const Contestant& contestant : contestants) {
        QUORATE_ASSIGN_OR_RETURN(nlohmann::json outcome,
                                 RunRound(contestant, signal));
        rounds.push_back(std::move(outcome));
      }
    }
  }
  std::ofstream file(out);
  file << nlohmann::json{{"kind", "failover"}, {"rounds", std::move(rounds)}}
              .dump(1)
       << "\n";
  file.flush();
  if (!file) return absl::InternalError(absl::StrCat("cannot write ", out));
  return absl::OkStatus();
}

}  // namespace quorate::bench
