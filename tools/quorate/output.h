// What goes to stdout: tables for people, protobuf's JSON for programs.

#ifndef QUORATE_TOOLS_QUORATE_OUTPUT_H_
#define QUORATE_TOOLS_QUORATE_OUTPUT_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/message.h"
#include "google/protobuf/timestamp.pb.h"

namespace quorate::cli {

// Columns as wide as their widest cell, two blanks between them.
// Thread-compatible.
class Table {
 public:
  explicit Table(std::vector<std::string> headings);

  // As many cells as headings.
  void AddRow(std::vector<std::string> cells);

  // Control characters in cells are shown as '?': what applications say of
  // themselves must not steer a terminal.
  void Print(std::ostream& out, absl::string_view indent = "") const;

 private:
  std::vector<std::vector<std::string>> rows_;  // The headings first.
};

// The protobuf JSON of `message`: lowerCamelCase names, zeros and empty lists
// printed, 64-bit numbers as text.
void PrintJson(const google::protobuf::Message& message, std::ostream& out);

// "2026-11-22 12:03:44" in local time; empty where unset.
std::string ShowTime(const google::protobuf::Timestamp& time);

// "1m30s", without parts of a second from ten seconds on.
std::string ShowDuration(const google::protobuf::Duration& duration);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_OUTPUT_H_
