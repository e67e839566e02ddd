#include "tools/quorate/output.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "google/protobuf/util/json_util.h"

#include "base/check.h"
#include "base/utf8.h"

namespace quorate::cli {
namespace {

// Bytes of a text that begin a character of UTF-8: what it takes on a
// terminal, near enough.
size_t Width(absl::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(),
                    [](char byte) { return (byte & 0xC0) != 0x80; }));
}

std::string Printable(absl::string_view text) {
  std::string shown;
  while (!text.empty()) {
    absl::string_view rest = text;
    const std::optional<uint32_t> point = TakeCodePoint(&rest);
    if (!point.has_value()) rest.remove_prefix(1);
    if (!point.has_value() || SteersTerminals(*point)) {
      shown += '?';
    } else {
      shown.append(text.data(), text.size() - rest.size());
    }
    text = rest;
  }
  return shown;
}

}  // namespace

Table::Table(std::vector<std::string> headings) {
  rows_.push_back(std::move(headings));
}

void Table::AddRow(std::vector<std::string> cells) {
  QUORATE_CHECK(cells.size() == rows_.front().size());
  for (std::string& cell : cells) {
    cell = Printable(cell);
  }
  rows_.push_back(std::move(cells));
}

void Table::Print(std::ostream& out, absl::string_view indent) const {
  std::vector<size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], Width(row[i]));
    }
  }
  for (const auto& row : rows_) {
    out << indent;
    for (size_t i = 0; i < row.size(); ++i) {
      out << row[i];
      if (i + 1 == row.size()) break;
      out << std::string(widths[i] - Width(row[i]) + 2, ' ');
    }
    out << '\n';
  }
  out << std::flush;
}

void PrintJson(const google::protobuf::Message& message, std::ostream& out) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  std::string text;
  const auto status =
      google::protobuf::util::MessageToJsonString(message, &text, options);
  QUORATE_CHECK(status.ok());
  out << text << std::flush;
}

std::string ShowTime(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) return "";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S",
                          absl::FromUnixSeconds(time.seconds()),
                          absl::LocalTimeZone());
}

std::string ShowDuration(const google::protobuf::Duration& duration) {
  const absl::Duration exact =
      absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
  return absl::FormatDuration(
      absl::Trunc(exact, absl::AbsDuration(exact) >= absl::Seconds(10)
                             ? absl::Seconds(1)
                             : absl::Milliseconds(1)));
}

}  // namespace quorate::cli
