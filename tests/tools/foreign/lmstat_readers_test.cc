// Programs that read lmstat read ours, and count what is there. By expressions
// as strict as those of license-manager and flexlm_exporter (domain facts:
// which characters they take for a host, a version, a date), over the output
// for random clusters, line by line.

#include <algorithm>
#include <cstdint>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "tests/support/seed.h"
#include "tests/tools/foreign/snapshots.h"
#include "tools/foreign/lmstat.h"

namespace quorate::foreign {
namespace {

// What a reader made of the text.
struct Reading {
  int servers_up = 0;
  int masters = 0;
  std::map<std::string, std::pair<uint64_t, uint64_t>> features;
  // By feature, from the rows of users and reservations.
  std::map<std::string, uint64_t> held;
  uint64_t waiting = 0;
  std::vector<std::string> strange;  // Lines that no expression takes.
};

const std::regex& Feature() {
  static const auto* const kExpression = new std::regex(
      R"(^Users of ([A-Za-z0-9\-_:]+):  \(Total of (\d+) license(?:s)? issued;)"
      R"(  Total of (\d+) license(?:s)? in use\)$)");
  return *kExpression;
}

const std::regex& User() {
  static const auto* const kExpression = new std::regex(
      R"(^ {4}(\S+) ([\w.\-]+) (\S+) \(v([\w.]+)\) \(([\w.\-]+)/(\d+) (\d+)\),)"
      R"( start [A-Z][a-z]{2} \d{1,2}/\d{1,2} \d{1,2}:\d\d(?:, (\d+) licenses)?$)");
  return *kExpression;
}

const std::regex& Kept() {
  static const auto* const kExpression = new std::regex(
      R"(^\t(\d+) RESERVATIONs? for (?:HOST|HOST_GROUP|GROUP|USER) \S+ )"
      R"(\([\w.\-]+/\d+\)$)");
  return *kExpression;
}

const std::regex& Waiting() {
  static const auto* const kExpression = new std::regex(
      R"(^ {4}(\S+) [\w.\-]+ \S+ [0-9.]+ \(v[\w.]+\) \([\w.\-]+/\d+ \d+\)\s+)"
      R"(queued for (\d+) licenses?$)");
  return *kExpression;
}

const std::regex& UpServer() {
  static const auto* const kExpression = new std::regex(
      R"(^([\w.\-]+): license server (UP|DOWN)( \(MASTER\))? v[\d.]+$)");
  return *kExpression;
}

bool IsKnown(const std::string& line) {
  static const auto* const kExpression = new std::regex(
      R"(^$|^lmutil - .*|^Flexible License Manager status on [A-Z][a-z]{2} )"
      R"(\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d$)"
      R"(|^License server status: [\w,.@\-]+$|^    License file\(s\) on .*:$)"
      R"(|^Vendor daemon status \(on [\w.\-]+\):$|^    \w+: UP v[\d.]+$)"
      R"(|^Feature usage info:$|^  "[\w\-]+" v[\w.]+, vendor: \w+, expiry: )"
      R"((?:\d{1,2}-[a-z]{3}-\d{4}|permanent\(no expiration date\))$)"
      R"(|^  floating license$)");
  return std::regex_match(line, *kExpression);
}

Reading Read(const std::string& text) {
  Reading reading;
  std::string feature;
  std::smatch match;
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  for (const std::string& line : lines) {
    if (std::regex_match(line, match, Feature())) {
      feature = match[1];
      reading.features[feature] = {std::stoull(match[2]),
                                   std::stoull(match[3])};
    } else if (std::regex_match(line, match, User())) {
      reading.held[feature] +=
          match[8].matched ? std::stoull(match[8].str()) : 1;
    } else if (std::regex_match(line, match, Kept())) {
      reading.held[feature] += std::stoull(match[1]);
    } else if (std::regex_match(line, match, Waiting())) {
      reading.waiting += std::stoull(match[2]);
    } else if (std::regex_match(line, match, UpServer())) {
      ++reading.servers_up;
      reading.masters += match[3].matched ? 1 : 0;
    } else if (!IsKnown(line)) {
      reading.strange.push_back(line);
    }
  }
  return reading;
}

// Anything that the API lets through: no control characters, up to 256 bytes.
std::string AnyText(Random* random) {
  static constexpr char kLetters[] =
      "abcXYZ019 -_.:/\\()[]{}\"',;=@#%&*+?!|~\xc3\xa4\xe2\x82\xac";
  std::string text;
  const uint64_t length = random->Below(20);
  for (uint64_t i = 0; i < length; ++i) {
    text.push_back(kLetters[random->Below(sizeof(kLetters) - 1)]);
  }
  return text;
}

// What a random cluster holds: issued and in use, by feature.
using Counts = std::map<std::string, std::pair<uint64_t, uint64_t>>;

Counts Fill(Random* random, ClusterByHand* cluster, uint64_t* waiting) {
  Counts features;
  admin::v1::License* license =
      cluster->AddLicense("suite", AnyText(random), "");
  uint64_t handle = random->Below(uint64_t{1} << 60);
  const uint64_t feature_count = random->Between(1, 5);
  for (uint64_t f = 0; f < feature_count; ++f) {
    const std::string name = absl::StrCat("feature-", f, "_A");
    uint64_t out = 0;
    uint64_t kept = 0;
    for (uint64_t seats = random->Below(6); seats > 0; --seats) {
      const auto count = static_cast<uint32_t>(random->Between(1, 40));
      cluster->AddSeat({++handle, name, count, AnyText(random), AnyText(random),
                        AnyText(random), AnyText(random)},
                       "2017-02-03 04:05:06");
      out += count;
    }
    const uint64_t total = out + random->Between(1, 5);
    if (random->OneIn(4)) {
      const auto count = static_cast<uint32_t>(random->Between(1, 3));
      cluster->AddWaiting({++handle, name, count, AnyText(random),
                           AnyText(random), AnyText(random), AnyText(random)},
                          1);
      *waiting += count;
    }
    if (random->OneIn(3)) {
      cluster->AddReservation(name, random->Between(1, 9), random->Below(9),
                              admin::v1::POLICY_FIELD_USER, AnyText(random));
      const auto& row = *cluster->reservations()->reservations().rbegin();
      kept = row.units() > row.used() ? row.units() - row.used() : 0;
      kept = std::min(kept, total - out);
    }
    cluster->AddFeature(license, name, static_cast<uint32_t>(total));
    cluster->AddPool(name, total, out,
                     random->OneIn(2) ? "" : "2031-09-30 23:59:59");
    features[name] = {total, out + kept};
  }
  return features;
}

TEST(LmstatReadersTest, ReadEveryLineAndCountWhatIsThere) {
  for (const uint64_t seed : TestSeeds(1, 300)) {
    SCOPED_TRACE(ReplayLine(seed, "foreign_test", "LmstatReadersTest.*"));
    Random random(seed);
    ClusterByHand cluster;
    uint64_t waiting = 0;
    const Counts features = Fill(&random, &cluster, &waiting);
    const Reading reading =
        Read(FormatLmstat(cluster.Take(), {.usage = LmstatScope::Usage::kAll}));
    EXPECT_EQ(reading.strange, std::vector<std::string>());
    EXPECT_EQ(reading.servers_up, 3);
    EXPECT_EQ(reading.masters, 1);
    EXPECT_EQ(reading.waiting, waiting);
    EXPECT_EQ(reading.features, features);
    for (const auto& [name, counts] : features) {
      const auto held = reading.held.find(name);
      EXPECT_EQ(held == reading.held.end() ? 0 : held->second, counts.second);
    }
    if (testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace quorate::foreign
