#include "tests/e2e/test_cluster.h"

#include <arpa/inet.h>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <signal.h>
#include <sstream>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "base/check.h"
#include "base/random.h"
#include "base/status.h"
#include <nlohmann/json.hpp>

namespace quorate::e2e {
namespace {

bool CanBind(int port) {
  const int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
  QUORATE_CHECK(socket_fd >= 0);
  const int reuse = 1;
  setsockopt(socket_fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool bound = bind(socket_fd, reinterpret_cast<sockaddr*>(&address),
                          sizeof(address)) == 0;
  close(socket_fd);
  return bound;
}

// A base port below the ephemeral range with room for all listeners.
int FreeBasePort() {
  Random random(SystemRandomId());
  for (int tries = 0; tries < 100; ++tries) {
    const int base = static_cast<int>(random.Between(100, 310)) * 100;
    bool free = true;
    for (int port = base; port < base + 30 && free; ++port) {
      free = CanBind(port);
    }
    if (free) return base;
  }
  CheckFailed(__FILE__, __LINE__, "a free base port", "none in 100 tries");
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

// The value of a shell word as our script writes it: plain or single-quoted.
std::string Unquoted(absl::string_view word) {
  if (word.size() >= 2 && (word.front() == '\'' || word.front() == '"') &&
      word.back() == word.front()) {
    word = word.substr(1, word.size() - 2);
  }
  return std::string(word);
}

}  // namespace

std::string ProgramPath(const std::string& name) {
  return absl::StrCat(QUORATE_BIN_DIR, "/", name);
}

absl::StatusOr<std::unique_ptr<TestCluster>> TestCluster::Start(
    int members, const Environment& extra,
    const std::function<absl::Status(const std::string&)>& prepare) {
  std::string pattern =
      std::filesystem::temp_directory_path() / "quorate-e2e-XXXXXX";
  const char* made = mkdtemp(pattern.data());
  if (made == nullptr) return absl::InternalError("mkdtemp failed");
  auto cluster = std::unique_ptr<TestCluster>(new TestCluster(made, extra));
  if (prepare) QUORATE_RETURN_IF_ERROR(prepare(made));
  QUORATE_RETURN_IF_ERROR(cluster->RunScript(
      {"up", "--detach", "--base-port", absl::StrCat(FreeBasePort()),
       "--members", absl::StrCat(members)}));
  QUORATE_RETURN_IF_ERROR(cluster->ReadEnvironment());
  return cluster;
}

TestCluster::~TestCluster() {
  // A stopped process would not hear the script's SIGTERM.
  for (const TestMember& member : Members()) {
    if (member.pid > 0) kill(member.pid, SIGKILL);
  }
  const absl::Status down = RunScript({"down"});
  if (!down.ok()) std::fprintf(stderr, "%s\n", down.ToString().c_str());
  std::error_code ignored;
  if (getenv("QUORATE_KEEP_CLUSTERS") == nullptr) {
    std::filesystem::remove_all(dir_, ignored);
  }
}

absl::Status TestCluster::RunScript(
    const std::vector<std::string>& arguments) const {
  std::vector<std::string> command = {
      "python3", absl::StrCat(QUORATE_SOURCE_DIR, "/tools/dev/cluster.py")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.insert(command.end(), {"--dir", dir_, "--bin-dir", QUORATE_BIN_DIR});
  const CommandResult result = RunCommand(command, extra_);
  if (result.exit_code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("cluster.py ", arguments[0],
                                          " exited ", result.exit_code, ": ",
                                          result.output, result.errors));
}

absl::Status TestCluster::ReadEnvironment() {
  const std::string content = ReadFile(absl::StrCat(dir_, "/env"));
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    if (!absl::ConsumePrefix(&line, "export ")) continue;
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(line, absl::MaxSplits('=', 1));
    if (!absl::StartsWith(pair.first, "QUORATE_")) continue;
    environment_[std::string(pair.first)] = Unquoted(pair.second);
  }
  if (environment_.count("QUORATE_ENDPOINTS") == 0) {
    return absl::InternalError(absl::StrCat("no endpoints in ", content));
  }
  return absl::OkStatus();
}

std::vector<TestMember> TestCluster::Members() const {
  const auto json = nlohmann::json::parse(
      ReadFile(absl::StrCat(dir_, "/members.json")), nullptr,
      /*allow_exceptions=*/false);
  std::vector<TestMember> members;
  if (!json.is_array()) return members;
  for (const auto& member : json) {
    members.push_back({.name = member.value("name", ""),
                       .endpoint = member.value("endpoint", ""),
                       .data_dir = member.value("data_dir", ""),
                       .pid = member.value("pid", -1)});
  }
  return members;
}

TestMember TestCluster::Member(const std::string& name) const {
  for (const TestMember& member : Members()) {
    if (member.name == name) return member;
  }
  CheckFailed(__FILE__, __LINE__, "a member of this name", name);
}

std::string TestCluster::LogOf(const std::string& name) const {
  return ReadFile(absl::StrCat(dir_, "/", name, "/log"));
}

std::string TestCluster::Leader() const {
  const CommandResult status = Quorate({"status", "-o", "json"});
  const auto json = nlohmann::json::parse(status.output, nullptr,
                                          /*allow_exceptions=*/false);
  if (!json.is_object()) return "";
  return json.value("leader", "");
}

void TestCluster::Signal(const std::string& name, int signal) const {
  const TestMember member = Member(name);
  QUORATE_CHECK(member.pid > 0);
  QUORATE_CHECK(kill(member.pid, signal) == 0);
}

absl::Status TestCluster::Restart(const std::string& name) const {
  return RunScript({"restart", name});
}

Environment TestCluster::EnvironmentWith(const std::string& endpoints) const {
  Environment environment = environment_;
  environment["QUORATE_ENDPOINTS"] = endpoints;
  return environment;
}

CommandResult TestCluster::Quorate(const std::vector<std::string>& arguments,
                                   const Environment& environment) const {
  std::vector<std::string> command = {ProgramPath("quorate")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return RunCommand(command, environment);
}

}  // namespace quorate::e2e
