#include "tools/foreign/dsls.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace quorate::foreign {
namespace {

constexpr absl::string_view kBriefColumns =
    "Editor,EditorId,Feature,Model,Commercial Type,Max Release Number,Max "
    "Release Date,Pricing Structure,Max Casual Duration,Expiration "
    "Date,Customer ID,Count,Inuse,";
constexpr absl::string_view kUserColumns =
    "Tokens,Casual Usage (mn),Host,User,Internal ID,Active Process,Client Code "
    "Version,Session ID,Granted Since,Last Used At,Granted At,Queue Position,";

// Readers want a date where DSLS always has one: "never".
const absl::CivilSecond kNever(2099, 12, 31, 23, 59, 59);

// A field of the table: no commas, no quotes, no control characters.
std::string Field(absl::string_view text) {
  std::string field(text);
  for (char& letter : field) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte < 0x20 || byte == 0x7F || letter == ',' || letter == '"') {
      letter = '_';
    }
  }
  return field;
}

// The same without blanks, and never empty: a word of a line.
std::string Word(absl::string_view text) {
  std::string word = Field(text);
  std::replace(word.begin(), word.end(), ' ', '_');
  return word.empty() ? "_" : word;
}

absl::CivilSecond At(absl::Time time, absl::TimeZone zone) {
  return time == absl::InfiniteFuture() ? kNever
                                        : absl::ToCivilSecond(time, zone);
}

// "2025-01-01 00:59:00".
std::string CsvTime(absl::Time time, absl::TimeZone zone) {
  const absl::CivilSecond at = At(time, zone);
  return absl::StrFormat("%04d-%02d-%02d %02d:%02d:%02d", at.year(), at.month(),
                         at.day(), at.hour(), at.minute(), at.second());
}

// "9/14/19 7:59:00 PM".
std::string TextTime(absl::Time time, absl::TimeZone zone) {
  const absl::CivilSecond at = At(time, zone);
  return absl::StrFormat("%d/%d/%02d %d:%02d:%02d %s", at.month(), at.day(),
                         at.year() % 100, (at.hour() + 11) % 12 + 1,
                         at.minute(), at.second(),
                         at.hour() < 12 ? "AM" : "PM");
}

// "2024-12-30.23:59.UTC".
std::string UtcTime(absl::Time time) {
  const absl::CivilSecond at = At(time, absl::UTCTimeZone());
  return absl::StrFormat("%04d-%02d-%02d.%02d:%02d.UTC", at.year(), at.month(),
                         at.day(), at.hour(), at.minute());
}

// DSLS has a number for each vendor: ours is FNV-1a of its name, the same
// everywhere and for ever.
std::string EditorId(absl::string_view vendor) {
  uint32_t hash = 2166136261;
  for (const char letter : vendor) {
    hash = (hash ^ static_cast<unsigned char>(letter)) * 16777619;
  }
  return absl::StrFormat("%08X", hash);
}

std::string CustomerOf(const Feature& feature) {
  return feature.grants.empty() ? "" : feature.grants[0].customer;
}

// "nid001626 (3E.0)/": DSLS has an identity of the machine in the brackets,
// where we have the seat's handle, and an address behind them, which we do not
// know.
std::string HostOf(const Holder& holder) {
  return absl::StrCat(Word(holder.host), " (",
                      absl::StrFormat("%X", holder.handle), ".0)/");
}

std::string SessionOf(const Holder& holder) {
  return holder.session.substr(holder.session.rfind('/') + 1);
}

std::string CsvFeature(const Snapshot& snapshot, const Feature& feature) {
  const std::string vendor = snapshot.VendorOf(feature);
  const std::string end = CsvTime(feature.NextEnd(), snapshot.zone);
  return absl::StrCat(Field(vendor), ",", EditorId(vendor), ",", feature.name,
                      ",Token,STD,0,", end, ",,0,", end, ",",
                      Field(CustomerOf(feature)), ",", feature.Issued(), ",",
                      feature.InUse(), ",");
}

// What begins the row of who holds or waits.
std::string CsvWhose(const Feature& feature, const Holder& holder) {
  return absl::StrCat(
      holder.count, ",,", HostOf(holder), ",", Field(holder.user), ",",
      feature.name, ",", Field(holder.application), " ( ", holder.process_id,
      "),", Field(holder.version), ",", Field(SessionOf(holder)), ",");
}

std::string CsvHolder(const Snapshot& snapshot, const Feature& feature,
                      const Holder& holder) {
  const std::string since = CsvTime(holder.since, snapshot.zone);
  // Who holds a seat of ours uses it.
  return absl::StrCat(CsvWhose(feature, holder), since, ",",
                      CsvTime(snapshot.taken, snapshot.zone), ",", since, ",,");
}

