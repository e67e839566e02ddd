#include "trust/bounded_parse.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/unknown_field_set.h"

#include "trust/refusal.h"

namespace quorate::trust {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::UnknownFieldSet;

// Our deepest is License.binding.members.grant_key: three below the top.
constexpr int kMaxDepth = 4;

// A later version adds a handful of fields; a licence of 1000 features with
// one more field in each stays below.
constexpr int kFewUnknownFields = 2000;

// Unknown groups nest; the parser's depth limit bounds this recursion.
int CountUnknown(const UnknownFieldSet& fields) {
  int count = fields.field_count();
  for (int i = 0; i < fields.field_count(); ++i) {
    if (fields.field(i).type() == google::protobuf::UnknownField::TYPE_GROUP) {
      count += CountUnknown(fields.field(i).group());
    }
  }
  return count;
}

// Known messages nest no deeper than kMaxDepth, which bounds this recursion.
int CountUnknown(const Message& message) {
  const Reflection& reflection = *message.GetReflection();
  int count = CountUnknown(reflection.GetUnknownFields(message));
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      count += CountUnknown(reflection.GetMessage(message, field));
      continue;
    }
    const int size = reflection.FieldSize(message, field);
    for (int i = 0; i < size; ++i) {
      count += CountUnknown(reflection.GetRepeatedMessage(message, field, i));
    }
  }
  return count;
}

}  // namespace

absl::Status ParseBounded(absl::string_view bytes, UnknownFields unknown,
                          Message* message) {
  message->Clear();
  const absl::string_view name = message->GetDescriptor()->name();
  if (bytes.size() > kMaxDocumentBytes) {
    return Refuse(Refusal::kSize, absl::StrCat("the ", name, " has more than ",
                                               kMaxDocumentBytes, " bytes"));
  }
  google::protobuf::io::CodedInputStream input(
      reinterpret_cast<const uint8_t*>(bytes.data()),
      static_cast<int>(bytes.size()));
  input.SetRecursionLimit(kMaxDepth);
  if (!message->ParseFromCodedStream(&input) ||
      !input.ConsumedEntireMessage()) {
    return Refuse(Refusal::kForm,
                  absl::StrCat("the bytes are no ", name, " message"));
  }
  const int allowed = unknown == UnknownFields::kNone ? 0 : kFewUnknownFields;
  if (CountUnknown(*message) > allowed) {
    return Refuse(Refusal::kForm,
                  absl::StrCat("the ", name, " message has more than ", allowed,
                               " unknown fields"));
  }
  return absl::OkStatus();
}

}  // namespace quorate::trust
