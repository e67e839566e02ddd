#include "replication/storage/memory_state_store.h"

#include <functional>
#include <iterator>
#include <utility>

#include "absl/base/thread_annotations.h"

#include "base/check.h"
#include "base/mutex.h"
#include "base/status.h"

namespace quorate::replication {
namespace {

using Records = std::map<std::string, std::string, std::less<>>;

class MemoryCursor final : public RecordCursor {
 public:
  explicit MemoryCursor(Records records)
      : records_(std::move(records)), place_(records_.end()) {}

  void Seek(absl::string_view key) override {
    place_ = records_.lower_bound(key);
  }

  void SeekForPrev(absl::string_view key) override {
    place_ = records_.upper_bound(key);
    place_ = place_ == records_.begin() ? records_.end() : std::prev(place_);
  }

  void Next() override { ++place_; }

  absl::string_view key() const override { return place_->first; }

  absl::string_view value() const override { return place_->second; }

  bool Valid() const override { return place_ != records_.end(); }

  absl::Status status() const override { return absl::OkStatus(); }

 private:
  const Records records_;
  Records::const_iterator place_;
};

}  // namespace

struct MemoryStateStore::Shelf {
  Mutex mu;
  std::map<std::string, MemoryStateStore> stores ABSL_GUARDED_BY(mu);
};

MemoryStateStore::Shelf& MemoryStateStore::SharedShelf() {
  static Shelf* const shelf = new Shelf;
  return *shelf;
}

void MemoryStateStore::Write(const std::vector<RecordChange>& changes,
                             const AppliedPosition& position) {
  for (const RecordChange& change : changes) {
    QUORATE_CHECK(!change.key.empty());
    if (change.value.has_value()) {
      records_[change.key] = *change.value;
    } else {
      records_.erase(change.key);
    }
  }
  position_ = position;
}

absl::StatusOr<AppliedPosition> MemoryStateStore::ReadPosition() const {
  return position_;
}

absl::Status MemoryStateStore::ForEach(
    const std::function<absl::Status(absl::string_view key,
                                     absl::string_view value)>& visit) const {
  for (const auto& [key, value] : records_) {
    QUORATE_RETURN_IF_ERROR(visit(key, value));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> MemoryStateStore::Get(
    absl::string_view key) const {
  const auto found = records_.find(key);
  if (found == records_.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<std::unique_ptr<RecordCursor>> MemoryStateStore::NewCursor()
    const {
  return std::make_unique<MemoryCursor>(records_);
}

void MemoryStateStore::Fail(const absl::Status& status) {
  QUORATE_CHECK_OK(status);
}

absl::Status MemoryStateStore::Checkpoint(const std::string& directory) {
  Shelf& shelf = SharedShelf();
  MutexLock lock(&shelf.mu);
  if (!shelf.stores.try_emplace(directory, *this).second) {
    return absl::AlreadyExistsError(directory);
  }
  return absl::OkStatus();
}

absl::Status MemoryStateStore::Install(const std::string& directory,
                                       const Accept& accept) {
  Shelf& shelf = SharedShelf();
  MutexLock lock(&shelf.mu);
  const auto found = shelf.stores.find(directory);
  if (found == shelf.stores.end()) return absl::DataLossError(directory);
  QUORATE_RETURN_IF_ERROR(accept(found->second));
  *this = found->second;
  shelf.stores.erase(found);
  return absl::OkStatus();
}

}  // namespace quorate::replication