std::string CsvWaiting(const Feature& feature, const Holder& holder) {
  return absl::StrCat(CsvWhose(feature, holder), ",,,", holder.queue_position,
                      ",");
}

std::string TextFeature(const Snapshot& snapshot, const Feature& feature) {
  const std::string end = TextTime(feature.NextEnd(), snapshot.zone);
  return absl::StrFormat(
      "\t\t%-15s maxReleaseNumber: 0  maxReleaseDate: %s expirationDate: %s "
      "type: Token  count: %5d  inuse: %d customerId: %s pricing structure: "
      "none\n",
      feature.name, end, end, feature.Issued(), feature.InUse(),
      Word(CustomerOf(feature)));
}

std::string TextHolder(const Snapshot& snapshot, const Holder& holder) {
  return absl::StrCat("\t\t\t", HostOf(holder), "  ", Word(holder.user), "  ",
                      Word(holder.application), "  granted since: ",
                      TextTime(holder.since, snapshot.zone),
                      " tokens: ", holder.count, "\n");
}

}  // namespace

std::string DslsHead() {
  return absl::StrCat("License Administration Tool Version ", kDslsVersion,
                      " in the layout of DSLS, by Quorate.\n");
}

std::string FormatDslsServer(const Snapshot& snapshot, bool restricted) {
  std::vector<std::string> names;
  std::vector<std::string> ids;
  for (const Server& server : snapshot.servers) {
    names.push_back(Word(server.host));
    ids.push_back(absl::StrFormat("QRT-%016X", server.id));
  }
  const bool alone = names.size() == 1;
  return absl::StrCat(
      "\tSoftware version: ", kDslsVersion,
      "\n\tBuild date: Jan 1, 2026, 12:00:00 AM\n\t",
      alone ? "Standalone" : "Failover",
      " mode\n\tReady: ", snapshot.serving ? "yes" : "no", "\n\t",
      alone ? "Server name: " : "Server names: ", absl::StrJoin(names, " "),
      alone ? "   Server id: " : "   Server ids: ", absl::StrJoin(ids, " "),
      "\n",
      restricted ? "Warning: restricted connection, some operations are not "
                   "permitted.\n"
                 : "");
}

std::string FormatDslsLicenses(const Snapshot& snapshot) {
  constexpr char kRow[] =
      "%-7s %-20s %-14s %-30s %-8s %-20s %-20s %-11s %-14s %-29s %-15s %-20s "
      "%-20s %s\n";
  std::string text = absl::StrFormat(
      kRow, "Status", "Editor", "Model", "Feature", "Quantity", "StartDate",
      "EndDate", "LicenseType", "CommercialType", "LicenseId", "CustomerId",
      "GenerationDate", "EnrollDate", "EditorId");
  for (const Grant& grant : snapshot.grants) {
    const char* status = grant.in_force                 ? "active"
                         : snapshot.taken < grant.start ? "waiting"
                                                        : "expired";
    absl::StrAppend(
        &text, absl::StrFormat(
                   kRow, status, Word(grant.vendor), "Token", grant.feature,
                   absl::StrCat(grant.count), UtcTime(grant.start),
                   UtcTime(grant.end), "Floating", "STD", grant.license,
                   Word(grant.customer), UtcTime(grant.issued),
                   UtcTime(grant.installed), EditorId(grant.vendor)));
  }
  return text;
}

std::string FormatDslsCsv(const Snapshot& snapshot, bool brief) {
  std::string text =
      absl::StrCat(kBriefColumns, brief ? "" : kUserColumns, "\n");
  for (const Feature& feature : snapshot.features) {
    const std::string begin = CsvFeature(snapshot, feature);
    const bool idle = feature.Holders().empty() && feature.waiting.empty();
    if (brief || idle) {
      absl::StrAppend(&text, begin, "\n");
      continue;
    }
    for (const Holder& holder : feature.Holders()) {
      absl::StrAppend(&text, begin, CsvHolder(snapshot, feature, holder), "\n");
    }
    for (const Holder& waiting : feature.waiting) {
      absl::StrAppend(&text, begin, CsvWaiting(feature, waiting), "\n");
    }
  }
  return text;
}

std::string FormatDslsUsage(const Snapshot& snapshot, bool brief) {
  std::string text;
  for (const std::string& vendor : snapshot.Vendors()) {
    absl::StrAppend(&text, absl::StrFormat("\t%-20s (%s)\n", Field(vendor),
                                           EditorId(vendor)));
    for (const Feature& feature : snapshot.features) {
      if (snapshot.VendorOf(feature) != vendor) continue;
      absl::StrAppend(&text, TextFeature(snapshot, feature));
      if (brief) continue;
      for (const Holder& holder : feature.Holders()) {
        absl::StrAppend(&text, TextHolder(snapshot, holder));
      }
    }
  }
  return text;
}

}  // namespace quorate::foreign
