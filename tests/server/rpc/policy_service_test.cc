// An administrator plans, applies, looks back at and rolls back the policy, and
// is told who is affected; anybody is told why a checkout is refused. Through
// the client port, with a ledger behind it.

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "quorate/admin/v1/policy.grpc.pb.h"
#include "quorate/admin/v1/session.grpc.pb.h"

#include "server/rpc/peer_address.h"
#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

using grpc::StatusCode;
using testing::HasSubstr;

namespace admin = ::quorate::admin::v1;

admin::PolicyRule UserRule(const std::string& name, admin::PolicyRuleKind kind,
                           uint64_t units, const std::string& user) {
  admin::PolicyRule rule;
  rule.set_name(name);
  rule.set_kind(kind);
  rule.set_feature("cad");
  rule.set_units(units);
  admin::PolicyPart* part = rule.add_parts();
  part->set_field(admin::POLICY_FIELD_USER);
  part->add_values(user);
  return rule;
}

class PolicyServiceTest : public testing::Test {
 protected:
  PolicyServiceTest()
      : channel_(world_.Connect(ClientNames("admin"))),
        stub_(admin::PolicyService::NewStub(channel_)),
        checkout_(checkout::v1::CheckoutService::NewStub(channel_)),
        monitoring_(monitoring::v1::MonitoringService::NewStub(channel_)) {
    admin::InstallLicenseRequest request;
    request.set_request_id("install");
    request.set_license_file(world_.LicenseFile("ACME-1", 1, "cad", 10));
    admin::InstallLicenseResponse response;
    EXPECT_TRUE(admin::LicenseService::NewStub(channel_)
                    ->InstallLicense(NewCall().get(), request, &response)
                    .ok());
  }

  std::string NextId() { return absl::StrCat("r", ++requests_); }

  grpc::Status Apply(const admin::Policy& policy, const std::string& etag) {
    admin::ApplyPolicyRequest request;
    request.set_request_id(NextId());
    *request.mutable_policy() = policy;
    request.set_etag(etag);
    request.set_comment("because");
    applied_.Clear();
    return stub_->ApplyPolicy(NewCall().get(), request, &applied_);
  }

  std::string Open(const std::string& user) {
    checkout::v1::OpenSessionRequest request;
    request.set_request_id(NextId());
    request.mutable_client()->set_user(user);
    request.mutable_client()->set_host("pc1");
    checkout::v1::OpenSessionResponse response;
    EXPECT_TRUE(
        checkout_->OpenSession(NewCall().get(), request, &response).ok());
    return response.session();
  }

  grpc::Status Take(const std::string& session, uint32_t units) {
    checkout::v1::CheckoutRequest request;
    request.set_request_id(NextId());
    request.set_session(session);
    request.add_items()->set_feature("cad");
    request.mutable_items(0)->set_count(units);
    checkout::v1::CheckoutResponse response;
    return checkout_->Checkout(NewCall().get(), request, &response);
  }

