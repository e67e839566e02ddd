// Each caller gets through to exactly those RPCs that the catalogue of roles
// gives him in the mode of the call, and a call that is refused changes
// nothing. Every method of the public API is called over TLS with every role,
// in both modes, and the answers are compared with the catalogue and with the
// table in docs/operations.md.

#include <fstream>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "google/protobuf/message.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"

#include "quorate/admin/v1/account.grpc.pb.h"
#include "quorate/admin/v1/session.grpc.pb.h"
#include "quorate/options/v1/options.pb.h"

#include "base/log.h"
#include "base/mutex.h"
#include "server/licensing/accounts.h"
#include "server/rpc/authentication.h"
#include "server/rpc/authorizer.h"
#include "server/rpc/role_catalogue.h"
#include "tests/server/rpc/public_api.h"
#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

using admin::v1::Role;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::MethodDescriptor;
using internal::v1::AccountRole;
using testing::ElementsAre;
using testing::HasSubstr;

Permission PermissionOf(const MethodDescriptor* method) {
  return method->options().GetExtension(options::v1::permission);
}

// One who calls: his name, his roles, and whether he has an account.
struct Person {
  std::string name;
  std::vector<AccountRole> roles;
  bool has_account = true;
};

std::vector<Person> People() {
  return {
      {.name = "nobody", .roles = {}},
      {.name = "newcomer",
       .roles = {internal::v1::ACCOUNT_ROLE_USER},
       .has_account = false},
      {.name = "user", .roles = {internal::v1::ACCOUNT_ROLE_USER}},
      {.name = "viewer", .roles = {internal::v1::ACCOUNT_ROLE_VIEWER}},
      {.name = "terminator", .roles = {internal::v1::ACCOUNT_ROLE_TERMINATOR}},
      {.name = "both",
       .roles = {internal::v1::ACCOUNT_ROLE_USER,
                 internal::v1::ACCOUNT_ROLE_VIEWER}},
      {.name = "boss", .roles = {internal::v1::ACCOUNT_ROLE_ADMINISTRATOR}}};
}

class AuthorizationTest : public testing::Test {
 protected:
  AuthorizationTest() : admin_(Accounts("admin")) {}

  std::unique_ptr<admin::v1::AccountService::Stub> Accounts(
      const std::string& name) {
    return admin::v1::AccountService::NewStub(
        world_.Connect(ClientNames(name)));
  }

  admin::v1::SetAccountRequest Request(const std::string& name,
                                       const std::vector<AccountRole>& roles,
                                       const std::string& etag = "") {
    admin::v1::SetAccountRequest request;
    request.set_request_id(absl::StrCat("set-", ++requests_));
    request.set_account(name);
    for (const AccountRole role : roles)
      request.add_roles(static_cast<Role>(role));
    request.set_etag(etag);
    return request;
  }

