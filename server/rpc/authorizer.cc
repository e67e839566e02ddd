#include "server/rpc/authorizer.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "base/check.h"
#include "server/rpc/authentication.h"

namespace quorate::server {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

std::string RolesWith(Permission permission) {
  RoleSet roles;
  for (const internal::v1::AccountRole role : AllRoles()) {
    if (PermissionsOf(role).Has(permission)) roles.Add(role);
  }
  return RoleNames(roles);
}

}  // namespace

PermissionSet Rights::In(CallMode mode) const {
  const PermissionSet all = PermissionsOf(roles);
  return mode == CallMode::kRestricted ? all & ReadingPermissions() : all;
}

Authorizer::Authorizer(const Options& options,
                       const std::vector<absl::string_view>& services)
    : accounts_(options.accounts) {
  for (const std::string& name : options.administrators) {
    administrators_.insert(ClientPrincipal(options.cluster_id, name));
  }
  for (const absl::string_view name : services) {
    const ServiceDescriptor* const service =
        DescriptorPool::generated_pool()->FindServiceByName(std::string(name));
    QUORATE_CHECK(service != nullptr);
    for (int i = 0; i < service->method_count(); ++i) {
      const MethodDescriptor* const method = service->method(i);
      const Permission permission =
          method->options().GetExtension(options::v1::permission);
      QUORATE_CHECK(permission != options::v1::PERMISSION_UNSPECIFIED);
      const bool added =
          rights_
              .try_emplace(
                  method->input_type(),
                  MethodRight{.permission = permission,
                              .confirmed = MustBeConfirmed(permission)})
              .second;
      QUORATE_CHECK(added);
    }
  }
}

const MethodRight* Authorizer::FindRight(
    const google::protobuf::Descriptor* request) const {
  const auto found = rights_.find(request);
  return found == rights_.end() ? nullptr : &found->second;
}

Rights Authorizer::RightsOf(absl::string_view principal) const {
  const std::optional<RoleSet> given = accounts_->RolesOf(principal);
  Rights rights = {
      .roles = given.value_or(RoleSet(internal::v1::ACCOUNT_ROLE_USER)),
      .has_account = given.has_value(),
      .configured = IsConfigured(principal),
  };
  if (rights.configured)
    rights.roles.Add(internal::v1::ACCOUNT_ROLE_ADMINISTRATOR);
  return rights;
}

std::optional<Refusal> Authorizer::Refuse(Permission permission,
                                          absl::string_view principal,
                                          CallMode mode) const {
  const Rights rights = RightsOf(principal);
  if (rights.In(mode).Has(permission)) return std::nullopt;
  const std::string name(NameOfPrincipal(principal));
  const absl::string_view needed = PermissionName(permission);
  const std::string given_by = RolesWith(permission);
  Refusal refusal = {
      .reason = type::v1::ERROR_REASON_PERMISSION_MISSING,
      .metadata = {
          {"permission", std::string(needed)},
          {"account", name},
          {"roles", RoleNames(rights.roles)},
          {"mode", mode == CallMode::kRestricted ? "RESTRICTED" : "FULL"},
          {"given_by", given_by}}};
  if (rights.In(CallMode::kFull).Has(permission)) {
    refusal.message =
        absl::StrCat("this needs ", needed,
                     ", which a restricted call does not have; ask in full "
                     "mode");
  } else {
    refusal.message = absl::StrCat(
        "this needs ", needed, ", which these roles give: ", given_by, "; ",
        name, rights.has_account ? " has " : " has no account, and so is ",
        RoleNames(rights.roles));
  }
  return refusal;
}

}  // namespace quorate::server
