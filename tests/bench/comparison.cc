#include "tests/bench/comparison.h"

#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "base/clock.h"
#include "base/status.h"
#include "tests/bench/cluster_access.h"
#include "tests/bench/echo.h"
#include "tests/bench/etcd_load.h"
#include "tests/bench/load_loop.h"
#include "tests/bench/quorate_load.h"
#include <nlohmann/json.hpp>

namespace quorate::bench {
namespace {

// A gateway's message; a desktop application renews one.
constexpr size_t kRenewalsOfGateway = 100;

struct Scenario {
  std::string name;
  // How many of its operations one answer stands for.
  size_t weight = 1;
  std::function<absl::StatusOr<Slots>(size_t outstanding)> slots;
  std::vector<pid_t> servers;
};

// Everything that is measured, with its connections.
struct Systems {
  std::unique_ptr<QuorateLoad> quorate;
  std::unique_ptr<EtcdLoad> etcd;
  std::unique_ptr<EchoLoad> echo;
};

// A scenario with the leader as of its beginning.
template <typename Load, typename Make>
Scenario On(Load* load, std::string name, Make make) {
  return {.name = std::move(name),
          .slots = [load, make](size_t count) -> absl::StatusOr<Slots> {
            QUORATE_ASSIGN_OR_RETURN(const size_t leader, load->Leader());
            return make(count, leader);
          },
          .servers = load->pids()};
}

void AddOfQuorate(QuorateLoad* load, Placement placement,
                  const std::string& where, std::vector<Scenario>* all) {
  all->push_back(
      On(load, "quorate checkout " + where, [=](size_t count, size_t leader) {
        return load->CheckoutSlots(count, placement, leader);
      }));
  all->push_back(
      On(load, "quorate read " + where, [=](size_t count, size_t leader) {
        return load->ReadSlots(count, placement, leader);
      }));
  all->push_back(
      On(load, "quorate renewal " + where, [=](size_t count, size_t leader) {
        return load->RenewalSlots(count, 1, placement, leader);
      }));
}

void AddOfEtcd(EtcdLoad* load, Placement placement, const std::string& where,
               std::vector<Scenario>* all) {
  all->push_back(
      On(load, "etcd put " + where, [=](size_t count, size_t leader) {
        return load->PutSlots(count, placement, leader);
      }));
  all->push_back(On(load, "etcd checkout, pool each, " + where,
                    [=](size_t count, size_t leader) {
                      return load->CheckoutSlots(count, PoolKeys::kOneEach,
                                                 placement, leader);
                    }));
  all->push_back(On(load, "etcd checkout, one pool, " + where,
                    [=](size_t count, size_t leader) {
                      return load->CheckoutSlots(count, PoolKeys::kShared,
                                                 placement, leader);
                    }));
  all->push_back(
      On(load, "etcd read " + where, [=](size_t count, size_t leader) {
        return load->ReadSlots(count, placement, leader);
      }));
}

std::vector<Scenario> AllScenarios(const Systems& systems) {
  std::vector<Scenario> all;
  EchoLoad* echo = systems.echo.get();
  all.push_back({.name = "echo with TLS",
                 .slots = [=](size_t count) { return echo->TlsSlots(count); },
                 .servers = echo->pids()});
  all.push_back({.name = "echo without TLS",
                 .slots = [=](size_t count) { return echo->PlainSlots(count); },
                 .servers = echo->pids()});
  for (const Placement placement : {Placement::kLeader, Placement::kSpread}) {
    const std::string where =
        placement == Placement::kLeader ? "leader" : "spread";
    AddOfQuorate(systems.quorate.get(), placement, where, &all);
    AddOfEtcd(systems.etcd.get(), placement, where, &all);
  }
  QuorateLoad* quorate = systems.quorate.get();
  all.push_back(On(quorate, "quorate renewal by gateways, spread",
                   [=](size_t count, size_t leader) {
                     return quorate->RenewalSlots(count, kRenewalsOfGateway,
                                                  Placement::kSpread, leader);
                   }));
  all.back().weight = kRenewalsOfGateway;
  return all;
}

double Micros(absl::Duration duration) {
  return absl::ToDoubleMicroseconds(duration);
}

nlohmann::json ToJson(const LoadResult& result, size_t weight) {
  const LatencyHistogram& latency = result.latency;
  const double operations = static_cast<double>(latency.count() * weight);
  const double at_least_one = operations > 0 ? operations : 1;
  return {{"rate", operations / absl::ToDoubleSeconds(result.measured)},
          {"p50_us", Micros(latency.Quantile(0.5))},
          {"p90_us", Micros(latency.Quantile(0.9))},
          {"p99_us", Micros(latency.Quantile(0.99))},
          {"p999_us", Micros(latency.Quantile(0.999))},
          {"max_us", Micros(latency.max())},
          {"server_cpu_us", Micros(result.server_cpu) / at_least_one},
          {"client_cpu_us", Micros(result.client_cpu) / at_least_one},
          {"failures", result.failures}};
}

absl::StatusOr<nlohmann::json> RunScenario(const Scenario& scenario,
                                           size_t outstanding,
                                           const ComparisonOptions& options) {
  QUORATE_ASSIGN_OR_RETURN(Slots slots, scenario.slots(outstanding));
  const LoadResult result = RunLoad(std::move(slots),
                                    {.warmup = options.warmup,
                                     .measured = options.measured,
                                     .servers = scenario.servers},
                                    SystemClock());
  nlohmann::json figures = ToJson(result, scenario.weight);
  std::fprintf(stderr, "  %-38s %3zu outstanding %9.0f/s  p50 %7.0f us\n",
               scenario.name.c_str(), outstanding,
               figures["rate"].get<double>(), figures["p50_us"].get<double>());
  if (result.failures > 0) {
    std::fprintf(stderr, "    %llu failures, the first: %s\n",
                 static_cast<unsigned long long>(result.failures),
                 result.first_failure.ToString().c_str());
  }
  return figures;
}

absl::StatusOr<Systems> ConnectAll(const ClusterAccess* quorate,
                                   const ClusterAccess* etcd,
                                   const ClusterAccess* echo) {
  Systems systems;
  QUORATE_ASSIGN_OR_RETURN(systems.quorate, QuorateLoad::Create(quorate));
  QUORATE_ASSIGN_OR_RETURN(systems.etcd, EtcdLoad::Create(etcd));
  QUORATE_ASSIGN_OR_RETURN(systems.echo, EchoLoad::Create(echo));
  return systems;
}

}  // namespace

absl::Status Compare(const BenchTargets& targets,
                     const ComparisonOptions& options, const std::string& out) {
  QUORATE_ASSIGN_OR_RETURN(const ClusterAccess quorate,
                           ClusterAccess::Read(targets.quorate));
  QUORATE_ASSIGN_OR_RETURN(const ClusterAccess etcd,
                           ClusterAccess::Read(targets.etcd));
  QUORATE_ASSIGN_OR_RETURN(const ClusterAccess echo,
                           ClusterAccess::Read(targets.echo));
  QUORATE_ASSIGN_OR_RETURN(const Systems systems,
                           ConnectAll(&quorate, &etcd, &echo));
  std::vector<Scenario> scenarios = AllScenarios(systems);
  std::erase_if(scenarios, [&](const Scenario& scenario) {
    return !absl::StrContains(scenario.name, options.filter);
  });
  nlohmann::json cells = nlohmann::json::array();
  for (const Scenario& scenario : scenarios) {
    for (const size_t outstanding : options.outstanding) {
      cells.push_back({{"scenario", scenario.name},
                       {"outstanding", outstanding},
                       {"rounds", nlohmann::json::array()}});
    }
  }
  for (int round = 0; round < options.rounds; ++round) {
    std::fprintf(stderr, "round %d of %d\n", round + 1, options.rounds);
    // By outstanding first: what is compared runs close together.
    for (size_t o = 0; o < options.outstanding.size(); ++o) {
      for (size_t s = 0; s < scenarios.size(); ++s) {
        QUORATE_ASSIGN_OR_RETURN(
            nlohmann::json figures,
            RunScenario(scenarios[s], options.outstanding[o], options));
        cells[s * options.outstanding.size() + o]["rounds"].push_back(
            std::move(figures));
      }
    }
  }
  std::ofstream file(out);
  file << nlohmann::json{{"kind", "comparison"},
                         {"measured_s",
                          absl::ToDoubleSeconds(options.measured)},
                         {"cells", std::move(cells)}}
              .dump(1)
       << "\n";
  file.flush();
  if (!file) return absl::InternalError(absl::StrCat("cannot write ", out));
  return absl::OkStatus();
}

}  // namespace quorate::bench
