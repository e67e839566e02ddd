#include "base/log.h"

#include <chrono>
#include <memory>

#include "absl/strings/str_cat.h"
#include "spdlog/pattern_formatter.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace quorate {
namespace {

struct LogState {
  std::shared_ptr<spdlog::logger> logger;  // The type that spdlog hands out.
  std::string process_fields;
};

LogState MakeState() {
  LogState state;
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  state.logger = std::make_shared<spdlog::logger>("quorate", sink);
  state.logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "%Y-%m-%dT%H:%M:%S.%eZ %L %v", spdlog::pattern_time_type::utc));
  state.logger->flush_on(spdlog::level::warn);
  return state;
}

// Never destroyed: threads may still log while the process ends.
LogState& State() {
  static LogState& state = *new LogState(MakeState());
  return state;
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

bool IsPlain(char c) {
  return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

}  // namespace

void ConfigureLog(LogLevel least, absl::string_view process_fields) {
  State().logger->set_level(ToSpdlog(least));
  State().process_fields = process_fields.empty()
                               ? std::string()
                               : absl::StrCat(" ", process_fields);
}

bool ParseLogLevel(absl::string_view word, LogLevel* level) {
  constexpr struct {
    absl::string_view word;
    LogLevel level = LogLevel::kOff;
  } kWords[] = {{"debug", LogLevel::kDebug},
                {"info", LogLevel::kInfo},
                {"warn", LogLevel::kWarn},
                {"error", LogLevel::kError},
                {"off", LogLevel::kOff}};

  for (const auto& entry : kWords) {
    if (entry.word == word) {
      *level = entry.level;
      return true;
    }
  }
  return false;
}

std::string EscapeLogValue(absl::string_view value) {
  bool plain = !value.empty();
  for (const char c : value)
    plain = plain && IsPlain(c);
  if (plain) return std::string(value);
  constexpr char kHex[] = "0123456789abcdef";
  std::string escaped = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      escaped += {'\\', c};
    } else if (byte < 0x20 || byte == 0x7f) {
      escaped += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      escaped += c;
    }
  }
  escaped += '"';
  return escaped;
}

void Log(LogLevel level, absl::string_view area, absl::string_view event,
         LogFields fields) {
  const LogState& state = State();
  const auto spdlog_level = ToSpdlog(level);
  if (!state.logger->should_log(spdlog_level)) return;
  std::string line = absl::StrCat(area, " ", event, state.process_fields);
  for (const LogField& field : fields) {
    absl::StrAppend(&line, " ", field.key, "=", EscapeLogValue(field.value));
  }
  state.logger->log(spdlog_level, line);
}

}  // namespace quorate
