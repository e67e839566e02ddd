#include "server/history/history_key.h"

#include "absl/strings/str_cat.h"

#include "base/ordered_encoding.h"

namespace quorate::history {
namespace {

constexpr char kEnd = '\0';
constexpr size_t kTimeBytes = 8;

}  // namespace

bool IsHistoryKey(absl::string_view key) {
  return !key.empty() && key[0] == kHistoryFamily;
}

std::string HistoryStateKey() {
  return BeginOf(HistoryKind::kState);
}

std::string BeginOf(HistoryKind kind) {
  return {kHistoryFamily, static_cast<char>(kind)};
}

std::string MakeHistoryKey(HistoryKind kind, absl::string_view feature,
                           int64_t time_ms, absl::string_view rest) {
  std::string key;
  key.reserve(2 + feature.size() + 1 + kTimeBytes + rest.size());
  key.push_back(kHistoryFamily);
  key.push_back(static_cast<char>(kind));
  key.append(feature.data(), feature.size());
  key.push_back(kEnd);
  AppendOrdered64(static_cast<uint64_t>(time_ms), &key);
  key.append(rest.data(), rest.size());
  return key;
}

std::string EndOfFeature(HistoryKind kind, absl::string_view feature) {
  return absl::StrCat(BeginOf(kind), feature, "\x01");
}

std::optional<HistoryKey> ParseHistoryKey(absl::string_view key) {
  if (key.size() < 2 || !IsHistoryKey(key)) return std::nullopt;
  HistoryKey parsed = {.kind = static_cast<HistoryKind>(key[1])};
  if (absl::string_view("DHLSTdefglu").find(key[1]) ==
      absl::string_view::npos) {
    return std::nullopt;
  }
  key.remove_prefix(2);
  const size_t end = key.find(kEnd);
  if (end == absl::string_view::npos || key.size() < end + 1 + kTimeBytes) {
    return std::nullopt;
  }
  parsed.feature = key.substr(0, end);
  const uint64_t time = *ParseOrdered64(key.substr(end + 1, kTimeBytes));
  if (time > uint64_t{1} << 62) return std::nullopt;
  parsed.time_ms = static_cast<int64_t>(time);
  parsed.rest = key.substr(end + 1 + kTimeBytes);
  return parsed;
}

std::string UsageRest(const Subject& subject) {
  std::string rest;
  rest.reserve(subject.user.size() + subject.host.size() +
               subject.project.size() + 2);
  rest.append(subject.user).push_back(kEnd);
  rest.append(subject.host).push_back(kEnd);
  rest.append(subject.project);
  return rest;
}

std::string DenialRest(type::v1::ErrorReason reason, const Subject& subject) {
  const auto number = static_cast<unsigned>(reason);
  std::string rest = {static_cast<char>(number >> 8),
                      static_cast<char>(number & 0xFF)};
  return rest + UsageRest(subject);
}

std::optional<SubjectNames> ParseUsageRest(absl::string_view rest) {
  const size_t user = rest.find(kEnd);
  if (user == absl::string_view::npos) return std::nullopt;
  const size_t host = rest.find(kEnd, user + 1);
  if (host == absl::string_view::npos ||
      rest.find(kEnd, host + 1) != absl::string_view::npos) {
    return std::nullopt;
  }
  return SubjectNames{.user = rest.substr(0, user),
                      .host = rest.substr(user + 1, host - user - 1),
                      .project = rest.substr(host + 1)};
}

std::optional<DenialRestParts> ParseDenialRest(absl::string_view rest) {
  if (rest.size() < 2) return std::nullopt;
  const auto number =
      (static_cast<unsigned>(static_cast<uint8_t>(rest[0])) << 8) |
      static_cast<uint8_t>(rest[1]);
  const std::optional<SubjectNames> subject = ParseUsageRest(rest.substr(2));
  if (!subject.has_value()) return std::nullopt;
  return DenialRestParts{.reason = static_cast<type::v1::ErrorReason>(number),
                         .subject = *subject};
}

}  // namespace quorate::history