  admin::v1::Account Set(const std::string& name,
                         const std::vector<AccountRole>& roles,
                         const std::string& etag = "") {
    admin::v1::SetAccountResponse response;
    const grpc::Status status = admin_->SetAccount(
        NewCall().get(), Request(name, roles, etag), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.account();
  }

  // One request without any field, over a stream that fits every method.
  grpc::Status Call(grpc::GenericStub* stub, const MethodDescriptor* method,
                    bool restricted) {
    grpc::CompletionQueue queue;
    const auto wait = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    const auto context = NewCall();
    if (restricted) context->AddMetadata("quorate-mode", "restricted");
    auto call = stub->PrepareCall(
        context.get(),
        absl::StrCat("/", method->service()->full_name(), "/", method->name()),
        &queue);
    call->StartCall(nullptr);
    wait();
    const grpc::Slice slice("");
    grpc::WriteOptions last;
    call->WriteLast(grpc::ByteBuffer(&slice, 1), last, nullptr);
    wait();
    grpc::ByteBuffer received;
    do {
      call->Read(&received, nullptr);
    } while (wait());
    grpc::Status status;
    call->Finish(&status, nullptr);
    wait();
    return status;
  }

  ServiceWorld world_;
  std::unique_ptr<admin::v1::AccountService::Stub> admin_;
  int requests_ = 0;
};

TEST_F(AuthorizationTest, EveryRpcIsGivenByTheCatalogueAlone) {
  for (const Person& person : People()) {
    if (person.has_account) Set(person.name, person.roles);
  }
  const auto before = world_.replica().ledger().Dump();
  int refused = 0;
  int let_in = 0;
  for (const Person& person : People()) {
    grpc::GenericStub stub(world_.Connect(ClientNames(person.name)));
    RoleSet roles;
    for (const AccountRole role : person.roles)
      roles.Add(role);
    for (const bool restricted : {false, true}) {
      PermissionSet permissions = PermissionsOf(roles);
      if (restricted) permissions = permissions & ReadingPermissions();
      for (const MethodDescriptor* method : AllMethods()) {
        const grpc::Status status = Call(&stub, method, restricted);
        const bool given = permissions.Has(PermissionOf(method));
        const std::string what =
            absl::StrCat(person.name, restricted ? " restricted " : " ",
                         method->full_name(), ": ", status.error_message());
        EXPECT_EQ(ReasonOf(status) != "PERMISSION_MISSING", given) << what;
        ++(given ? let_in : refused);
        if (given) continue;
        EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
        const auto facts = DetailOf<google::rpc::ErrorInfo>(status).metadata();
        EXPECT_EQ(facts.at("permission"), PermissionName(PermissionOf(method)))
            << what;
        EXPECT_EQ(facts.at("account"), person.name);
        EXPECT_EQ(facts.at("roles"), RoleNames(roles));
        EXPECT_EQ(facts.at("mode"), restricted ? "RESTRICTED" : "FULL");
        EXPECT_THAT(facts.at("given_by"), HasSubstr("ADMINISTRATOR"));
      }
    }
  }
  EXPECT_EQ(world_.replica().ledger().Dump(), before);
  std::cout << let_in << " calls let in, " << refused << " refused\n";
  EXPECT_GE(refused, 300);
  EXPECT_GE(let_in, 200);
}

TEST_F(AuthorizationTest, TheCatalogueIsTheTableOfOperations) {
  std::map<Permission, std::set<std::string>> methods;
  for (const MethodDescriptor* method : AllMethods()) {
    methods[PermissionOf(method)].insert(method->name());
  }
  std::ifstream document("docs/operations.md");
  ASSERT_TRUE(document.good()) << "run from the root of the tree";
  std::set<std::string> rows;
  std::string line;
  while (std::getline(document, line)) {
    if (line.rfind("| `", 0) == 0) rows.insert(line);
  }
  for (const Permission permission : AllPermissions()) {
    std::string row = absl::StrCat("| `", PermissionName(permission), "` |");
    for (const AccountRole role : AllRoles()) {
      absl::StrAppend(&row,
                      PermissionsOf(role).Has(permission) ? " yes |" : " |");
    }
    absl::StrAppend(&row,
                    ReadingPermissions().Has(permission) ? " yes |" : " |", " ",
                    absl::StrJoin(methods[permission], ", "), " |");
    EXPECT_TRUE(rows.contains(row)) << "docs/operations.md has no row\n" << row;
  }
}

// What every checkout pays, with as many accounts as there may be: printed, for
// people to compare.
TEST(AuthorizerTest, DecidesAmongAsManyAccountsAsThereMayBe) {
  constexpr int kDecisions = 200'000;
  licensing::AccountBook book;
  std::vector<std::string> principals;
  for (size_t i = 0; i < licensing::kMaxAccounts; ++i) {
    internal::v1::AccountRecord account;
    account.set_account(
        ClientPrincipal(kWorldClusterId, absl::StrCat("user-", i)));
    account.add_roles(internal::v1::ACCOUNT_ROLE_USER);
    principals.push_back(account.account());
    book.Set(account);
  }
  AccessTable table;
  const absl::Duration before = SystemClock().SinceBoot();
  table.Publish(book, 1);
  const absl::Duration published = SystemClock().SinceBoot() - before;
  const Authorizer authorizer(
      {.cluster_id = kWorldClusterId,
       .administrators = {"admin"},
       .accounts = &table},
      {checkout::v1::CheckoutService::service_full_name()});
  int refused = 0;
  const absl::Duration start = SystemClock().SinceBoot();
  for (int i = 0; i < kDecisions; ++i) {
    const MethodRight* const right =
        authorizer.FindRight(checkout::v1::CheckoutRequest::descriptor());
    const std::string& principal =
        principals[static_cast<size_t>(i) % principals.size()];
    if (authorizer.Refuse(right->permission, principal, CallMode::kFull)
            .has_value()) {
      ++refused;
    }
  }
  const absl::Duration each = (SystemClock().SinceBoot() - start) / kDecisions;
  EXPECT_EQ(refused, 0);
  std::cout << absl::ToInt64Nanoseconds(each) << " ns a decision, "
            << principals.size() << " accounts published in " << published
            << "\n";
}

TEST_F(AuthorizationTest, TheConfigurationGoesBeforeTheAccounts) {
  Set("admin", {});
  admin::v1::TestPermissionsResponse response;
  ASSERT_TRUE(admin_
                  ->TestPermissions(NewCall().get(),
                                    admin::v1::TestPermissionsRequest(),
                                    &response)
                  .ok());
  EXPECT_TRUE(response.rights().configured_administrator());
  EXPECT_TRUE(response.rights().has_account());
  EXPECT_THAT(response.rights().roles(),
              ElementsAre(admin::v1::ROLE_ADMINISTRATOR));
  EXPECT_EQ(response.rights().permissions_size(),
            static_cast<int>(AllPermissions().size()));
}

// Lines of area "access", from any thread.
class AccessLines final : public LogKeeper {
 public:
  AccessLines() { SetLogKeeper(this); }

