// Records of the history as they stand in the store.

#ifndef QUORATE_SERVER_HISTORY_STORED_RECORD_H_
#define QUORATE_SERVER_HISTORY_STORED_RECORD_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "base/status.h"
#include "replication/state_store.h"

namespace quorate::history {

inline absl::Status DamagedRecord(absl::string_view key) {
  return absl::DataLossError(absl::StrCat(
      "the record of the history at ", absl::CEscape(key), " does not parse"));
}

// DATA_LOSS where it does not parse. Overwrites `record`.
template <typename Record>
absl::Status ParseStored(absl::string_view key, absl::string_view value,
                         Record* record) {
  if (record->ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return absl::OkStatus();
  }
  return DamagedRecord(key);
}

// Nothing where there is none.
template <typename Record>
absl::StatusOr<std::optional<Record>> ReadStored(
    const replication::StateReader& store, const std::string& key) {
  QUORATE_ASSIGN_OR_RETURN(const std::optional<std::string> value,
                           store.Get(key));
  if (!value.has_value()) return std::nullopt;
  Record record;
  QUORATE_RETURN_IF_ERROR(ParseStored(key, *value, &record));
  return record;
}

// Visits all records but those of the history, which are not read.
absl::Status ForEachOther(
    const replication::StateReader& store,
    const std::function<absl::Status(absl::string_view key,
                                     absl::string_view value)>& visit);

}  // namespace quorate::history

#endif  // QUORATE_SERVER_HISTORY_STORED_RECORD_H_
