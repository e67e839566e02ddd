// Who may make which call: the one place where that is decided.

#ifndef QUORATE_SERVER_RPC_AUTHORIZER_H_
#define QUORATE_SERVER_RPC_AUTHORIZER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"

#include "server/rpc/access_table.h"
#include "server/rpc/role_catalogue.h"
#include "server/rpc/status_translation.h"

namespace quorate::server {

// What a call's metadata says that it wants to be.
enum class CallMode { kFull, kRestricted };
inline constexpr char kModeKey[] = "quorate-mode";

// What a method needs, by its option in the proto.
struct MethodRight {
  Permission permission = options::v1::PERMISSION_UNSPECIFIED;
  bool confirmed = false;  // See MustBeConfirmed.
};

// What one principal has.
struct Rights {
  RoleSet roles;  // Those that count.
  bool has_account = false;
  bool configured = false;  // An administrator by the configuration.

  // The permissions of the roles, as far as the mode leaves them.
  PermissionSet In(CallMode mode) const;
};

// Effective right = the roles' permissions and what the mode leaves of them.
// The permission of each method is looked up once, here; a call finds it by
// the type of its request, which no two methods share. Immutable after
// construction, but for the accounts that it asks; thread-safe.
class Authorizer {
 public:
  struct Options {
    std::string cluster_id;

    // Names in client certificates: administrators on this member.
    std::vector<std::string> administrators;

    const AccessTable* accounts = nullptr;  // Not owned.
  };

  // Of all methods of these services ("quorate.admin.v1.PolicyService"). Each
  // must name its permission.
  Authorizer(const Options& options,
             const std::vector<absl::string_view>& services);

  // Null for a request of no method: nobody may.
  const MethodRight* FindRight(
      const google::protobuf::Descriptor* request) const;

  // By the accounts that this member has applied.
  Rights RightsOf(absl::string_view principal) const;

  // PERMISSION_MISSING, with what would help; nothing where it may.
  std::optional<Refusal> Refuse(Permission permission,
                                absl::string_view principal,
                                CallMode mode) const;

  bool IsConfigured(absl::string_view principal) const {
    return administrators_.contains(principal);
  }

  // The configuration names administrators.
  bool has_configured() const { return !administrators_.empty(); }

 private:
  const AccessTable* const accounts_;
  absl::flat_hash_set<std::string> administrators_;  // Whole principals.
  absl::flat_hash_map<const google::protobuf::Descriptor*, MethodRight> rights_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_AUTHORIZER_H_
