#include "tools/foreign/lmstat.h"

#include <algorithm>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "tools/foreign/flexnet_words.h"

namespace quorate::foreign {
namespace {

// A member that is not heard of: to those who look on, a connection that does
// not come about.
constexpr absl::string_view kCannotConnect =
    "Cannot connect to license server system. (-15,570:115 \"Operation now in "
    "progress\")";

std::string LicenseFiles(const Snapshot& snapshot) {
  std::vector<std::string> names;
  for (const Grant& grant : snapshot.grants) {
    if (!absl::c_linear_search(names, grant.license)) {
      names.push_back(grant.license);
    }
  }
  return absl::StrCat(absl::StrJoin(names, ":"), ":");
}

std::string FormatServers(const Snapshot& snapshot) {
  std::string text =
      absl::StrCat("License server status: ",
                   absl::StrJoin(snapshot.servers, ",",
                                 [](std::string* out, const Server& server) {
                                   absl::StrAppend(out, server.port, "@",
                                                   FlexHost(server.host));
                                 }),
                   "\n");
  if (!snapshot.servers.empty()) {
    absl::StrAppend(&text, "    License file(s) on ",
                    FlexHost(snapshot.servers[0].host), ": ",
                    LicenseFiles(snapshot), "\n");
  }
  absl::StrAppend(&text, "\n");
  for (const Server& server : snapshot.servers) {
    absl::StrAppend(&text, FlexHost(server.host), ": ");
    if (!server.up) {
      absl::StrAppend(&text, kCannotConnect, "\n");
    } else if (!snapshot.serving) {
      // It answers and cannot serve. Monitors that count what is UP must not
      // take a cluster for alive that grants nothing.
      absl::StrAppend(&text, "license server DOWN ", kFlexVersion, "\n");
    } else {
      absl::StrAppend(&text, "license server UP ",
                      server.leads ? "(MASTER) " : "", kFlexVersion, "\n");
    }
  }
  return text;
}

// "user9 pc1 pc1": what rows of users begin with.
std::string Whose(const Holder& holder) {
  const LmstatName name =
      LmstatNameOf(holder.user, holder.host, holder.display);
  return absl::StrCat("    ", name.user, " ", name.host, " ", name.display);
}

// " (v2.0) (server2/7402 18856)".
std::string HandleOf(const Snapshot& snapshot, const Holder& holder) {
  const Server server = snapshot.DaemonServer();
  return absl::StrCat(" (v", FlexVersion(holder.version), ") (",
                      FlexHost(server.host), "/", server.port, " ",
                      holder.handle, ")");
}

std::string FormatHolder(const Snapshot& snapshot, const Holder& holder) {
  std::string row =
      absl::StrCat(Whose(holder), HandleOf(snapshot, holder), ", start ",
                   FlexMoment(holder.since, snapshot.zone));
  if (holder.count > 1) {
    absl::StrAppend(&row, ", ", FlexLicenses(holder.count));
  }
  // Of one that lingers or is borrowed: in seconds how long it stays, of how
  // long.
  if (holder.linger > absl::ZeroDuration()) {
    absl::StrAppend(&row,
                    "  (linger: ", absl::ToInt64Seconds(holder.linger_left),
                    " / ", absl::ToInt64Seconds(holder.linger), ")");
  } else if (holder.until != absl::InfinitePast()) {
    const absl::Duration left =
        std::max(holder.until - snapshot.taken, absl::ZeroDuration());
    absl::StrAppend(&row, "  (linger: ", absl::ToInt64Seconds(left), " / ",
                    absl::ToInt64Seconds(holder.until - holder.borrowed), ")");
  }
  return absl::StrCat(row, "\n");
}

// Rows of the queue have the version once more, behind the display, and their
// readers take nothing but a number there.
std::string FormatWaiting(const Snapshot& snapshot, const Holder& holder) {
  const std::string version = FlexVersion(holder.version);
  const bool number =
      version.find_first_not_of("0123456789.") == std::string::npos;
  return absl::StrCat(Whose(holder), " ",
                      number ? absl::string_view(version) : kNoVersion,
                      HandleOf(snapshot, holder), " queued for ",
                      FlexLicenses(holder.count), "\n");
}

// "<TAB>48 RESERVATIONs for GROUP fem (server2/7402)".
std::string FormatReservation(const Snapshot& snapshot,
                              const Reservation& reservation) {
  const Server server = snapshot.DaemonServer();
  return absl::StrCat("\t", reservation.units, " RESERVATION",
                      reservation.units == 1 ? "" : "s", " for ",
                      reservation.kind, " ", FlexWord(reservation.name), " (",
                      FlexHost(server.host), "/", server.port, ")\n");
}

// What kind of licence it is.
std::string KindOf(const Pool& pool) {
  const std::string hosts = absl::StrJoin(
      pool.hosts, " ", [](std::string* out, const std::string& host) {
        absl::StrAppend(out, "HOSTNAME=", FlexHost(host));
      });
  if (pool.uncounted && hosts.empty()) {
    return "uncounted nodelocked license locked to NOTHING (hostid=ANY)";
  }
  if (hosts.empty()) return "floating license";
  return absl::StrCat(pool.uncounted ? "uncounted " : "",
                      "nodelocked license, locked to \"", hosts, "\"");
}

// Nothing where nobody has anything of it or waits for it, and nothing is kept.
std::string FormatPool(const Snapshot& snapshot, const Feature& feature,
                       const Pool& pool) {
  // What is kept and waited for is the feature's; it stands with its first
  // pool.
  const bool first = &pool == &feature.pools.front();
  const bool shared = !feature.reservations.empty() || !feature.waiting.empty();
  if (pool.holders.empty() && !(first && shared)) return "";
  std::string text =
      absl::StrCat("  \"", feature.name, "\" v", FlexVersion(pool.version),
                   ", vendor: ", FlexVendor(snapshot.VendorOf(feature)),
                   ", expiry: ", FlexExpiry(pool.next_end, snapshot.zone),
                   "\n  ", KindOf(pool), "\n\n");
  if (first) {
    for (const Reservation& reservation : feature.reservations) {
      absl::StrAppend(&text, FormatReservation(snapshot, reservation));
    }
  }
  for (const Holder& holder : pool.holders) {
    absl::StrAppend(&text, FormatHolder(snapshot, holder));
  }
  if (first) {
    for (const Holder& waiting : feature.waiting) {
      absl::StrAppend(&text, FormatWaiting(snapshot, waiting));
    }
  }
  return absl::StrCat(text, "\n");
}

// "Users of ...", and an empty line.
std::string FormatCounts(const Feature& feature) {
  // What is kept for some is in use to all others, and to FlexNet.
  const uint64_t in_use = feature.InUse() + feature.Reserved();
  std::string counts;
  if (feature.Uncounted()) {
    counts = "Uncounted, node-locked";
  } else if (feature.Issued() == 0 && in_use == 0) {
    uint64_t count = 0;
    for (const Grant& grant : feature.grants)
      count += grant.count;
    // Always "licenses" here.
    counts = absl::StrCat("Error: ", count,
                          " licenses, unsupported by licensed server");
  } else {
    counts =
        absl::StrCat("Total of ", FlexLicenses(feature.Issued()),
                     " issued;  Total of ", FlexLicenses(in_use), " in use");
  }
  return absl::StrCat("Users of ", feature.name, ":  (", counts, ")\n\n");
}

std::string FormatFeature(const Snapshot& snapshot, const Feature& feature,
                          bool users) {
  std::string text = FormatCounts(feature);
  if (!users) return text;
  for (const Pool& pool : feature.pools) {
    absl::StrAppend(&text, FormatPool(snapshot, feature, pool));
  }
  return text;
}

bool IsAskedFor(const Snapshot& snapshot, const Feature& feature,
                const LmstatScope& scope) {
  switch (scope.usage) {
    case LmstatScope::Usage::kNone:
      return false;
    case LmstatScope::Usage::kAll:
      return true;
    case LmstatScope::Usage::kActive:
      return feature.InUse() + feature.Reserved() > 0;
    case LmstatScope::Usage::kFeature:
      return feature.name == scope.feature;
    case LmstatScope::Usage::kVendor:
      return FlexVendor(snapshot.VendorOf(feature)) == scope.vendor;
  }
  return false;
}

// One daemon, and the features that are its.
std::string FormatDaemon(const Snapshot& snapshot, const LmstatScope& scope,
                         const std::string& vendor) {
  if (!snapshot.serving) {
    return absl::StrCat("    ", vendor, ": ", FlexNoQuorum().text, "\n");
  }
  std::string text = absl::StrCat("    ", vendor, ": UP ", kFlexVersion, "\n");
  if (scope.usage == LmstatScope::Usage::kNone) return text;
  absl::StrAppend(&text, "Feature usage info:\n\n");
  for (const Feature& feature : snapshot.features) {
    if (FlexVendor(snapshot.VendorOf(feature)) != vendor ||
        !IsAskedFor(snapshot, feature, scope))
      continue;
    absl::StrAppend(&text, FormatFeature(snapshot, feature, scope.users));
  }
  return text;
}

}  // namespace

std::string LmstatHead(absl::Time taken, absl::TimeZone zone) {
  return absl::StrCat(
      "lmutil - Quorate, in the layout of FlexNet's lmstat.\n"
      "Flexible License Manager status on ",
      FlexMomentWithYear(taken, zone), "\n\n");
}

std::string LmstatVersion() {
  return absl::StrCat("lmstat ", kFlexVersion, " build 0 x64_lsb\n");
}

std::string FormatLmstat(const Snapshot& snapshot, const LmstatScope& scope) {
  std::string text =
      absl::StrCat(LmstatHead(snapshot.taken, snapshot.zone),
                   FormatServers(snapshot), "\nVendor daemon status (on ",
                   FlexHost(snapshot.DaemonServer().host), "):\n\n");
  for (const std::string& vendor : FlexVendors(snapshot.Vendors())) {
    const bool asked_for =
        scope.usage != LmstatScope::Usage::kVendor || vendor == scope.vendor;
    if (asked_for)
      absl::StrAppend(&text, FormatDaemon(snapshot, scope, vendor));
  }
  if (snapshot.serving && !HasFeature(snapshot, scope)) {
    absl::StrAppend(&text, "Users of ", FlexWord(scope.feature),
                    ": Cannot get users of ", FlexWord(scope.feature), ": ",
                    FlexNoSuchFeature().text, "\n\n");
  }
  return text;
}

std::string FormatLmstatGrants(const Snapshot& snapshot,
                               const std::string& feature) {
  std::string text = absl::StrCat(
      LmstatHead(snapshot.taken, snapshot.zone),
      "NOTE: lmstat -i does not show who uses what, but only what the\n"
      "      installed licenses grant.  For usage, lmstat -a is\n"
      "      recommended instead.\n\n"
      "Feature                         Version     #licenses    Vendor        "
      "Expires\n"
      "_______                         _________   _________    ______        "
      "________\n");
  for (const Grant& grant : snapshot.grants) {
    if (!feature.empty() && grant.feature != feature) continue;
    absl::StrAppend(
        &text,
        absl::StrFormat("%-31s %-11s %-12d %-13s %s\n", grant.feature,
                        kNoVersion, grant.count, FlexVendor(grant.vendor),
                        FlexExpiry(grant.end, snapshot.zone)));
  }
  return text;
}

std::string FormatLmstatFailure(const FlexError& error) {
  return absl::StrCat("Error getting status: ", error.text, "\n");
}

LmstatName LmstatNameOf(absl::string_view user, absl::string_view host,
                        absl::string_view display) {
  // Windows has no displays: FlexNet shows the host twice, and so do we.
  return {.user = FlexWord(user),
          .host = FlexHost(host),
          .display = display.empty() ? FlexHost(host) : FlexWord(display)};
}

bool HasFeature(const Snapshot& snapshot, const LmstatScope& scope) {
  return scope.usage != LmstatScope::Usage::kFeature ||
         absl::c_any_of(snapshot.features, [&scope](const Feature& feature) {
           return feature.name == scope.feature;
         });
}

}  // namespace quorate::foreign
