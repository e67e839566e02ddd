// Prints what a ledger does under random commands, a line of JSON for each, for
// compare_with_ledger.py.
//
// usage: licensing_random_trace FIRST_SEED LAST_SEED COMMANDS_OF_EACH

#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

#include "server/licensing/accounts.h"
#include "server/licensing/policy_book.h"
#include "tests/server/licensing/commands.h"
#include "tests/server/licensing/ledger_driver.h"
#include "tests/server/licensing/random_commands.h"

namespace quorate::licensing {
namespace {

using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using internal::v1::Command;

constexpr uint64_t kBackupEvery = 2'500;
// There is little to see of a cluster that gave way.
constexpr uint64_t kRetiredFor = 50;
constexpr uint64_t kTablesEvery = 16;

std::string Quoted(absl::string_view text) {
  return absl::StrCat("\"", absl::CEscape(text), "\"");
}

std::string List(const std::vector<std::string>& parts) {
  return absl::StrCat("[", absl::StrJoin(parts, ","), "]");
}

template <typename Numbers>
std::string NumberList(const Numbers& numbers) {
  return absl::StrCat("[", absl::StrJoin(numbers, ","), "]");
}

std::string MessageText(const Message& message);

// Of a repeated field its element at `i`. Bytes are numbers between dots.
std::string ValueText(const Message& message, const FieldDescriptor* field,
                      int i) {
  const auto* const reflection = message.GetReflection();
  const bool list = field->is_repeated();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text =
          list ? reflection->GetRepeatedString(message, field, i)
               : reflection->GetString(message, field);
      if (field->type() == FieldDescriptor::TYPE_STRING) return Quoted(text);
      return Quoted(
          absl::StrJoin(text, ".", [](std::string* out, unsigned char byte) {
            absl::StrAppend(out, static_cast<int>(byte));
          }));
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MessageText(list
                             ? reflection->GetRepeatedMessage(message, field, i)
                             : reflection->GetMessage(message, field));
    case FieldDescriptor::CPPTYPE_ENUM: {
      const EnumValueDescriptor* const value =
          list ? reflection->GetRepeatedEnum(message, field, i)
               : reflection->GetEnum(message, field);
      return Quoted(value->name());
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection->GetBool(message, field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(reflection->GetInt32(message, field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(reflection->GetUInt32(message, field));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(reflection->GetInt64(message, field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(list
                              ? reflection->GetRepeatedUInt64(message, field, i)
                              : reflection->GetUInt64(message, field));
    default:
      return "null";
  }
}

// All its fields, also those that are not set; of a oneof the one that is.
std::string MessageText(const Message& message) {
  const auto* const descriptor = message.GetDescriptor();
  const auto* const reflection = message.GetReflection();
  std::vector<std::string> parts;
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* const field = descriptor->field(i);
    if (field->containing_oneof() != nullptr &&
        !reflection->HasField(message, field)) {
      continue;
    }
    std::string text;
    if (field->is_repeated()) {
      std::vector<std::string> values;
      for (int k = 0; k < reflection->FieldSize(message, field); ++k)
        values.push_back(ValueText(message, field, k));
      text = List(values);
    } else {
      text = ValueText(message, field, 0);
    }
    parts.push_back(absl::StrCat(Quoted(field->name()), ":", text));
  }
  return absl::StrCat("{", absl::StrJoin(parts, ","), "}");
}

std::string AnswerText(const LedgerAnswer& answer) {
  constexpr size_t kPrefix = sizeof("ERROR_REASON_") - 1;
  const std::string reason =
      answer.ok() ? ""
                  : type::v1::ErrorReason_Name(answer.reason).substr(kPrefix);
  return absl::StrCat("{\"reason\":", Quoted(reason),
                      ",\"repeated\":", answer.repeated ? "true" : "false",
                      ",\"session_id\":", answer.session_id,
                      ",\"ttl_ms\":", answer.ttl_ms,
                      ",\"seat_handles\":", NumberList(answer.seat_handles),
                      ",\"granted_calendar_ms\":", answer.granted_calendar_ms,
                      ",\"renewed_ttl_ms\":", NumberList(answer.renewed_ttl_ms),
                      ",\"queue_place\":", answer.queue_place,
                      ",\"queue_number\":", answer.queue_position.number, "}");
}

std::string PoolsText(const Ledger& ledger) {
  std::vector<std::string> pools;
  for (const PoolView& view : ledger.Pools("", 1'000)) {
    pools.push_back(absl::StrCat(Quoted(view.name), ":[", view.total, ",",
                                 view.out, ",", view.used, "]"));
  }
  return absl::StrCat("{", absl::StrJoin(pools, ","), "}");
}

// "" of an application.
std::string KindText(const internal::v1::SessionRecord& record) {
  constexpr size_t kPrefix = sizeof("SESSION_KIND_") - 1;
  return Quoted(
      record.kind() == internal::v1::SESSION_KIND_UNSPECIFIED
          ? ""
          : internal::v1::SessionKind_Name(record.kind()).substr(kPrefix));
}

std::vector<std::string> AccountTexts(const Ledger& ledger) {
  std::vector<std::string> accounts;
  for (const auto& [name, account] : ledger.accounts().by_name()) {
    accounts.push_back(absl::StrCat("[", Quoted(name), ",", account.version(),
                                    ",", account.roles_size(), "]"));
  }
  return accounts;
}

std::string TablesText(const Ledger& ledger) {
  std::vector<std::string> sessions;
  std::vector<std::string> terminated;
  ledger.VisitSessions(0, [&](const internal::v1::SessionRecord& record) {
    sessions.push_back(absl::StrCat(
        "[", record.session_id(), ",", KindText(record), ",",
        record.borrowed_until_ms() != 0 ? record.borrowed_until_ms()
                                        : record.lease_end_cluster_ms(),
        ",", record.idle_since_cluster_ms(), "]"));
    return true;
  });
  std::vector<std::string> seats;
  ledger.VisitSeats(0, [&](const internal::v1::SeatRecord& record) {
    const std::string pool =
        record.pool().empty() ? record.feature() : record.pool();
    seats.push_back(absl::StrCat(
        "[", record.handle(), ",", record.session_id(), ",", Quoted(pool), ",",
        record.count(), ",", Quoted(record.token_pool()), ",",
        record.token_units(), ",", record.idle_warned_cluster_ms(), ",",
        record.call_due_cluster_ms(), "]"));
    return true;
  });
  std::vector<std::string> queue;
  ledger.VisitQueue(0, [&](const internal::v1::QueuePlaceRecord& record) {
    queue.push_back(absl::StrCat("[", record.number(), ",", record.session_id(),
                                 ",", record.due_cluster_ms(), ",",
                                 record.calls_back() ? "true" : "false", "]"));
    return true;
  });
  return absl::StrCat("{\"sessions\":", List(sessions),
                      ",\"seats\":", List(seats), ",\"queue\":", List(queue),
                      ",\"accounts\":", List(AccountTexts(ledger)),
                      ",\"policy_version\":", ledger.policies().version(), "}");
}

void PrintSeed(uint64_t seed, uint64_t commands) {
  std::cout << "{\"seed\":" << seed << ",\"limits\":{"
            << "\"sessions\":" << kSmallLimits.sessions
            << ",\"seats_of_session\":" << kSmallLimits.seats_of_session
            << ",\"licenses\":" << kSmallLimits.licenses
            << ",\"answers\":" << kSmallLimits.answers
            << ",\"expiries_per_entry\":" << kSmallLimits.expiries_per_entry
            << ",\"policy_versions\":" << kSmallLimits.policy_versions
            << ",\"queue_places\":" << kSmallLimits.queue_places
            << ",\"queue_places_of_session\":"
            << kSmallLimits.queue_places_of_session
            << ",\"settlements_per_entry\":"
            << kSmallLimits.settlements_per_entry
            << ",\"terminations\":" << kSmallLimits.terminations
            << ",\"accounts\":" << kSmallLimits.accounts << "}}\n";
  CommandSource source(seed);
  Records records;
  auto ledger = std::make_unique<Ledger>(kClusterId, 1, kSmallLimits);
  for (uint64_t number = 1; number <= commands; ++number) {
    const Command command = source.Next();
    const EntryTime now = source.now;
    std::vector<RecordChange> changes;
    const LedgerAnswer answer = ledger->Apply(command, now, &changes);
    ApplyChanges(changes, &records);
    source.policy_version = ledger->policies().version();
    source.account_changes = ledger->account_changes();
    source.Saw(command, answer);
    std::cout << "{\"now\":[" << now.cluster_ms << "," << now.calendar_ms
              << "],\"command\":" << MessageText(command)
              << ",\"answer\":" << AnswerText(answer)
              << ",\"pools\":" << PoolsText(*ledger);
    if (number % kTablesEvery == 0) {
      std::cout << ",\"tables\":" << TablesText(*ledger);
    }
    std::cout << "}\n";
    const bool retired = ledger->retirement() != nullptr;
    if (number % (retired ? kRetiredFor : kBackupEvery) != 0) continue;
    const uint32_t epoch = source.epoch + 1 + static_cast<uint32_t>(number % 2);
    const auto restored = RestoredRecords(records, epoch);
    records = restored.ok() ? *restored : Records();
    source.epoch = restored.ok() ? epoch : 1;
    ledger = RestoreLedger(records, kSmallLimits, seed, source.epoch);
    std::cout << "{\"restore\":" << epoch
              << ",\"restored\":" << (restored.ok() ? "true" : "false")
              << ",\"pools\":" << PoolsText(*ledger)
              << ",\"tables\":" << TablesText(*ledger) << "}\n";
  }
}

int Main(int argc, char** argv) {
  uint64_t first = 0;
  uint64_t last = 0;
  uint64_t commands = 0;
  if (argc != 4 || !absl::SimpleAtoi(argv[1], &first) ||
      !absl::SimpleAtoi(argv[2], &last) ||
      !absl::SimpleAtoi(argv[3], &commands)) {
    std::cerr << "usage: " << argv[0]
              << " FIRST_SEED LAST_SEED COMMANDS_OF_EACH\n";
    return 2;
  }
  for (uint64_t seed = first; seed <= last; ++seed)
    PrintSeed(seed, commands);
  return 0;
}

}  // namespace
}  // namespace quorate::licensing

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  return quorate::licensing::Main(argc, argv);
}
