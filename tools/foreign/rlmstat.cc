#include "tools/foreign/rlmstat.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "tools/foreign/flexnet_words.h"

namespace quorate::foreign {
namespace {

constexpr absl::string_view kRule = "\t------------------------\n\n";

// Letters, digits, '.', '-' and '_': an '@' ends a user's name.
std::string RlmUser(absl::string_view text) {
  return FlexHost(text);
}

std::string RlmExpiry(absl::Time end, absl::TimeZone zone) {
  return end == absl::InfiniteFuture() ? "permanent" : FlexExpiry(end, zone);
}

// "(port 7401)", of the server that serves.
std::string Place(const Snapshot& snapshot) {
  const Server server = snapshot.DaemonServer();
  return absl::StrCat(FlexHost(server.host), " (port ", server.port, ")");
}

std::string FormatServer(const Snapshot& snapshot,
                         const std::vector<std::string>& isvs) {
  std::string text =
      absl::StrCat("\trlm status on ", Place(snapshot),
                   ", up\n\trlm software version ", kRlmVersion,
                   " (build:0)\n\trlm comm version: v1.2\n\n"
                   "\t--------- ISV servers ----------\n"
                   "\t   Name           Port Running Restarts\n");
  for (const std::string& isv : isvs) {
    absl::StrAppend(&text, absl::StrFormat("\t%-15s %6s   %-3s      0\n", isv,
                                           snapshot.DaemonServer().port,
                                           snapshot.serving ? "Yes" : "No"));
  }
  return absl::StrCat(text, "\n");
}

std::string FormatIsv(const Snapshot& snapshot, const std::string& isv) {
  return absl::StrCat(kRule, "\t", isv, " ISV server status on ",
                      Place(snapshot), ", ", snapshot.serving ? "up" : "down",
                      "\n\t", isv, " software version ", kRlmVersion,
                      " (build: 0)\n\t", isv, " comm version: v1.2\n\n\n");
}

std::string FormatPool(const Snapshot& snapshot, const Feature& feature) {
  return absl::StrCat(
      "\t", feature.name, " v", kNoVersion, "\n\t\tcount: ", feature.Issued(),
      ", # reservations: ", feature.Reserved(), ", inuse: ", feature.InUse(),
      ", exp: ", RlmExpiry(feature.NextEnd(), snapshot.zone),
      "\n\t\tobsolete: 0, min_remove: -1, total checkouts: "
      "0\n");
}

std::string FormatHolder(const Snapshot& snapshot, const Feature& feature,
                         const Holder& holder) {
  return absl::StrCat(
      "\t", feature.name, " v", kNoVersion, ": ", RlmUser(holder.user), "@",
      FlexHost(holder.host), " ", holder.count, "/0 at ",
      absl::FormatTime("%m/%d %H:%M", holder.since, snapshot.zone),
      "  (handle: ", absl::Hex(holder.handle), ")\n");
}

std::string FormatUsage(const Snapshot& snapshot, const RlmstatScope& scope,
                        const std::string& isv) {
  std::string pools;
  std::string holders;
  for (const Feature& feature : snapshot.features) {
    if (FlexVendor(snapshot.VendorOf(feature)) != isv) continue;
    if (!scope.product.empty() && feature.name != scope.product) continue;
    absl::StrAppend(&pools, FormatPool(snapshot, feature));
    for (const Holder& holder : feature.Holders()) {
      absl::StrAppend(&holders, FormatHolder(snapshot, feature, holder));
    }
  }
  std::string text;
  if (!pools.empty()) {
    absl::StrAppend(&text, kRule, "\t", isv, " license pool status on ",
                    Place(snapshot), "\n\n", pools, "\n\n");
  }
  if (!holders.empty()) {
    absl::StrAppend(&text, kRule, "\t", isv, " license usage status on ",
                    Place(snapshot), "\n\n", holders, "\n\n");
  }
  return text;
}

}  // namespace

std::string RlmstatHead(const std::string& path) {
  std::string shown = path;
  for (char& letter : shown) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(letter))) letter = '_';
  }
  return absl::StrCat(
      shown.empty()
          ? ""
          : absl::StrCat("Setting license file path to ", shown, "\n"),
      "rlmutil ", kRlmVersion,
      "\nQuorate, in the layout of RLM's rlmstat.\n\n\n");
}

std::string FormatRlmstat(const Snapshot& snapshot, const RlmstatScope& scope) {
  std::vector<std::string> isvs;
  for (const std::string& isv : FlexVendors(snapshot.Vendors())) {
    if (scope.isv.empty() || scope.isv == isv) isvs.push_back(isv);
  }
  std::string text =
      scope.isv.empty() ? FormatServer(snapshot, isvs) : std::string();
  for (const std::string& isv : isvs) {
    absl::StrAppend(&text, FormatIsv(snapshot, isv));
    if (scope.servers || !snapshot.serving) continue;
    absl::StrAppend(&text, FormatUsage(snapshot, scope, isv));
  }
  return text;
}

std::string FormatRlmstatFailure() {
  return "Error connecting to \"rlm\" server\n";
}

}  // namespace quorate::foreign
