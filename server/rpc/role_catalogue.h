// Which role may do what. The one place that says so; docs/operations.md is the
// same table for people.

#ifndef QUORATE_SERVER_RPC_ROLE_CATALOGUE_H_
#define QUORATE_SERVER_RPC_ROLE_CATALOGUE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "quorate/internal/v1/command.pb.h"
#include "quorate/options/v1/options.pb.h"

#include "server/rpc/access_table.h"

namespace quorate::server {

using options::v1::Permission;
using PermissionSet = EnumSet<Permission>;

// All that there are, by number.
std::vector<Permission> AllPermissions();
std::vector<internal::v1::AccountRole> AllRoles();

PermissionSet PermissionsOf(internal::v1::AccountRole role);
PermissionSet PermissionsOf(RoleSet roles);

// What a restricted call keeps: the permissions to look.
PermissionSet ReadingPermissions();

// True where the accounts must be read linearizably before it is given: what
// changes something of others. A member that lags behind would else let a
// revoked administrator through. Checkouts and looks are far too many for
// that, and a member's own accounts are behind by some milliseconds only.
bool MustBeConfirmed(Permission permission);

// "SESSION_MANAGE", "VIEWER".
absl::string_view PermissionName(Permission permission);
absl::string_view RoleName(internal::v1::AccountRole role);

// "VIEWER,TERMINATOR"; "NONE" where there are none.
std::string RoleNames(RoleSet roles);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_ROLE_CATALOGUE_H_
