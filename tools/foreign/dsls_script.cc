// What one writes to DSLicSrv.

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "tools/foreign/dsls.h"

namespace quorate::foreign {
namespace {

using Kind = DslsCommand::Kind;

struct Name {
  absl::string_view full;
  absl::string_view abbreviation;
  Kind kind;
};

constexpr Name kNames[] = {
    {"connect", "c", Kind::kConnect},
    {"getServerInfo", "gsi", Kind::kServer},
    {"getLicenseInfo", "gli", Kind::kLicenses},
    {"getLicenseUsage", "glu", Kind::kUsage},
    {"disconnect", "disc", Kind::kDisconnect},
    {"help", "h", Kind::kHelp},
    {"quit", "q", Kind::kQuit},
};

absl::Status ReadConnect(const std::vector<absl::string_view>& words,
                         DslsCommand* command) {
  uint32_t port = 0;
  if (words.size() < 3 || !absl::SimpleAtoi(words[2], &port) || port == 0 ||
      port > 65535) {
    return absl::InvalidArgumentError(
        "write: connect HOST PORT [-restricted], with the port that clients "
        "of that member use");
  }
  command->host = std::string(words[1]);
  command->port = std::string(words[2]);
  for (size_t i = 3; i < words.size(); ++i) {
    if (words[i] != "-restricted" && words[i] != "-r") {
      return absl::InvalidArgumentError(absl::StrCat(
          "connect has no option \"", words[i], "\", only -restricted"));
    }
    command->restricted = true;
  }
  return absl::OkStatus();
}

absl::Status ReadUsage(const std::vector<absl::string_view>& words,
                       DslsCommand* command) {
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "-csv") {
      command->csv = true;
    } else if (words[i] == "-short") {
      command->brief = true;
    } else if (words[i] == "-all") {
      command->brief = false;
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("getLicenseUsage has no option \"", words[i],
                       "\", only -all, -csv and -short"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DslsCommand> ParseDslsCommand(absl::string_view line) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
  const absl::string_view first = words.empty() ? "" : words[0];
  for (const Name& name : kNames) {
    if (first != name.full && first != name.abbreviation) continue;
    DslsCommand command = {.kind = name.kind};
    absl::Status read;
    if (name.kind == Kind::kConnect) {
      read = ReadConnect(words, &command);
    } else if (name.kind == Kind::kUsage) {
      read = ReadUsage(words, &command);
    } else if (words.size() > 1) {
      read = absl::InvalidArgumentError(
          absl::StrCat(name.full, " takes nothing behind it"));
    }
    if (!read.ok()) return read;
    return command;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "there is no command \"", first, "\" here; \"help\" shows those"));
}

std::string DslsHelp() {
  return "\tconnect|c HOST PORT [-restricted|-r]\n"
         "\tgetServerInfo|gsi\n"
         "\tgetLicenseInfo|gli\n"
         "\tgetLicenseUsage|glu [-all|-short] [-csv]\n"
         "\tdisconnect|disc\n"
         "\thelp|h\n"
         "\tquit|q\n";
}

std::vector<std::string> SplitDslsScript(absl::string_view script) {
  std::vector<std::string> commands;
  for (const absl::string_view part :
       absl::StrSplit(script, absl::ByAnyChar(";\n"))) {
    const absl::string_view command = absl::StripAsciiWhitespace(part);
    if (!command.empty()) commands.emplace_back(command);
  }
  return commands;
}

}  // namespace quorate::foreign
