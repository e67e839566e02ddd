#include "tools/quorate/list_output.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/json_util.h"

#include "base/check.h"
#include "tools/quorate/csv.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Rows of the API nest no deeper; the rest would be JSON.
constexpr int kDeepest = 3;

bool IsTime(const FieldDescriptor& field) {
  return field.message_type() == google::protobuf::Timestamp::descriptor();
}

bool IsDuration(const FieldDescriptor& field) {
  return field.message_type() == google::protobuf::Duration::descriptor();
}

// Whether its fields get columns of their own.
bool IsSplit(const FieldDescriptor& field, int depth) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         !field.is_repeated() && !IsTime(field) && !IsDuration(field) &&
         depth < kDeepest;
}

void AddHeadings(const Descriptor& row, const std::string& prefix, int depth,
                 std::vector<std::string>* headings) {
  for (int i = 0; i < row.field_count(); ++i) {
    const FieldDescriptor& field = *row.field(i);
    const std::string name = absl::StrCat(prefix, field.name());
    if (IsSplit(field, depth)) {
      AddHeadings(*field.message_type(), absl::StrCat(name, "."), depth + 1,
                  headings);
    } else {
      headings->push_back(name);
    }
  }
}

// POOL_MODEL_CREDITS of PoolModel: CREDITS.
std::string ShortName(const EnumValueDescriptor& value) {
  std::string prefix;
  for (const char letter : value.type()->name()) {
    if (absl::ascii_isupper(static_cast<unsigned char>(letter)) &&
        !prefix.empty()) {
      prefix.push_back('_');
    }
    prefix.push_back(absl::ascii_toupper(static_cast<unsigned char>(letter)));
  }
  absl::string_view name = value.name();
  absl::ConsumePrefix(&name, absl::StrCat(prefix, "_"));
  return name == "UNSPECIFIED" ? "" : std::string(name);
}

std::string JsonOf(const Message& message) {
  std::string text;
  QUORATE_CHECK(
      google::protobuf::util::MessageToJsonString(message, &text).ok());
  return text;
}

// Of a field that is not repeated, or the index-th of one that is.
std::string CellOf(const Message& row, const FieldDescriptor& field,
                   int index) {
  const google::protobuf::Reflection& read = *row.GetReflection();
  const bool many = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_ENUM:
      return ShortName(many ? *read.GetRepeatedEnum(row, &field, index)
                            : *read.GetEnum(row, &field));
    case FieldDescriptor::CPPTYPE_STRING:
      return many ? read.GetRepeatedString(row, &field, index)
                  : read.GetString(row, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return (many ? read.GetRepeatedBool(row, &field, index)
                   : read.GetBool(row, &field))
                 ? "true"
                 : "false";
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const Message& inner = many ? read.GetRepeatedMessage(row, &field, index)
                                  : read.GetMessage(row, &field);
      if (!many && !read.HasField(row, &field)) return "";
      if (IsTime(field)) {
        google::protobuf::Timestamp time;
        time.CopyFrom(inner);
        return CsvTime(time);
      }
      if (IsDuration(field)) {
        google::protobuf::Duration span;
        span.CopyFrom(inner);
        return CsvSeconds(span);
      }
      return JsonOf(inner);
    }
    default: {
      // A number, as protobuf writes it.
      std::string text;
      google::protobuf::TextFormat::PrintFieldValueToString(
          row, &field, many ? index : -1, &text);
      return text;
    }
  }
}

void AddCells(const Message& row, int depth, std::vector<std::string>* cells) {
  const google::protobuf::Reflection& read = *row.GetReflection();
  const Descriptor& type = *row.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (IsSplit(field, depth)) {
      AddCells(read.GetMessage(row, &field), depth + 1, cells);
      continue;
    }
    if (!field.is_repeated()) {
      cells->push_back(CellOf(row, field, 0));
      continue;
    }
    std::vector<std::string> parts;
    for (int k = 0; k < read.FieldSize(row, &field); ++k) {
      parts.push_back(CellOf(row, field, k));
    }
    cells->push_back(absl::StrJoin(parts, " "));
  }
}

const FieldDescriptor& RowsOf(const Descriptor& list) {
  for (int i = 0; i < list.field_count(); ++i) {
    const FieldDescriptor& field = *list.field(i);
    if (field.is_repeated() &&
        field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      return field;
    }
  }
  QUORATE_CHECK(false && "not a list");
  return *list.field(0);
}

}  // namespace

bool PrintForPrograms(OutputFormat format,
                      const google::protobuf::Message& list,
                      std::ostream& out) {
  switch (format) {
    case OutputFormat::kTable:
      return false;
    case OutputFormat::kJson:
      PrintJson(list, out);
      return true;
    case OutputFormat::kCsv:
      out << CsvOf(list) << std::flush;
      return true;
  }
  return false;
}

std::string CsvOf(const Message& list) {
  const FieldDescriptor& rows = RowsOf(*list.GetDescriptor());
  std::vector<std::string> cells;
  AddHeadings(*rows.message_type(), "", 0, &cells);
  std::string text = CsvLine(cells);
  const google::protobuf::Reflection& read = *list.GetReflection();
  for (int i = 0; i < read.FieldSize(list, &rows); ++i) {
    cells.clear();
    AddCells(read.GetRepeatedMessage(list, &rows, i), 0, &cells);
    text.append(CsvLine(cells));
  }
  return text;
}

std::string CsvTime(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) return "";
  return absl::FormatTime(
      "%Y-%m-%dT%H:%M:%E3SZ",
      absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos()),
      absl::UTCTimeZone());
}

std::string CsvSeconds(const google::protobuf::Duration& span) {
  return absl::StrFormat("%d.%03d", span.seconds(), span.nanos() / 1'000'000);
}

}  // namespace quorate::cli
