// The layout of FlexNet's lmstat.
//
// Readers of it split lines by position: which blanks stand where, "license"
// or "licenses", and what is not padded is part of the layout
// (tests/tools/foreign/lmstat_test.cc has it line for line).

#ifndef QUORATE_TOOLS_FOREIGN_LMSTAT_H_
#define QUORATE_TOOLS_FOREIGN_LMSTAT_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "tools/foreign/flexnet_error.h"
#include "tools/foreign/snapshot.h"

namespace quorate::foreign {

// What of it is asked for. Without any usage the servers are shown alone.
struct LmstatScope {
  enum class Usage {
    kNone,
    kAll,
    kActive,   // Features of which something is out.
    kFeature,  // The one that `feature` names.
    kVendor,   // Those of the vendor that `vendor` names.
  };

  Usage usage = Usage::kNone;
  std::string feature = {};
  std::string vendor = {};  // As the output shows it.
  bool users = true;        // Who has what, and not just how many are out.
};

// The first two lines of every output.
std::string LmstatHead(absl::Time taken, absl::TimeZone zone);

// What lmstat -v prints behind its first line.
std::string LmstatVersion();

// The servers, and what `scope` asks for. Where the cluster does not serve, the
// daemons are shown as down and no usage.
std::string FormatLmstat(const Snapshot& snapshot, const LmstatScope& scope);

// -i: what the licences grant, of one feature or all.
std::string FormatLmstatGrants(const Snapshot& snapshot,
                               const std::string& feature);

// Nothing could be shown.
std::string FormatLmstatFailure(const FlexError& error);

// Who has a seat, as its row says it. lmremove takes these words.
struct LmstatName {
  std::string user;
  std::string host;
  std::string display;
};

LmstatName LmstatNameOf(absl::string_view user, absl::string_view host,
                        absl::string_view display);

// Whether scope.feature names a feature that is there. True where none is
// asked for.
bool HasFeature(const Snapshot& snapshot, const LmstatScope& scope);

}  // namespace quorate::foreign

#endif  // QUORATE_TOOLS_FOREIGN_LMSTAT_H_
