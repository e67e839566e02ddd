// What the command line said: the flags of all commands, and what to run.

#ifndef QUORATE_TOOLS_QUORATE_INVOCATION_H_
#define QUORATE_TOOLS_QUORATE_INVOCATION_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "client/client_options.h"

namespace quorate::cli {

// kCsv is of lists only.
enum class OutputFormat { kTable, kJson, kCsv };

// Filled while the command line is parsed, read while the command runs.
// Thread-compatible.
struct Invocation {
  // Flags; empty where not given, then QUORATE_* counts.
  std::string endpoints;
  std::string ca;
  std::string cert;
  std::string key;
  std::string timeout = "10s";
  OutputFormat output = OutputFormat::kTable;
  bool restricted = false;

  // What stands behind "--"; nothing where there is no "--".
  std::optional<std::vector<std::string>> command;

  // Set by the command that was named. Returns the exit code.
  std::function<int()> run;

  // It prints a list, which may be had as CSV.
  bool is_list = false;
};

// How to reach the cluster, from flags and QUORATE_*. The message says what to
// set.
absl::StatusOr<ClientOptions> OptionsOf(const Invocation& invocation);

// Prints what failed and, where it is known, what to do about it, to stderr:
// in words, or as JSON. Returns the exit code that goes with it.
int Fail(const Invocation& invocation, const absl::Status& status);

// A line on stderr with the program's name before it.
void Say(absl::string_view message);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_INVOCATION_H_
