// Whatever records are read back as a ledger (a damaged disk's, a snapshot's),
// they are refused as lost data, or make a ledger that takes commands.
// libFuzzer makes records, or edits those of a good ledger.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/stubs/logging.h"

#include "quorate/internal/v1/command.pb.h"

#include "base/check.h"
#include "server/licensing/ledger.h"
#include "tests/fuzz/edited.h"

namespace quorate::licensing {
namespace {

using Records = std::vector<std::pair<std::string, std::string>>;

constexpr char kClusterId[] = "00112233445566778899aabbccddeeff";

internal::v1::Command Opening() {
  internal::v1::Command command;
  command.set_request_id("r1");
  command.set_principal("app");
  command.set_not_after_cluster_ms(60'000);
  command.mutable_open_session()->set_ttl_ms(60'000);
  return command;
}

Records GoodRecords() {
  Ledger ledger(kClusterId, 1);
  std::vector<RecordChange> changes;
  ledger.Apply(Opening(), {.cluster_ms = 1000, .calendar_ms = 1000}, &changes);
  Records records;
  for (const RecordChange& change : changes) {
    if (change.value.has_value()) {
      records.emplace_back(change.key, *change.value);
    }
  }
  return records;
}

void CheckOne(const Records& records) {
  Ledger ledger(kClusterId, 1);
  for (const auto& [key, value] : records) {
    const absl::Status status = ledger.RestoreRecord(key, value);
    if (!status.ok()) {
      QUORATE_CHECK(absl::IsDataLoss(status));
      return;
    }
  }
  const absl::Status status = ledger.FinishRestore();
  if (!status.ok()) {
    QUORATE_CHECK(absl::IsDataLoss(status));
    return;
  }
  std::vector<RecordChange> changes;
  ledger.Apply(Opening(),
               {.cluster_ms = ledger.time().cluster_ms,
                .calendar_ms = ledger.time().calendar_ms},
               &changes);
}

// Key and value, each behind a byte that says how long it is.
Records Cut(absl::string_view input) {
  const auto take = [&input] {
    const size_t bytes = input.empty() ? 0 : static_cast<uint8_t>(input[0]);
    input.remove_prefix(std::min<size_t>(input.size(), 1));
    const std::string part(input.substr(0, bytes));
    input.remove_prefix(part.size());
    return part;
  };
  Records records;
  while (!input.empty()) {
    std::string key = take();
    records.emplace_back(std::move(key), take());
  }
  return records;
}

}  // namespace
}  // namespace quorate::licensing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // It reports each bad UTF-8.
  static const google::protobuf::LogSilencer kQuiet;
  static const auto* const kGood =
      new quorate::licensing::Records(quorate::licensing::GoodRecords());
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  quorate::licensing::CheckOne(quorate::licensing::Cut(input));
  if (size == 0) return 0;
  quorate::licensing::Records edited = *kGood;
  std::string& value = edited[data[0] % edited.size()].second;
  value = quorate::Edited(value, input.substr(1));
  quorate::licensing::CheckOne(edited);
  return 0;
}
