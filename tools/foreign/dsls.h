// The layouts of DSLicSrv, the administration tool of Dassault Systemes'
// licence server (DSLS).

#ifndef QUORATE_TOOLS_FOREIGN_DSLS_H_
#define QUORATE_TOOLS_FOREIGN_DSLS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "tools/foreign/snapshot.h"

namespace quorate::foreign {

// The version that our tool and servers claim: readers want one.
inline constexpr absl::string_view kDslsVersion = "6.425.4";

// The tool's first line.
std::string DslsHead();

// Before each command.
inline constexpr absl::string_view kDslsPrompt = "admin >";

// connect and getServerInfo: five lines, and a sixth where the connection is
// restricted. Readers count them.
std::string FormatDslsServer(const Snapshot& snapshot, bool restricted);

// getLicenseInfo: each feature of each licence.
std::string FormatDslsLicenses(const Snapshot& snapshot);

// getLicenseUsage as a table with commas, without the users where `brief`.
std::string FormatDslsCsv(const Snapshot& snapshot, bool brief);

// getLicenseUsage as text; the users in it where not `brief`.
std::string FormatDslsUsage(const Snapshot& snapshot, bool brief);

// What a line of a script asks for.
struct DslsCommand {
  enum class Kind {
    kConnect,
    kServer,
    kLicenses,
    kUsage,
    kDisconnect,
    kHelp,
    kQuit,
  };

  Kind kind = Kind::kHelp;
  std::string host = {};  // connect.
  std::string port = {};
  bool restricted = false;
  bool csv = false;  // getLicenseUsage.
  bool brief = false;
};

// INVALID_ARGUMENT, with what to write, for what is not a command.
absl::StatusOr<DslsCommand> ParseDslsCommand(absl::string_view line);

// What there is to say.
std::string DslsHelp();

// The commands of "connect h 1; quit;", without blanks around them.
std::vector<std::string> SplitDslsScript(absl::string_view script);

}  // namespace quorate::foreign

#endif  // QUORATE_TOOLS_FOREIGN_DSLS_H_