  ~AccessLines() override { SetLogKeeper(nullptr); }

  void Keep(LogLevel /*level*/, absl::string_view area, absl::string_view event,
            const LogFields& fields) override {
    if (area != "access") return;
    MutexLock lock(&mu_);
    std::string line(event);
    for (const LogField& field : fields)
      absl::StrAppend(&line, " ", field.value);
    lines_.push_back(line);
  }

  void Flush(absl::Duration /*limit*/) override {}

  std::vector<std::string> lines() const {
    MutexLock lock(&mu_);
    return lines_;
  }

 private:
  mutable Mutex mu_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mu_);
};

TEST_F(AuthorizationTest, WhoWasRefusedStandsInTheLog) {
  const AccessLines log;
  const auto user = Accounts("user");
  admin::v1::SetAccountResponse set;
  admin::v1::ListAccountsResponse list;
  // Confirmed by a read first, decided at once, and by the mode.
  EXPECT_FALSE(user->SetAccount(NewCall().get(), Request("a", {}), &set).ok());
  EXPECT_FALSE(user->ListAccounts(NewCall().get(),
                                  admin::v1::ListAccountsRequest(), &list)
                   .ok());
  const auto context = NewCall();
  context->AddMetadata("quorate-mode", "restricted");
  EXPECT_FALSE(admin_->SetAccount(context.get(), Request("a", {}), &set).ok());
  const std::string by = ClientNames("user").substr(4);
  const std::string admin = ClientNames("admin").substr(4);
  EXPECT_THAT(
      log.lines(),
      ElementsAre(
          absl::StrCat("refused ", by, " SetAccount ACCOUNT_MANAGE FULL 1"),
          absl::StrCat("refused ", by, " ListAccounts ACCOUNT_VIEW FULL 1"),
          absl::StrCat("refused ", admin,
                       " SetAccount ACCOUNT_MANAGE RESTRICTED 1")));
}

TEST_F(AuthorizationTest, OnlyTheTwoModesAreKnown) {
  for (const std::string& mode : {"Full", "readonly", ""}) {
    const auto context = NewCall();
    context->AddMetadata("quorate-mode", mode);
    admin::v1::TestPermissionsResponse response;
    const grpc::Status status = admin_->TestPermissions(
        context.get(), admin::v1::TestPermissionsRequest(), &response);
    EXPECT_EQ(ReasonOf(status), "BAD_REQUEST") << mode;
  }
  const auto twice = NewCall();
  twice->AddMetadata("quorate-mode", "restricted");
  twice->AddMetadata("quorate-mode", "full");
  admin::v1::TestPermissionsResponse response;
  EXPECT_EQ(ReasonOf(admin_->TestPermissions(
                twice.get(), admin::v1::TestPermissionsRequest(), &response)),
            "BAD_REQUEST");
}

