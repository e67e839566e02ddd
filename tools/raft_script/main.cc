// quorate-raft-script: runs scripts that others wrote for their Raft against
// ours. docs/raft.md tells what is compared.

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"

#include "tools/raft_script/script_kind.h"

namespace quorate::raft_script {
namespace {

constexpr int kSame = 0;
constexpr int kDifferent = 1;
constexpr int kUsage = 2;

// The longest known script has 40 KiB; what is longer is no script.
constexpr size_t kMaxScriptBytes = size_t{8} << 20;

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(kMaxScriptBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || !in.eof()) return std::nullopt;
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

void Print(const Difference& difference) {
  std::cout << difference.position << ": " << difference.command
            << ": different\nexpected:\n"
            << difference.expected << "got:\n"
            << difference.got;
}

int RunFile(const std::string& path, const std::string& kind) {
  const std::optional<std::string> text = ReadFile(path);
  if (!text.has_value()) {
    std::cerr << "quorate-raft-script: cannot read " << path << "\n";
    return kUsage;
  }
  const auto difference = RunScript(path, *text, kind);
  if (!difference.ok()) {
    std::cerr << "quorate-raft-script: " << path << ": "
              << difference.status().message() << "\n";
    return kUsage;
  }
  if (difference->has_value()) {
    Print(**difference);
    return kDifferent;
  }
  std::cout << path << ": no difference\n";
  return kSame;
}

int Main(int argc, char** argv) {
  CLI::App app(
      "Runs etcd-io/raft's data-driven scripts against Quorate's quorum, "
      "membership\nand core code, and prints the first difference of each.\n"
      "Exit codes: 0 none; 1 a difference; 2 usage, or a file that is no "
      "script.");
  std::string kind;
  std::vector<std::string> files;
  app.add_option("--kind", kind, "Told by the commands where it is not given")
      ->check(CLI::IsMember({"quorum", "confchange", "interaction"}));
  app.add_option("FILE", files, "The scripts")->required();
  try {
    // CLI11 throws where the command line is wrong, and for --help.
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kSame : kUsage;
  }
  int worst = kSame;
  for (const std::string& file : files) {
    worst = std::max(worst, RunFile(file, kind));
  }
  return worst;
}

}  // namespace
}  // namespace quorate::raft_script

int main(int argc, char** argv) {
  return quorate::raft_script::Main(argc, argv);
}
