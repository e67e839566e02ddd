// The layout of RLM's rlmstat.

#ifndef QUORATE_TOOLS_FOREIGN_RLMSTAT_H_
#define QUORATE_TOOLS_FOREIGN_RLMSTAT_H_

#include <string>

#include "absl/strings/string_view.h"

#include "tools/foreign/snapshot.h"

namespace quorate::foreign {

// The version that our server claims: readers want one.
inline constexpr absl::string_view kRlmVersion = "v12.2";

// What of it is asked for.
struct RlmstatScope {
  bool servers = false;      // -l: the servers of the ISVs alone.
  std::string isv = {};      // Empty: all. As the output shows it.
  std::string product = {};  // Empty: all.
};

// The lines above everything else. `path` is what stood behind -c.
std::string RlmstatHead(const std::string& path);

// The server, an ISV server for each vendor, its pools and who uses them. Where
// the cluster does not serve, the ISV servers are shown as down and no pools.
std::string FormatRlmstat(const Snapshot& snapshot, const RlmstatScope& scope);

// Nobody answers.
std::string FormatRlmstatFailure();

}  // namespace quorate::foreign

#endif  // QUORATE_TOOLS_FOREIGN_RLMSTAT_H_
