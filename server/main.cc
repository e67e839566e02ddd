// quorated: one member of a cluster.

#include <csignal>
#include <cstdio>
#include <string>
#include <sys/resource.h>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "base/log.h"
#include "server/config.h"
#include "server/member_files.h"
#include "server/member_stores.h"
#include "server/rpc/grpc_setup.h"
#include "server/server.h"

namespace quorate::server {
namespace {

// As in sysexits.h, so that a service manager can tell them apart.
enum ExitCode : int {
  kExitOk = 0,
  kExitUsage = 64,
  kExitData = 65,         // Damaged, foreign or missing data.
  kExitUnavailable = 69,  // A port is taken.
  kExitDisk = 70,         // The disk fails.
  kExitConfig = 78,
};

int Fail(ExitCode code, const absl::Status& status) {
  std::fprintf(stderr, "quorated: %s\n", std::string(status.message()).c_str());
  return code;
}

ExitCode CodeOfData(const absl::Status& status) {
  const bool disk = absl::IsUnavailable(status) ||
                    absl::IsResourceExhausted(status) ||
                    absl::IsInternal(status);
  return disk ? kExitDisk : kExitData;
}

// Many clients mean many connections; the hard limit is the administrator's.
void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    LogWarn("server", "file_limit_not_raised");
  }
}

// Signals that end the program are taken by one thread that waits for them;
// no handler runs. Before any other thread starts, since they inherit it.
sigset_t BlockSignals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

int Check(const std::string& path) {
  const absl::StatusOr<Config> config = ReadConfig(path);
  if (!config.ok()) return Fail(kExitConfig, config.status());
  const absl::StatusOr<MemberFiles> files = ReadMemberFiles(*config);
  if (!files.ok()) return Fail(kExitConfig, files.status());
  std::printf("%s is good: member %s of cluster %s\n", path.c_str(),
              config->self.name.c_str(), config->cluster_id.c_str());
  return kExitOk;
}

int Init(const std::string& path) {
  const absl::StatusOr<Config> config = ReadConfig(path);
  if (!config.ok()) return Fail(kExitConfig, config.status());
  const absl::Status status = InitMember(*config);
  if (!status.ok()) return Fail(CodeOfData(status), status);
  std::printf("made member %s in %s\n", config->self.name.c_str(),
              config->data_dir.c_str());
  return kExitOk;
}

int Run(const std::string& path) {
  const absl::StatusOr<Config> config = ReadConfig(path);
  if (!config.ok()) return Fail(kExitConfig, config.status());
  ConfigureLog(config->log_level, absl::StrCat("member=", config->self.name));
  PrepareGrpc();
  absl::StatusOr<MemberFiles> files = ReadMemberFiles(*config);
  if (!files.ok()) return Fail(kExitConfig, files.status());
  RaiseFileLimit();
  const sigset_t signals = BlockSignals();
  absl::StatusOr<MemberStores> stores = OpenMember(*config);
  if (!stores.ok()) return Fail(CodeOfData(stores.status()), stores.status());
  absl::StatusOr<std::unique_ptr<Server>> server =
      Server::Start(*config, *std::move(files), *std::move(stores));
  if (!server.ok()) {
    const bool data = absl::IsDataLoss(server.status());
    return Fail(data ? kExitData : kExitUnavailable, server.status());
  }
  int signal = 0;
  sigwait(&signals, &signal);
  LogInfo("server", "stopping", {{"signal", absl::StrCat(signal)}});
  (*server)->Stop();
  LogInfo("server", "stopped");
  return kExitOk;
}

int Main(int argc, char** argv) {
  CLI::App app("One member of a Quorate cluster.", "quorated");
  app.require_subcommand(1);
  std::string config;
  const auto add = [&](const char* name, const char* description) {
    CLI::App* command = app.add_subcommand(name, description);
    command->add_option("--config", config, "The configuration file (TOML).")
        ->required();
    return command;
  };
  CLI::App* init = add("init", "Make the data directory of a new member.");
  CLI::App* run = add("run", "Run a member until SIGTERM or SIGINT.");
  add("check", "Check the configuration and the files it names.");
  // CLI11 reports by exceptions of its own; none leaves here.
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  if (init->parsed()) return Init(config);
  if (run->parsed()) return Run(config);
  return Check(config);
}

}  // namespace
}  // namespace quorate::server

int main(int argc, char** argv) {
  return quorate::server::Main(argc, argv);
}