// The demotion is agreed on, but this member has not applied it when the call
// comes; and the same with a promotion.
TEST_F(AuthorizationTest, ChangesAreConfirmedByAccountsThatAreUpToDate) {
  const std::string etag =
      Set("boss", {internal::v1::ACCOUNT_ROLE_ADMINISTRATOR}).etag();
  const auto boss = Accounts("boss");
  const auto fresh = Accounts("fresh");
  const auto set_by = [](admin::v1::AccountService::Stub* stub,
                         const admin::v1::SetAccountRequest& request) {
    return std::async(std::launch::async, [stub, request] {
      admin::v1::SetAccountResponse response;
      return stub->SetAccount(NewCall().get(), request, &response);
    });
  };
  world_.node().Hold(true);
  auto demote = set_by(
      admin_.get(), Request("boss", {internal::v1::ACCOUNT_ROLE_VIEWER}, etag));
  ASSERT_TRUE(world_.node().WaitForCalls(2));
  auto promote =
      set_by(admin_.get(),
             Request("fresh", {internal::v1::ACCOUNT_ROLE_ADMINISTRATOR}));
  ASSERT_TRUE(world_.node().WaitForCalls(3));
  auto revoked =
      set_by(boss.get(),
             Request("friend", {internal::v1::ACCOUNT_ROLE_ADMINISTRATOR}));
  ASSERT_TRUE(world_.node().WaitForCalls(4));
  auto given =
      set_by(fresh.get(), Request("other", {internal::v1::ACCOUNT_ROLE_USER}));
  ASSERT_TRUE(world_.node().WaitForCalls(5));
  world_.node().Hold(false);
  EXPECT_TRUE(demote.get().ok());
  EXPECT_TRUE(promote.get().ok());
  EXPECT_EQ(ReasonOf(revoked.get()), "PERMISSION_MISSING");
  EXPECT_TRUE(given.get().ok());
  const auto& accounts = world_.replica().ledger().accounts();
  EXPECT_EQ(accounts.Find(ClientNames("friend").substr(4)), nullptr);
  EXPECT_NE(accounts.Find(ClientNames("other").substr(4)), nullptr);
}

TEST_F(AuthorizationTest,
       WithoutAQuorumOnlyTheConfigurationLetsChangesThrough) {
  Set("boss", {internal::v1::ACCOUNT_ROLE_ADMINISTRATOR});
  world_.node().FailReads(replication::ReadOutcome::kNoQuorum);
  admin::v1::SetAccountResponse response;
  EXPECT_EQ(ReasonOf(Accounts("boss")->SetAccount(
                NewCall().get(),
                Request("a", {internal::v1::ACCOUNT_ROLE_USER}), &response)),
            "NO_QUORUM");
  EXPECT_EQ(ReasonOf(admin_->SetAccount(
                NewCall().get(),
                Request("a", {internal::v1::ACCOUNT_ROLE_USER}), &response)),
            "");
}

TEST_F(AuthorizationTest, WhoSawAnOlderAccountDoesNotOverwriteTheNewer) {
  const std::string old = Set("ann", {internal::v1::ACCOUNT_ROLE_USER}).etag();
  const admin::v1::Account now =
      Set("ann", {internal::v1::ACCOUNT_ROLE_VIEWER}, old);
  EXPECT_THAT(now.set_by(), HasSubstr("/client/admin"));
  admin::v1::SetAccountResponse set;
  for (const std::string& etag : {old, std::string()}) {
    EXPECT_EQ(
        ReasonOf(admin_->SetAccount(
            NewCall().get(),
            Request("ann", {internal::v1::ACCOUNT_ROLE_ADMINISTRATOR}, etag),
            &set)),
        "ACCOUNT_CHANGED");
  }
  admin::v1::DeleteAccountRequest request;
  request.set_request_id("delete");
  request.set_account("ann");
  request.set_etag(old);
  admin::v1::DeleteAccountResponse deleted;
  EXPECT_EQ(ReasonOf(admin_->DeleteAccount(NewCall().get(), request, &deleted)),
            "ACCOUNT_CHANGED");
  request.set_etag(now.etag());
  EXPECT_EQ(ReasonOf(admin_->DeleteAccount(NewCall().get(), request, &deleted)),
            "");
}

TEST_F(AuthorizationTest, AccountsAreListedInPagesAndByRole) {
  for (const char* name : {"a", "b", "c"})
    Set(name, {internal::v1::ACCOUNT_ROLE_VIEWER});
  Set("d", {internal::v1::ACCOUNT_ROLE_USER,
            internal::v1::ACCOUNT_ROLE_ADMINISTRATOR});
  admin::v1::ListAccountsRequest request;
  request.set_page_size(2);
  std::vector<std::string> names;
  do {
    admin::v1::ListAccountsResponse response;
    ASSERT_TRUE(admin_->ListAccounts(NewCall().get(), request, &response).ok());
    for (const auto& account : response.accounts())
      names.push_back(account.name());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(names, ElementsAre("a", "b", "c", "d"));
  request.set_filter("role=\"ADMINISTRATOR\"");
  admin::v1::ListAccountsResponse response;
  ASSERT_TRUE(admin_->ListAccounts(NewCall().get(), request, &response).ok());
  ASSERT_EQ(response.accounts_size(), 1);
  EXPECT_EQ(response.accounts(0).name(), "d");
  request.set_filter("role=\"KING\"");
  EXPECT_EQ(ReasonOf(admin_->ListAccounts(NewCall().get(), request, &response)),
            "BAD_REQUEST");
}

}  // namespace
}  // namespace quorate::server
