#include "server/rpc/role_catalogue.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace quorate::server {

using internal::v1::AccountRole;

namespace {

// Everybody, whatever his roles.
constexpr PermissionSet kOfEverybody(options::v1::PERMISSION_SELF_VIEW);

constexpr PermissionSet kOfUsers(options::v1::PERMISSION_CHECKOUT,
                                 options::v1::PERMISSION_MONITOR_VIEW);

constexpr PermissionSet kOfViewers(options::v1::PERMISSION_MONITOR_VIEW,
                                   options::v1::PERMISSION_LICENSE_VIEW,
                                   options::v1::PERMISSION_LOG_VIEW,
                                   options::v1::PERMISSION_POLICY_VIEW);

constexpr PermissionSet kOfTerminators =
    kOfViewers | PermissionSet(options::v1::PERMISSION_SESSION_MANAGE);

constexpr PermissionSet kReading =
    kOfEverybody | kOfViewers |
    PermissionSet(options::v1::PERMISSION_ACCOUNT_VIEW);

template <typename Enum>
std::vector<Enum> ValuesOf(const google::protobuf::EnumDescriptor* type) {
  std::vector<Enum> values;
  for (int i = 0; i < type->value_count(); ++i) {
    const int number = type->value(i)->number();
    if (number != 0) values.push_back(static_cast<Enum>(number));
  }
  return values;
}

}  // namespace

std::vector<Permission> AllPermissions() {
  return ValuesOf<Permission>(options::v1::Permission_descriptor());
}

std::vector<AccountRole> AllRoles() {
  return ValuesOf<AccountRole>(internal::v1::AccountRole_descriptor());
}

PermissionSet PermissionsOf(AccountRole role) {
  switch (role) {
    case internal::v1::ACCOUNT_ROLE_USER:
      return kOfEverybody | kOfUsers;
    case internal::v1::ACCOUNT_ROLE_VIEWER:
      return kOfEverybody | kOfViewers;
    case internal::v1::ACCOUNT_ROLE_TERMINATOR:
      return kOfEverybody | kOfTerminators;
    case internal::v1::ACCOUNT_ROLE_ADMINISTRATOR: {
      PermissionSet all;
      for (const Permission permission : AllPermissions())
        all.Add(permission);
      return all;
    }
    default:
      // Of a newer version: it gives nothing here.
      return kOfEverybody;
  }
}

PermissionSet PermissionsOf(RoleSet roles) {
  static const std::vector<AccountRole> all = AllRoles();
  static const PermissionSet of_administrators =
      PermissionsOf(internal::v1::ACCOUNT_ROLE_ADMINISTRATOR);
  if (roles.Has(internal::v1::ACCOUNT_ROLE_ADMINISTRATOR)) {
    return of_administrators;
  }
  PermissionSet permissions = kOfEverybody;
  for (const AccountRole role : all) {
    if (roles.Has(role)) permissions = permissions | PermissionsOf(role);
  }
  return permissions;
}

PermissionSet ReadingPermissions() {
  return kReading;
}

bool MustBeConfirmed(Permission permission) {
  return permission != options::v1::PERMISSION_CHECKOUT &&
         !kReading.Has(permission);
}

absl::string_view PermissionName(Permission permission) {
  return absl::StripPrefix(options::v1::Permission_Name(permission),
                           "PERMISSION_");
}

absl::string_view RoleName(AccountRole role) {
  return absl::StripPrefix(internal::v1::AccountRole_Name(role),
                           "ACCOUNT_ROLE_");
}

std::string RoleNames(RoleSet roles) {
  std::string names;
  for (const AccountRole role : AllRoles()) {
    if (!roles.Has(role)) continue;
    absl::StrAppend(&names, names.empty() ? "" : ",", RoleName(role));
  }
  return names.empty() ? "NONE" : names;
}

}  // namespace quorate::server