  admin::PlanPolicyResponse Plan(const admin::Policy& policy) {
    admin::PlanPolicyRequest request;
    *request.mutable_policy() = policy;
    admin::PlanPolicyResponse response;
    const grpc::Status status =
        stub_->PlanPolicy(NewCall().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  monitoring::v1::ExplainCheckoutResponse Explain(const std::string& user,
                                                  uint32_t count = 1) {
    monitoring::v1::ExplainCheckoutRequest request;
    request.mutable_client()->set_user(user);
    request.mutable_client()->set_host("pc1");
    request.set_feature("cad");
    request.set_count(count);
    monitoring::v1::ExplainCheckoutResponse response;
    const grpc::Status status =
        monitoring_->ExplainCheckout(NewCall().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  ServiceWorld world_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<admin::PolicyService::Stub> stub_;
  std::unique_ptr<checkout::v1::CheckoutService::Stub> checkout_;
  std::unique_ptr<monitoring::v1::MonitoringService::Stub> monitoring_;
  admin::ApplyPolicyResponse applied_;
  int requests_ = 0;
};

TEST_F(PolicyServiceTest, AppliesAndShowsAPolicy) {
  admin::Policy policy;
  policy.set_ignore_case(true);
  *policy.add_rules() =
      UserRule("no ann", admin::POLICY_RULE_KIND_DENY, 0, "ann");
  const grpc::Status status = Apply(policy, "0");
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(applied_.version().version(), 1U);
  EXPECT_EQ(applied_.version().comment(), "because");
  EXPECT_THAT(applied_.version().author(), HasSubstr("/client/admin"));
  admin::GetPolicyResponse shown;
  ASSERT_TRUE(stub_->GetPolicy(NewCall().get(), {}, &shown).ok());
  EXPECT_EQ(shown.etag(), "1");
  EXPECT_EQ(shown.policy().DebugString(), policy.DebugString());

  const grpc::Status refused = Take(Open("ANN"), 1);
  EXPECT_EQ(refused.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(ReasonOf(refused), "POLICY_DENIED");
  EXPECT_EQ(refused.error_message(),
            "rule \"no ann\" of the policy (version 1) denies cad");
  EXPECT_TRUE(Take(Open("bob"), 1).ok());
}

TEST_F(PolicyServiceTest, RefusesWhatSomebodyElseChanged) {
  EXPECT_TRUE(Apply({}, "0").ok());  // Changes nothing.
  admin::Policy policy;
  *policy.add_rules() = UserRule("r", admin::POLICY_RULE_KIND_DENY, 0, "ann");
  ASSERT_TRUE(Apply(policy, "0").ok());
  const grpc::Status late = Apply({}, "0");
  EXPECT_EQ(late.error_code(), StatusCode::ABORTED);
  EXPECT_EQ(ReasonOf(late), "POLICY_CHANGED");
  EXPECT_EQ(ReasonOf(Apply({}, "")), "BAD_REQUEST");
  EXPECT_EQ(ReasonOf(Apply({}, "-1")), "BAD_REQUEST");
}

TEST_F(PolicyServiceTest, NamesEveryFieldThatIsWrong) {
  admin::Policy policy;
  policy.add_rules()->set_kind(admin::POLICY_RULE_KIND_RESERVE);
  const grpc::Status status = Apply(policy, "0");
  EXPECT_EQ(ReasonOf(status), "BAD_REQUEST");
  const auto faults = DetailOf<google::rpc::BadRequest>(status);
  ASSERT_EQ(faults.field_violations_size(), 3);
  EXPECT_EQ(faults.field_violations(0).field(), "policy.rules[0].name");
}

TEST_F(PolicyServiceTest, PlansWhatChangesAndWhoIsAffected) {
  admin::Policy before;
  *before.add_rules() =
      UserRule("stays", admin::POLICY_RULE_KIND_DENY, 0, "eve");
  *before.add_rules() = UserRule("goes", admin::POLICY_RULE_KIND_DENY, 0, "x");
  ASSERT_TRUE(Apply(before, "0").ok());
  const std::string ann = Open("ann");
  ASSERT_TRUE(Take(ann, 2).ok());
  ASSERT_TRUE(Take(Open("bob"), 3).ok());
  admin::Policy draft;
  *draft.add_rules() = before.rules(0);
  *draft.add_rules() =
      UserRule("no ann", admin::POLICY_RULE_KIND_DENY, 0, "ann");
  *draft.add_rules() = UserRule("few", admin::POLICY_RULE_KIND_LIMIT, 1, "bob");
  *draft.add_rules() =
      UserRule("much", admin::POLICY_RULE_KIND_RESERVE, 40, "bob");
  draft.mutable_rules(0)->set_feature("cfd");
  const admin::PlanPolicyResponse plan = Plan(draft);
  EXPECT_EQ(plan.etag(), "1");
  EXPECT_TRUE(plan.complete());
  EXPECT_EQ(plan.seats_seen(), 2U);
  std::string changes;
  for (const auto& change : plan.changes())
    absl::StrAppend(&changes, change.change(), " ", change.subject(), ";");
  EXPECT_EQ(changes,
            "changed rule stays;added rule no ann;added rule few;"
            "added rule much;removed rule goes;");
  // Bob is covered by what is kept for him, whatever his limit.
  ASSERT_EQ(plan.affected_size(), 1);
  EXPECT_EQ(plan.affected_count(), 1U);
  EXPECT_EQ(plan.affected(0).session(), ann);
  EXPECT_EQ(plan.affected(0).user(), "ann");
  EXPECT_EQ(plan.affected(0).rule(), "no ann");
  EXPECT_EQ(plan.affected(0).reason(), "POLICY_DENIED");
  ASSERT_EQ(plan.exceeded_size(), 1);
  EXPECT_EQ(plan.exceeded(0).rule(), "few");
  EXPECT_EQ(plan.exceeded(0).used(), 3U);
  ASSERT_EQ(plan.warnings_size(), 2);
  EXPECT_THAT(plan.warnings(0), HasSubstr("cfd"));
  EXPECT_THAT(plan.warnings(1), HasSubstr("40 units of cad"));
}

TEST_F(PolicyServiceTest, KeepsAHistoryAndRollsBack) {
  for (int i = 1; i <= 3; ++i) {
    admin::Policy policy;
    *policy.add_rules() =
        UserRule(absl::StrCat("r", i), admin::POLICY_RULE_KIND_DENY, 0, "ann");
    ASSERT_TRUE(Apply(policy, absl::StrCat(i - 1)).ok());
  }
  admin::RollBackPolicyRequest back;
  back.set_request_id(NextId());
  back.set_version(1);
  back.set_etag("3");
  admin::RollBackPolicyResponse rolled;
  ASSERT_TRUE(stub_->RollBackPolicy(NewCall().get(), back, &rolled).ok());
  EXPECT_EQ(rolled.version().version(), 4U);
  EXPECT_EQ(rolled.version().rolled_back_to(), 1U);
  admin::ListPolicyVersionsRequest request;
  request.set_page_size(3);
  admin::ListPolicyVersionsResponse page;
  ASSERT_TRUE(stub_->ListPolicyVersions(NewCall().get(), request, &page).ok());
  ASSERT_EQ(page.versions_size(), 3);
  request.set_page_token(page.next_page_token());
  page.Clear();
  ASSERT_TRUE(stub_->ListPolicyVersions(NewCall().get(), request, &page).ok());
  ASSERT_EQ(page.versions_size(), 1);
  EXPECT_EQ(page.versions(0).version(), 4U);
  EXPECT_EQ(page.next_page_token(), "");
  admin::GetPolicyRequest get;
  get.set_version(9);
  admin::GetPolicyResponse shown;
  EXPECT_EQ(ReasonOf(stub_->GetPolicy(NewCall().get(), get, &shown)),
            "POLICY_VERSION_NOT_FOUND");
}

TEST_F(PolicyServiceTest, ExportsAndImportsAFile) {
  admin::Policy policy;
  *policy.add_rules() = UserRule("r", admin::POLICY_RULE_KIND_LIMIT, 3, "ann");
  ASSERT_TRUE(Apply(policy, "0").ok());
  admin::ExportPolicyRequest request;
  request.set_format(admin::POLICY_FORMAT_TOML);
  admin::ExportPolicyResponse file;
  ASSERT_TRUE(stub_->ExportPolicy(NewCall().get(), request, &file).ok());
  admin::ImportPolicyRequest read;
  read.set_format(admin::POLICY_FORMAT_TOML);
  read.set_document(file.document());
  admin::ImportPolicyResponse imported;
  ASSERT_TRUE(stub_->ImportPolicy(NewCall().get(), read, &imported).ok());
  EXPECT_EQ(imported.policy().DebugString(), policy.DebugString());
  read.set_document("[[rule]]\nname = \"a\"\n");
  imported.Clear();
  ASSERT_TRUE(stub_->ImportPolicy(NewCall().get(), read, &imported).ok());
  EXPECT_FALSE(imported.has_policy());
  ASSERT_EQ(imported.remarks_size(), 1);
  EXPECT_EQ(imported.remarks(0).kind(), admin::ImportRemark::KIND_FAULT);
  EXPECT_EQ(imported.remarks(0).line(), 1U);
  read.set_format(admin::POLICY_FORMAT_FLEXNET);
  read.set_document("MAX 3 cad USER ann\nNOLOG IN\n");
  imported.Clear();
  ASSERT_TRUE(stub_->ImportPolicy(NewCall().get(), read, &imported).ok());
  EXPECT_EQ(imported.policy().rules(0).name(), "line 1 MAX");
  EXPECT_EQ(imported.remarks(1).kind(), admin::ImportRemark::KIND_IGNORED);
  request.set_format(admin::POLICY_FORMAT_FLEXNET);
  EXPECT_EQ(ReasonOf(stub_->ExportPolicy(NewCall().get(), request, &file)),
            "BAD_REQUEST");
  read.set_format(admin::POLICY_FORMAT_UNSPECIFIED);
  EXPECT_EQ(ReasonOf(stub_->ImportPolicy(NewCall().get(), read, &imported)),
            "BAD_REQUEST");
}

TEST_F(PolicyServiceTest, ExplainsWhatMayBeBorrowed) {
  admin::Policy policy;
  *policy.add_rules() =
      UserRule("no ann", admin::POLICY_RULE_KIND_NO_BORROW, 0, "ann");
  *policy.add_rules() =
      UserRule("two", admin::POLICY_RULE_KIND_BORROW, 2, "bob");
  policy.mutable_rules(1)->mutable_span()->set_seconds(172'800);
  policy.mutable_rules(1)->set_low_water(3);
  *policy.add_rules() =
      UserRule("cid", admin::POLICY_RULE_KIND_BORROW, 0, "cid");
  ASSERT_TRUE(Apply(policy, "0").ok());
  admin::GetPolicyResponse shown;
  ASSERT_TRUE(stub_->GetPolicy(NewCall().get(), {}, &shown).ok());
  EXPECT_EQ(shown.policy().DebugString(), policy.DebugString());
  EXPECT_EQ(Explain("ann").borrow(), "rule \"no ann\" keeps these from it");
  EXPECT_EQ(Explain("bob").borrow(),
            "by rule \"two\" for at most 48h, at most 2 at a time, of which 0 "
            "are borrowed, 3 have to stay");
  EXPECT_EQ(Explain("cid").borrow(), "by rule \"cid\" as the licences allow");
  EXPECT_EQ(Explain("dan").borrow(), "");
  EXPECT_TRUE(Explain("ann").granted());
}

TEST_F(PolicyServiceTest, BoundsThePriorityAndSaysSo) {
  admin::Policy policy;
  *policy.add_rules() =
      UserRule("slowly", admin::POLICY_RULE_KIND_PRIORITY, 0, "bob");
  policy.mutable_rules(0)->set_max_priority(2);
  ASSERT_TRUE(Apply(policy, "0").ok());
  EXPECT_EQ(Explain("bob").priority(), "at most 2 by rule \"slowly\"");
  EXPECT_EQ(Explain("ann").priority(), "");
  ASSERT_TRUE(Take(Open("ann"), 10).ok());
  checkout::v1::CheckoutRequest request;
  request.set_request_id(NextId());
  request.set_session(Open("bob"));
  request.add_items()->set_feature("cad");
  request.mutable_wait()->set_seconds(60);
  request.set_priority(7);
  checkout::v1::CheckoutResponse response;
  ASSERT_TRUE(checkout_->Checkout(NewCall().get(), request, &response).ok());
  monitoring::v1::ListQueueResponse queue;
  ASSERT_TRUE(monitoring_->ListQueue(NewCall().get(), {}, &queue).ok());
  ASSERT_EQ(queue.checkouts_size(), 1);
  EXPECT_EQ(queue.checkouts(0).priority(), 2U);
}

TEST_F(PolicyServiceTest, ExplainsWhatACheckoutWouldSay) {
  admin::Policy policy;
  *policy.add_rules() =
      UserRule("no ann", admin::POLICY_RULE_KIND_DENY, 0, "ann");
  *policy.add_rules() =
      UserRule("few", admin::POLICY_RULE_KIND_LIMIT, 2, "bob");
  *policy.add_rules() =
      UserRule("keep", admin::POLICY_RULE_KIND_RESERVE, 4, "cid");
  ASSERT_TRUE(Apply(policy, "0").ok());
  for (const char* const user : {"ann", "bob", "cid", "dan"}) {
    for (const uint32_t count : {1U, 3U, 7U, 11U}) {
      const auto explanation = Explain(user, count);
      const std::string session = Open(user);
      const grpc::Status status = Take(session, count);
      EXPECT_EQ(explanation.granted(), status.ok()) << user << count;
      EXPECT_EQ(explanation.reason(), ReasonOf(status)) << user << count;
      EXPECT_EQ(explanation.help().empty(), status.ok()) << user << count;
      EXPECT_EQ(explanation.rules_size(), 3);
      checkout::v1::CloseSessionRequest close;
      close.set_request_id(NextId());
      close.set_session(session);
      checkout::v1::CloseSessionResponse closed;
      ASSERT_TRUE(
          checkout_->CloseSession(NewCall().get(), close, &closed).ok());
    }
  }
  const auto denied = Explain("ann");
  EXPECT_EQ(denied.rule(), "no ann");
  EXPECT_EQ(denied.message(), "rule \"no ann\" denies cad");
  EXPECT_EQ(denied.rules(0).text(), "denies it");
  EXPECT_TRUE(denied.rules(0).matches());
  EXPECT_EQ(denied.rules(2).text(), "does not match: the rule is for user bob");
  EXPECT_EQ(Explain("cid").rule(), "keep");
}

// Eight of ten are out, and one waits for five: the two that are free are his.
TEST_F(PolicyServiceTest, ExplainsThatSeatsAreKeptForTheQueue) {
  ASSERT_TRUE(Take(Open("ann"), 8).ok());
  EXPECT_TRUE(Explain("bob").granted());
  checkout::v1::CheckoutRequest request;
  request.set_request_id(NextId());
  request.set_session(Open("cid"));
  request.add_items()->set_feature("cad");
  request.mutable_items(0)->set_count(5);
  request.mutable_wait()->set_seconds(60);
  checkout::v1::CheckoutResponse response;
  ASSERT_TRUE(checkout_->Checkout(NewCall().get(), request, &response).ok());
  const auto explanation = Explain("bob");
  EXPECT_FALSE(explanation.granted());
  EXPECT_EQ(explanation.reason(), "POOL_EXHAUSTED");
  EXPECT_EQ(explanation.reason(), ReasonOf(Take(Open("bob"), 1)));
  EXPECT_THAT(explanation.message(), HasSubstr("that wait for them"));
}

TEST_F(PolicyServiceTest, ExplainsACoolDown) {
  const std::string session = Open("ann");
  ASSERT_TRUE(Take(session, 1).ok());
  admin::TerminateSessionRequest request;
  request.set_request_id(NextId());
  request.set_session(session);
  request.set_reason("maintenance");
  request.mutable_cool_down()->set_seconds(60);
  admin::TerminateSessionResponse response;
  ASSERT_TRUE(admin::SessionService::NewStub(channel_)
                  ->TerminateSession(NewCall().get(), request, &response)
                  .ok());
  const auto explanation = Explain("ann");
  EXPECT_FALSE(explanation.granted());
  EXPECT_EQ(explanation.reason(), "COOLING_DOWN");
  EXPECT_EQ(explanation.reason(), ReasonOf(Take(Open("ann"), 1)));
  EXPECT_TRUE(Explain("bob").granted());
}

TEST_F(PolicyServiceTest, SeesWhereAConnectionComesFrom) {
  admin::Policy policy;
  admin::PolicyRule* rule = policy.add_rules();
  rule->set_name("not from here");
  rule->set_kind(admin::POLICY_RULE_KIND_DENY);
  admin::PolicyPart* part = rule->add_parts();
  part->set_field(admin::POLICY_FIELD_ADDRESS);
  part->add_values("127.0.0.0/8");
  part->add_values("::1");
  ASSERT_TRUE(Apply(policy, "0").ok());
  EXPECT_EQ(ReasonOf(Take(Open("ann"), 1)), "POLICY_DENIED");
}

TEST(PeerAddressTest, IsTheAddressInWhatGrpcSays) {
  EXPECT_EQ(PeerAddressOf("ipv4:10.0.0.7:51000").substr(10),
            std::string("\xff\xff\x0a\0\0\x07", 6));
  EXPECT_EQ(PeerAddressOf("ipv6:[fd00::7]:51000").size(), 16U);
  EXPECT_EQ(PeerAddressOf("ipv6:%5Bfd00::7%5D:51000"),
            PeerAddressOf("ipv6:[fd00::7]:1"));
  EXPECT_EQ(PeerAddressOf("ipv6:[fe80::1%25eth0]:1"),
            PeerAddressOf("ipv6:[fe80::1]:1"));
  EXPECT_EQ(PeerAddressOf("ipv6:[::ffff:10.0.0.7]:1"),
            PeerAddressOf("ipv4:10.0.0.7:2"));
  for (const char* const peer : {"", "unix:", "unix:/x:1", "ipv4:x:1",
                                 "ipv4:", "10.0.0.7:1", "ipv6:[]:1"}) {
    EXPECT_EQ(PeerAddressOf(peer), "") << peer;
  }
}

}  // namespace
}  // namespace quorate::server
