// quorated: one member of a cluster.

#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>
#include <sys/resource.h>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/stubs/logging.h"

#include "base/clock.h"
#include "base/log.h"
#include "server/config.h"
#include "server/exit_code.h"
#include "server/join/joiner.h"
#include "server/join/rejoiner.h"
#include "server/member_files.h"
#include "server/member_process.h"
#include "server/member_restore.h"
#include "server/member_stores.h"
#include "server/rpc/grpc_setup.h"

namespace quorate::server {
namespace {

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

int Restore(const std::string& path, const std::string& backup) {
  const absl::StatusOr<Config> config = ReadConfig(path);
  if (!config.ok()) return Fail(kExitConfig, config.status());
  ConfigureLog(LogLevel::kWarn, "");
  // What `run` would miss is better known before than after.
  const absl::StatusOr<MemberFiles> files = ReadMemberFiles(*config);
  if (!files.ok()) return Fail(kExitConfig, files.status());
  const auto restored = RestoreMember(*config, *files->verifier, backup);
  if (absl::IsInvalidArgument(restored.status())) {
    return Fail(kExitConfig, restored.status());
  }
  if (!restored.ok())
    return Fail(CodeOfData(restored.status()), restored.status());
  std::printf(
      "made member %s of epoch %u in %s, from index %s of epoch %u: %zu "
      "sessions, %zu seats.\nOnce all members are made so, start them by "
      "`quorated run`. The cluster is on hold\nuntil `quorate restore "
      "release`.\n%s",
      config->self.name.c_str(), config->cluster_epoch,
      config->data_dir.c_str(), absl::StrCat(restored->index).c_str(),
      restored->old_epoch, restored->sessions, restored->seats,
      UnknownBorrowsNotice(*restored).c_str());
  return kExitOk;
}

// How it went to come into a cluster.
ExitCode CodeOfJoin(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    case absl::StatusCode::kUnavailable:
      return kExitUnavailable;
    case absl::StatusCode::kDataLoss:
      return kExitData;
    default:
      return kExitRefused;
  }
}

// "-" stands for standard input, so that a token stands in no list of
// processes.
absl::StatusOr<JoinToken> ReadToken(std::string text) {
  if (text == "-") std::getline(std::cin, text);
  return ParseJoinToken(absl::StripAsciiWhitespace(text));
}

int Join(JoinOptions options, const std::string& token) {
  const absl::StatusOr<JoinToken> parsed = ReadToken(token);
  if (!parsed.ok()) return Fail(kExitUsage, parsed.status());
  options.token = *parsed;
  ConfigureLog(LogLevel::kWarn, "");
  PrepareGrpc();
  const absl::Status status = JoinCluster(options, SystemClock());
  if (!status.ok()) return Fail(CodeOfJoin(status), status);
  std::printf(
      "%s has joined, with its data in %s. Start it now:\n"
      "  quorated run --config %s\n",
      options.name.c_str(), options.data_dir.c_str(),
      ConfigFileOf(options).c_str());
  return kExitOk;
}

int Rejoin(const std::string& path, const RejoinOptions& options) {
  const absl::StatusOr<Config> config = ReadConfig(path);
  if (!config.ok()) return Fail(kExitConfig, config.status());
  ConfigureLog(LogLevel::kWarn, "");
  PrepareGrpc();
  const absl::StatusOr<MemberFiles> files = ReadMemberFiles(*config);
  if (!files.ok()) return Fail(kExitConfig, files.status());
  const absl::StatusOr<raft::MemberId> id =
      RejoinCluster(*config, *files, options, SystemClock());
  if (!id.ok()) return Fail(CodeOfJoin(id.status()), id.status());
  std::printf(
      "%s is a member again, under the new id %s. Start it now:\n"
      "  quorated run --config %s\n",
      config->self.name.c_str(), absl::StrCat(id->value()).c_str(),
      path.c_str());
  return kExitOk;
}

int Run(const std::string& path) {
  const absl::StatusOr<Config> config = ReadConfig(path);
  if (!config.ok()) return Fail(kExitConfig, config.status());
  ConfigureLog(config->log_level, absl::StrCat("member=", config->self.name));
  PrepareGrpc();
  const absl::StatusOr<MemberFiles> files = ReadMemberFiles(*config);
  if (!files.ok()) return Fail(kExitConfig, files.status());
  RaiseFileLimit();
  const sigset_t signals = BlockSignals();
  return RunMember(*config, *files, signals);
}

void AddTimeout(CLI::App* command, absl::Duration* timeout) {
  command
      ->add_option_function<std::string>(
          "--timeout",
          [timeout](const std::string& text) {
            absl::ParseDuration(text, timeout);  // Checked below.
          },
          "How long to go on asking; 60s where not given.")
      ->type_name("DURATION")
      ->check([](const std::string& text) -> std::string {
        absl::Duration parsed;
        const bool good =
            absl::ParseDuration(text, &parsed) && parsed > absl::ZeroDuration();
        return good ? "" : "is no duration like 30s or 5m";
      });
}

void AddRejoinFlags(CLI::App* rejoin, RejoinOptions* options) {
  rejoin->add_flag("--quarantine", options->quarantine,
                   "Put aside what is in the data directory: it is damaged, "
                   "or not to be trusted.");
  AddTimeout(rejoin, &options->timeout);
  rejoin->footer(
      "It keeps its name and certificates and gets a new id, catches up, and "
      "votes again.\nNot while the member runs, here or elsewhere.");
}

CLI::App* AddJoinCommand(CLI::App* app, JoinOptions* options,
                         std::string* token) {
  CLI::App* join = app->add_subcommand(
      "join", "Make this machine a member of a cluster that is there.");
  const auto text = [join](const char* name, std::string* value,
                           const char* about) {
    return join->add_option(name, *value, about);
  };
  text("--token", token,
       "What `quorate members token` or `replace` printed; - reads it from "
       "standard input.")
      ->required();
  text("--name", &options->name, "The name that the token is for.")->required();
  text("--config-dir", &options->config_dir,
       "Where config.toml, keys and certificates will be.")
      ->required();
  text("--data-dir", &options->data_dir, "Where its data will be.")->required();
  text("--client-listen", &options->client_listen,
       "Where to serve clients, host:port.")
      ->required();
  text("--peer-listen", &options->peer_listen,
       "Where to serve the other members, host:port.")
      ->required();
  text("--client-address", &options->client_address,
       "Where clients reach it; where it listens, if not given.");
  text("--peer-address", &options->peer_address,
       "Where the other members reach it; where it listens, if not given.");
  join->add_option("--from", options->from,
                   "Join ports to ask; the token's, if not given.")
      ->delimiter(',');
  AddTimeout(join, &options->timeout);
  join->footer(
      "Where it was interrupted, or nobody answered, run the same again.");
  return join;
}

int Main(int argc, char** argv) {
  // It has a line on stderr for each message that does not parse, and any
  // stranger may send those. Whoever sent it is told.
  google::protobuf::SetLogHandler(nullptr);
  CLI::App app("One member of a Quorate cluster.", "quorated");
  app.require_subcommand(1);
  std::string config;
  const auto add = [&](const char* name, const char* description) {
    CLI::App* command = app.add_subcommand(name, description);
    command->add_option("--config", config, "The configuration file (TOML).")
        ->required();
    return command;
  };
  CLI::App* init =
      add("init", "Make the data directory of a member of a new cluster.");
  CLI::App* run = add("run", "Run a member until SIGTERM or SIGINT.");
  add("check", "Check the configuration and the files it names.");
  std::string backup;
  CLI::App* restore = add(
      "restore", "Make the data directory of a member of a restored cluster.");
  restore->add_option("--backup", backup, "The backup, the same for all.")
      ->required();
  restore->footer(
      "The configuration has a greater cluster.epoch than the backup, and ids "
      "that no member had.\nThe restored cluster grants nothing until "
      "`quorate restore release`.");
  RejoinOptions rejoining;
  CLI::App* rejoin =
      add("rejoin", "Bring a member back that has lost its data.");
  AddRejoinFlags(rejoin, &rejoining);
  JoinOptions joining;
  std::string token;
  CLI::App* join = AddJoinCommand(&app, &joining, &token);
  // CLI11 reports by exceptions of its own; none leaves here.
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  if (init->parsed()) return Init(config);
  if (run->parsed()) return Run(config);
  if (restore->parsed()) return Restore(config, backup);
  if (rejoin->parsed()) return Rejoin(config, rejoining);
  if (join->parsed()) return Join(joining, token);
  return Check(config);
}

}  // namespace
}  // namespace quorate::server

int main(int argc, char** argv) {
  return quorate::server::Main(argc, argv);
}
