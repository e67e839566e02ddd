#include "server/rpc/account_service.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "base/log.h"
#include "server/licensing/accounts.h"
#include "server/rpc/list_call.h"
#include "server/rpc/read_call.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

using admin::v1::Role;
using internal::v1::AccountRecord;
using internal::v1::AccountRole;
using internal::v1::Command;
using licensing::Ledger;

// The numbers of roles are the same in the API and in the log.

constexpr absl::string_view kFields[] = {"role"};

constexpr ListShape kAccounts = {
    .name = "accounts", .order = "principal", .fields = kFields};

// Nothing where no role is called so.
std::optional<Role> ParseRole(const std::string& name) {
  Role role = admin::v1::ROLE_UNSPECIFIED;
  if (!admin::v1::Role_Parse(absl::StrCat("ROLE_", name), &role) ||
      role == admin::v1::ROLE_UNSPECIFIED) {
    return std::nullopt;
  }
  return role;
}

// Of an account; 0 where unset.
uint64_t CheckAccountEtag(absl::string_view etag, FieldFaults* faults) {
  uint64_t version = 0;
  const bool digits = std::all_of(etag.begin(), etag.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  if (!etag.empty() &&
      (!digits || !absl::SimpleAtoi(etag, &version) || version == 0)) {
    faults->Add("etag", "is not one that GetAccount or ListAccounts gave");
  }
  return version;
}

// In their order, as the log has them.
void CheckRoles(const google::protobuf::RepeatedField<int>& given,
                internal::v1::SetAccount* body, FieldFaults* faults) {
  std::set<int> roles;
  for (int i = 0; i < given.size(); ++i) {
    const std::string field = absl::StrCat("roles[", i, "]");
    if (given[i] == admin::v1::ROLE_UNSPECIFIED ||
        !admin::v1::Role_IsValid(given[i])) {
      faults->Add(field, "is not a role that this member knows");
    } else if (!roles.insert(given[i]).second) {
      faults->Add(field, "stands there twice");
    }
  }
  for (const int role : roles)
    body->add_roles(static_cast<AccountRole>(role));
}

void DescribeAccount(const AccountRecord& from, const Authorizer& authorizer,
                     admin::v1::Account* account) {
  account->set_name(std::string(NameOfPrincipal(from.account())));
  account->set_principal(from.account());
  for (const int role : from.roles())
    account->add_roles(static_cast<Role>(role));
  account->set_remark(from.remark());
  account->set_set_by(from.set_by());
  SetTimestamp(from.set_calendar_ms(), account->mutable_set_time());
  account->set_etag(absl::StrCat(from.version()));
  account->set_configured_administrator(
      authorizer.IsConfigured(from.account()));
}

void DescribeRights(const Rights& from, absl::string_view principal,
                    CallMode mode, admin::v1::Rights* rights) {
  rights->set_name(std::string(NameOfPrincipal(principal)));
  rights->set_principal(std::string(principal));
  rights->set_has_account(from.has_account);
  rights->set_configured_administrator(from.configured);
  for (const AccountRole role : AllRoles()) {
    if (from.roles.Has(role)) rights->add_roles(static_cast<Role>(role));
  }
  rights->set_mode(mode == CallMode::kRestricted ? admin::v1::MODE_RESTRICTED
                                                 : admin::v1::MODE_FULL);
  const PermissionSet permissions = from.In(mode);
  for (const Permission permission : AllPermissions()) {
    if (permissions.Has(permission)) rights->add_permissions(permission);
  }
}

std::string RolesOf(const internal::v1::SetAccount& body) {
  RoleSet roles;
  for (const int role : body.roles())
    roles.Add(static_cast<AccountRole>(role));
  return RoleNames(roles);
}

}  // namespace

std::string AccountService::CheckAccount(const std::string& given,
                                         FieldFaults* faults) const {
  std::optional<std::string> principal =
      calls_->authenticator().PrincipalNamed(given);
  if (!principal.has_value()) {
    faults->Add(
        "account",
        absl::StrCat("must be the name in a client certificate "
                     "(letters, digits, ._-@+), or the whole ",
                     ClientPrincipal(calls_->member().cluster_id, "<name>")));
  }
  return principal.value_or("");
}

grpc::ServerUnaryReactor* AccountService::ListAccounts(
    grpc::CallbackServerContext* context,
    const admin::v1::ListAccountsRequest* request,
    admin::v1::ListAccountsResponse* response) {
  return AnswerRead(
      calls_, context, request, response,
      [request](FieldFaults* faults) {
        ListPage page = ReadListPage(kAccounts, *request, faults);
        if (!page.filter.field.empty() &&
            !ParseRole(page.filter.value).has_value()) {
          faults->Add("filter",
                      "names no role; an example: role=\"ADMINISTRATOR\"");
        }
        return page;
      },
      [this, request, response](const Ledger& ledger, const ListPage& page)
          -> std::optional<Refusal> {
        const std::optional<Role> role = ParseRole(page.filter.value);
        const auto& all = ledger.accounts().by_name();
        // Kept below kMaxVisitsOfPage by licensing::kMaxAccounts.
        auto at = all.upper_bound(page.after_name);
        for (; at != all.end() && response->accounts_size() < page.size; ++at) {
          const auto& roles = at->second.roles();
          if (role.has_value() &&
              std::find(roles.begin(), roles.end(), static_cast<int>(*role)) ==
                  roles.end()) {
            continue;
          }
          DescribeAccount(at->second, *calls_->deps().authorizer,
                          response->add_accounts());
        }
        if (at != all.end() && response->accounts_size() > 0) {
          response->set_next_page_token(
              TokenAfter(kAccounts, request->filter(),
                         response->accounts().rbegin()->principal()));
        }
        return std::nullopt;
      });
}

