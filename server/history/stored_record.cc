#include "server/history/stored_record.h"

#include <memory>

#include "server/history/history_key.h"

namespace quorate::history {

absl::Status ForEachOther(
    const replication::StateReader& store,
    const std::function<absl::Status(absl::string_view key,
                                     absl::string_view value)>& visit) {
  QUORATE_ASSIGN_OR_RETURN(
      const std::unique_ptr<replication::RecordCursor> cursor,
      store.NewCursor());
  cursor->Seek("");
  while (cursor->Valid()) {
    if (IsHistoryKey(cursor->key())) {
      cursor->Seek(std::string(1, kHistoryFamily + 1));
      continue;
    }
    QUORATE_RETURN_IF_ERROR(visit(cursor->key(), cursor->value()));
    cursor->Next();
  }
  return cursor->status();
}

}  // namespace quorate::history
