#include "base/log.h"

#include <chrono>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "spdlog/pattern_formatter.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

#include "base/mutex.h"
#include "base/utf8.h"

namespace quorate {
namespace {

struct LogState {
  std::shared_ptr<spdlog::logger> logger;  // The type that spdlog hands out.
  std::string process_fields;

  // Held while the keeper is called, which does not block.
  Mutex mu;
  LogKeeper* keeper ABSL_GUARDED_BY(mu) = nullptr;
};

// A process that ends because of its disk does not wait for that disk.
constexpr absl::Duration kFlushLimit = absl::Milliseconds(200);

LogState* MakeState() {
  auto* const state = new LogState;
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  state->logger = std::make_shared<spdlog::logger>("quorate", sink);
  state->logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "%Y-%m-%dT%H:%M:%S.%eZ %L %v", spdlog::pattern_time_type::utc));
  state->logger->flush_on(spdlog::level::warn);
  return state;
}

// Never destroyed: threads may still log while the process ends.
LogState& State() {
  static LogState& state = *MakeState();
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

constexpr struct {
  absl::string_view word;
  LogLevel level = LogLevel::kOff;
} kWords[] = {{"debug", LogLevel::kDebug},
              {"info", LogLevel::kInfo},
              {"warn", LogLevel::kWarn},
              {"error", LogLevel::kError},
              {"off", LogLevel::kOff}};

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
  for (const auto& entry : kWords) {
    if (entry.word == word) {
      *level = entry.level;
      return true;
    }
  }
  return false;
}

absl::string_view LogLevelName(LogLevel level) {
  for (const auto& entry : kWords) {
    if (entry.level == level) return entry.word;
  }
  return "off";
}

void SetLogKeeper(LogKeeper* keeper) {
  LogState& state = State();
  MutexLock lock(&state.mu);
  state.keeper = keeper;
}

void FlushLog() {
  LogState& state = State();
  MutexLock lock(&state.mu);
  if (state.keeper != nullptr) state.keeper->Flush(kFlushLimit);
}

std::string EscapeLogValue(absl::string_view value) {
  bool plain = !value.empty();
  for (const char c : value)
    plain = plain && IsPlain(c);
  if (plain) return std::string(value);
  constexpr char kHex[] = "0123456789abcdef";
  std::string escaped = "\"";
  while (!value.empty()) {
    absl::string_view rest = value;
    const std::optional<uint32_t> point = TakeCodePoint(&rest);
    // What is no UTF-8 is escaped too, a byte at a time.
    if (!point.has_value()) rest.remove_prefix(1);
    const bool hidden = !point.has_value() || SteersTerminals(*point);
    for (const char c : value.substr(0, value.size() - rest.size())) {
      const auto byte = static_cast<unsigned char>(c);
      if (hidden) {
        escaped += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
      } else if (c == '"' || c == '\\') {
        escaped += {'\\', c};
      } else {
        escaped += c;
      }
    }
    value = rest;
  }
  escaped += '"';
  return escaped;
}

void Log(LogLevel level, absl::string_view area, absl::string_view event,
         LogFields fields) {
  LogState& state = State();
  const auto spdlog_level = ToSpdlog(level);
  if (!state.logger->should_log(spdlog_level)) return;
  std::string line = absl::StrCat(area, " ", event, state.process_fields);
  for (const LogField& field : fields) {
    absl::StrAppend(&line, " ", field.key, "=", EscapeLogValue(field.value));
  }
  state.logger->log(spdlog_level, line);
  MutexLock lock(&state.mu);
  if (state.keeper != nullptr) state.keeper->Keep(level, area, event, fields);
}

}  // namespace quorate
