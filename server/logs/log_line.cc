#include "server/logs/log_line.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

#include "base/utf8.h"
#include "nlohmann/json.hpp"

namespace quorate::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::string_view kBegin = "{\"time\":\"";

// "2026-11-22T12:03:44.120Z"
constexpr size_t kTimeBytes = 24;
constexpr absl::string_view kTimeForm = "dddd-dd-ddTdd:dd:dd.dddZ";

constexpr absl::string_view kCut = "[cut]";

// U+FFFD
constexpr char kReplacement[] = "\xef\xbf\xbd";

// Where even cut values make the line too long: escapes take up to six bytes
// for one.
constexpr size_t kShortValueBytes = 64;

std::string ShowTime(int64_t ms) {
  return absl::FormatTime("%E4Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(ms),
                          absl::UTCTimeZone());
}

// Digits of a text whose form was checked.
int Number(absl::string_view digits) {
  int number = 0;
  for (const char digit : digits)
    number = number * 10 + (digit - '0');
  return number;
}

std::optional<int64_t> ParseTime(absl::string_view text) {
  if (text.size() != kTimeBytes) return std::nullopt;
  for (size_t i = 0; i < kTimeBytes; ++i) {
    const bool fits = kTimeForm[i] == 'd' ? text[i] >= '0' && text[i] <= '9'
                                          : text[i] == kTimeForm[i];
    if (!fits) return std::nullopt;
  }
  const int year = Number(text.substr(0, 4));
  const absl::CivilSecond civil(
      year, Number(text.substr(5, 2)), Number(text.substr(8, 2)),
      Number(text.substr(11, 2)), Number(text.substr(14, 2)),
      Number(text.substr(17, 2)));
  if (year < 1970 || civil.year() > 9999) return std::nullopt;
  return absl::ToUnixMillis(absl::FromCivil(civil, absl::UTCTimeZone())) +
         Number(text.substr(20, 3));
}

// At most `limit` bytes of UTF-8; what is none is replaced.
std::string Cut(absl::string_view value, size_t limit) {
  std::string text;
  size_t end = 0;  // Where it is cut, if it has to be.
  while (!value.empty()) {
    absl::string_view rest = value;
    if (TakeCodePoint(&rest).has_value()) {
      text.append(value.data(), value.size() - rest.size());
    } else {
      rest.remove_prefix(1);
      text += kReplacement;
    }
    if (text.size() > limit) return absl::StrCat(text.substr(0, end), kCut);
    if (text.size() <= limit - kCut.size()) end = text.size();
    value = rest;
  }
  return text;
}

std::string Encode(const LogLine& line, size_t value_limit) {
  Json fields = Json::object();
  for (const auto& [key, value] : line.fields)
    fields[Cut(key, kShortValueBytes)] = Cut(value, value_limit);
  Json json;
  json["time"] = ShowTime(line.time_ms);
  json["severity"] = std::string(LogLevelName(line.severity));
  json["area"] = Cut(line.area, kShortValueBytes);
  json["event"] = Cut(line.event, kShortValueBytes);
  json["member"] = Cut(line.member, kShortValueBytes);
  json["fields"] = std::move(fields);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Reads a text; false where there is none.
bool ReadText(const Json& json, const char* key, std::string* text) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) return false;
  *text = found->get_ref<const std::string&>();
  return true;
}

}  // namespace

std::string EncodeLogLine(const LogLine& line) {
  std::string text = Encode(line, kMaxLogValueBytes);
  if (text.size() > kMaxLogLineBytes) text = Encode(line, kShortValueBytes);
  if (text.size() <= kMaxLogLineBytes) return text;
  LogLine bare = line;
  bare.fields = {{"fields", std::string(kCut)}};
  return Encode(bare, kShortValueBytes);
}

std::optional<int64_t> TimeOfLogLine(absl::string_view text) {
  if (!absl::StartsWith(text, kBegin)) return std::nullopt;
  return ParseTime(text.substr(kBegin.size(), kTimeBytes));
}

std::optional<LogLine> DecodeLogLine(absl::string_view text) {
  if (text.size() > kMaxLogLineBytes) return std::nullopt;
  const Json json = Json::parse(text.begin(), text.end(), nullptr,
                                /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  LogLine line;
  std::string time;
  std::string severity;
  if (!ReadText(json, "time", &time) ||
      !ReadText(json, "severity", &severity) ||
      !ReadText(json, "area", &line.area) ||
      !ReadText(json, "event", &line.event) ||
      !ReadText(json, "member", &line.member)) {
    return std::nullopt;
  }
  const std::optional<int64_t> time_ms = ParseTime(time);
  if (!time_ms.has_value() || !ParseLogLevel(severity, &line.severity) ||
      line.severity == LogLevel::kOff) {
    return std::nullopt;
  }
  line.time_ms = *time_ms;
  const auto fields = json.find("fields");
  if (fields == json.end() || !fields->is_object() ||
      fields->size() > kMaxLogFields) {
    return std::nullopt;
  }
  for (const auto& [key, value] : fields->items()) {
    if (!value.is_string()) return std::nullopt;
    line.fields.emplace_back(key, value.get_ref<const std::string&>());
  }
  return line;
}

}  // namespace quorate::server
