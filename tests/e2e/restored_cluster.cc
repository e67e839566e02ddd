#include "tests/e2e/restored_cluster.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"

namespace quorate::e2e {
namespace {

// Of the ports for clients, peers and joining, in cluster_files.py.
constexpr int kOffsets[] = {0, 10, 15};

// `id = "N"` of a member; the cluster's has 32 digits and letters.
std::string WithOwnIds(const std::string& text, uint32_t epoch) {
  std::stringstream lines(text);
  std::string result;
  std::string line;
  int member = 0;
  bool in_member = false;
  while (std::getline(lines, line)) {
    if (absl::StartsWith(line, "[")) {
      in_member = line == "[[cluster.members]]";
      member += in_member ? 1 : 0;
    }
    if (in_member && absl::StartsWith(line, "id = ")) {
      line = absl::StrCat("id = \"", epoch * 1000 + member, "\"");
    }
    absl::StrAppend(&result, line, "\n");
  }
  return result;
}

}  // namespace

std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

void WriteText(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

RestoredCluster::RestoredCluster(const TestCluster& old_cluster, uint32_t epoch)
    : dir_(old_cluster.dir()), environment_(old_cluster.environment()) {
  std::vector<std::pair<std::string, std::string>> changes = {
      {"epoch = 1\n", absl::StrCat("epoch = ", epoch, "\n")}};
  const std::vector<TestMember> members = old_cluster.Members();
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(
      members[0].endpoint.substr(members[0].endpoint.rfind(':') + 1), &port));
  // A test's block of ports has thirty, of which the old cluster leaves ten.
  const int base = port - 1;
  std::vector<std::string> endpoints;
  for (size_t i = 0; i < members.size(); ++i) {
    const int number = static_cast<int>(i) + 1;
    names_.push_back(members[i].name);
    for (int kind = 0; kind < 3; ++kind) {
      // Longer texts first: a port may begin like another.
      changes.emplace_back(
          absl::StrCat("127.0.0.1:", base + kOffsets[kind] + number, "\""),
          absl::StrCat("127.0.0.1:", base + 20 + 3 * kind + number, "\""));
    }
    endpoints.push_back(absl::StrCat("127.0.0.1:", base + 20 + number));
  }
  environment_["QUORATE_ENDPOINTS"] = absl::StrJoin(endpoints, ",");
  for (const std::string& name : names_) {
    std::filesystem::create_directories(FolderOf(name));
    std::string text = absl::StrReplaceAll(
        ReadText(absl::StrCat(dir_, "/", name, "/config.toml")), changes);
    WriteText(ConfigOf(name), WithOwnIds(text, epoch));
  }
}

std::string RestoredCluster::FolderOf(const std::string& name) const {
  return absl::StrCat(dir_, "/restored-", name);
}

std::string RestoredCluster::ConfigOf(const std::string& name) const {
  return FolderOf(name) + "/config.toml";
}

CommandResult RestoredCluster::Restore(const std::string& name,
                                       const std::string& backup) const {
  return RunCommand({ProgramPath("quorated"), "restore", "--config",
                     ConfigOf(name), "--backup", backup});
}

void RestoredCluster::RestoreAll(const std::string& backup) const {
  for (const std::string& name : names_) {
    const CommandResult made = Restore(name, backup);
    ASSERT_EQ(made.exit_code, 0) << made.errors;
    std::printf("%s", made.output.c_str());
  }
}

bool RestoredCluster::Start() {
  for (const std::string& name : names_)
    Run(name);
  return Eventually(absl::Seconds(60), [this] {
    return Quorate({"restore", "status"}).exit_code == 0;
  });
}

void RestoredCluster::Restart(const std::string& name) {
  running_.erase(name);
  Run(name);
}

CommandResult RestoredCluster::Quorate(
    const std::vector<std::string>& arguments) const {
  std::vector<std::string> command = {ProgramPath("quorate")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return RunCommand(command, environment_);
}

// Its log goes into a file beside its data.
void RestoredCluster::Run(const std::string& name) {
  running_[name] = std::make_unique<BackgroundCommand>(
      std::vector<std::string>{
          "sh", "-c", "exec \"$0\" run --config \"$1\" 2>>\"$2\"",
          ProgramPath("quorated"), ConfigOf(name), FolderOf(name) + "/log"},
      Environment{});
}

}  // namespace quorate::e2e
