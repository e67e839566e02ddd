#include "server/rpc/access_table.h"

#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace quorate::server {
namespace {

uint64_t NextSerial() {
  static std::atomic<uint64_t> last = 0;
  return last.fetch_add(1) + 1;
}

}  // namespace

struct AccessTable::Snapshot {
  uint64_t serial = 0;
  absl::flat_hash_map<std::string, RoleSet> roles;
};

AccessTable::AccessTable() {
  Publish(licensing::AccountBook(), 0);
}

void AccessTable::Publish(const licensing::AccountBook& accounts,
                          uint64_t changes) {
  {
    MutexLock lock(&mu_);
    if (changes_ == changes) return;
  }
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->serial = NextSerial();
  snapshot->roles.reserve(accounts.by_name().size());
  for (const auto& [name, account] : accounts.by_name()) {
    RoleSet roles;
    for (const int role : account.roles())
      roles.Add(static_cast<internal::v1::AccountRole>(role));
    snapshot->roles.emplace(name, roles);
  }
  MutexLock lock(&mu_);
  changes_ = changes;
  serial_.store(snapshot->serial, std::memory_order_release);
  latest_ = std::move(snapshot);
}

const AccessTable::Snapshot& AccessTable::Current() const {
  thread_local std::shared_ptr<const Snapshot> seen;
  if (seen == nullptr ||
      seen->serial != serial_.load(std::memory_order_acquire)) {
    MutexLock lock(&mu_);
    seen = latest_;
  }
  return *seen;
}

std::optional<RoleSet> AccessTable::RolesOf(absl::string_view principal) const {
  const Snapshot& snapshot = Current();
  const auto found = snapshot.roles.find(principal);
  if (found == snapshot.roles.end()) return std::nullopt;
  return found->second;
}

}  // namespace quorate::server