grpc::ServerUnaryReactor* AccountService::GetAccount(
    grpc::CallbackServerContext* context,
    const admin::v1::GetAccountRequest* request,
    admin::v1::GetAccountResponse* response) {
  return AnswerRead(
      calls_, context, request, response,
      [this, request](FieldFaults* faults) {
        CheckConsistency(request->consistency(), faults);
        return CheckAccount(request->account(), faults);
      },
      [this, response](const Ledger& ledger,
                       const std::string& principal) -> std::optional<Refusal> {
        const AccountRecord* const found = ledger.accounts().Find(principal);
        if (found == nullptr) {
          return Refusal{
              .reason = type::v1::ERROR_REASON_ACCOUNT_NOT_FOUND,
              .metadata = {
                  {"account", std::string(NameOfPrincipal(principal))}}};
        }
        DescribeAccount(*found, *calls_->deps().authorizer,
                        response->mutable_account());
        return std::nullopt;
      });
}

grpc::ServerUnaryReactor* AccountService::SetAccount(
    grpc::CallbackServerContext* context,
    const admin::v1::SetAccountRequest* request,
    admin::v1::SetAccountResponse* response) {
  return calls_->Take(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        CheckText(request->remark(), "remark", &faults);
        Command command;
        internal::v1::SetAccount* body = command.mutable_set_account();
        body->set_account(CheckAccount(request->account(), &faults));
        CheckRoles(request->roles(), body, &faults);
        body->set_remark(request->remark());
        body->set_base_version(CheckAccountEtag(request->etag(), &faults));
        body->set_keep_administrator(
            !calls_->deps().authorizer->has_configured());
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        calls_->Propose(
            call, request->request_id(), &command, response,
            [this, response, by = call.principal, account = body->account(),
             roles = RolesOf(*body)](const licensing::LedgerAnswer& answer) {
              const Ledger& ledger = *calls_->deps().view->ledger;
              if (const AccountRecord* now = ledger.accounts().Find(account)) {
                DescribeAccount(*now, *calls_->deps().authorizer,
                                response->mutable_account());
              }
              if (answer.repeated) return;
              LogInfo("admin", "account_set",
                      {{"account", account}, {"roles", roles}, {"by", by}});
            });
      });
}

grpc::ServerUnaryReactor* AccountService::DeleteAccount(
    grpc::CallbackServerContext* context,
    const admin::v1::DeleteAccountRequest* request,
    admin::v1::DeleteAccountResponse* response) {
  return calls_->Take(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        Command command;
        internal::v1::DeleteAccount* body = command.mutable_delete_account();
        body->set_account(CheckAccount(request->account(), &faults));
        body->set_base_version(CheckAccountEtag(request->etag(), &faults));
        body->set_keep_administrator(
            !calls_->deps().authorizer->has_configured());
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        calls_->Propose(call, request->request_id(), &command, response,
                        [by = call.principal, account = body->account()](
                            const licensing::LedgerAnswer& answer) {
                          if (answer.repeated) return;
                          LogInfo("admin", "account_deleted",
                                  {{"account", account}, {"by", by}});
                        });
      });
}

grpc::ServerUnaryReactor* AccountService::TestPermissions(
    grpc::CallbackServerContext* context,
    const admin::v1::TestPermissionsRequest* request,
    admin::v1::TestPermissionsResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->Begin(context, reactor, *request);
  if (!call.has_value()) return reactor;
  FieldFaults faults;
  CheckConsistency(request->consistency(), &faults);
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  calls_->Read(*call, request->consistency(), response,
               [this, principal = call->principal, mode = call->mode,
                response](const Ledger&) -> std::optional<Refusal> {
                 DescribeRights(calls_->deps().authorizer->RightsOf(principal),
                                principal, mode, response->mutable_rights());
                 return std::nullopt;
               });
  return reactor;
}

grpc::ServerUnaryReactor* AccountService::TestAccountPermissions(
    grpc::CallbackServerContext* context,
    const admin::v1::TestAccountPermissionsRequest* request,
    admin::v1::TestAccountPermissionsResponse* response) {
  return AnswerRead(
      calls_, context, request, response,
      [this, request](FieldFaults* faults) {
        CheckConsistency(request->consistency(), faults);
        return CheckAccount(request->account(), faults);
      },
      [this, response](const Ledger&,
                       const std::string& principal) -> std::optional<Refusal> {
        DescribeRights(calls_->deps().authorizer->RightsOf(principal),
                       principal, CallMode::kFull, response->mutable_rights());
        return std::nullopt;
      });
}

}  // namespace quorate::server
