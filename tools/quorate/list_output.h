// Lists of the API for programs: JSON, or CSV with a line for each row.

#ifndef QUORATE_TOOLS_QUORATE_LIST_OUTPUT_H_
#define QUORATE_TOOLS_QUORATE_LIST_OUTPUT_H_

#include <ostream>
#include <string>

#include "google/protobuf/duration.pb.h"
#include "google/protobuf/message.h"
#include "google/protobuf/timestamp.pb.h"

#include "tools/quorate/invocation.h"

namespace quorate::cli {

// Prints `list` where programs are to read it, as JSON or CSV (CsvOf). False,
// and nothing is printed, where people are.
bool PrintForPrograms(OutputFormat format,
                      const google::protobuf::Message& list, std::ostream& out);

// The rows are those of the list's first field that repeats messages. A column
// for each of their fields, under the names of the API, "borrow.name" where
// they stand in a message. Times are RFC 3339 in UTC, durations seconds, enums
// names without their prefix; what repeats stands in one cell, with blanks
// between, or as JSON. Nothing that is unset is told from what is zero, but
// messages: their cells are empty. The headings come also without rows.
std::string CsvOf(const google::protobuf::Message& list);

// RFC 3339, UTC, in milliseconds; empty where unset.
std::string CsvTime(const google::protobuf::Timestamp& time);

// Seconds, "1.500".
std::string CsvSeconds(const google::protobuf::Duration& span);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_LIST_OUTPUT_H_
