#include "server/rpc/policy_service.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "server/licensing/policy_book.h"
#include "server/policy/compiled_policy.h"
#include "server/policy_formats/dsls_policy.h"
#include "server/policy_formats/flexnet_options.h"
#include "server/policy_formats/toml_policy.h"
#include "server/rpc/list_call.h"
#include "server/rpc/policy_messages.h"
#include "server/rpc/policy_plan.h"
#include "server/rpc/read_call.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

using internal::v1::PolicyVersionRecord;
using licensing::Ledger;
using licensing::PolicyBook;

constexpr ListShape kVersions = {.name = "policy_versions",
                                 .order = "version",
                                 .fields = {},
                                 .numbered = true};

// Where this version is asked for and not kept.
std::optional<Refusal> RefuseVersion(const PolicyBook& policies,
                                     uint64_t version) {
  if (version == 0 || policies.FindVersion(version) != nullptr) {
    return std::nullopt;
  }
  return Refusal{.reason = type::v1::ERROR_REASON_POLICY_VERSION_NOT_FOUND,
                 .metadata = {{"policy_version", absl::StrCat(version)}}};
}

// The version that is asked for, or the one in force; null where there is none
// in force.
const PolicyVersionRecord* FindAsked(const PolicyBook& policies,
                                     uint64_t version) {
  return policies.FindVersion(version == 0 ? policies.version() : version);
}

void CheckFormat(admin::v1::PolicyFormat format, FieldFaults* faults) {
  if (format == admin::v1::POLICY_FORMAT_UNSPECIFIED ||
      !admin::v1::PolicyFormat_IsValid(format)) {
    faults->Add("format", "is not one that this member knows");
  }
}

policy::ImportedPolicy ReadDocument(
    const admin::v1::ImportPolicyRequest& request) {
  if (request.format() == admin::v1::POLICY_FORMAT_FLEXNET) {
    return policy::ReadFlexnetOptions(request.document());
  }
  if (request.format() == admin::v1::POLICY_FORMAT_DSLS) {
    return policy::ReadDslsPolicy(request.document());
  }
  return policy::ReadTomlPolicy(request.document(), request.file_name());
}

std::string WriteDocument(const PolicyVersionRecord* record,
                          admin::v1::PolicyFormat format) {
  const internal::v1::Policy written =
      record == nullptr ? internal::v1::Policy() : record->policy();
  return format == admin::v1::POLICY_FORMAT_DSLS
             ? policy::WriteDslsPolicy(written)
             : policy::WriteTomlPolicy(written);
}

admin::v1::ImportRemark::Kind KindOf(policy::RemarkKind kind) {
  switch (kind) {
    case policy::RemarkKind::kFault:
      return admin::v1::ImportRemark::KIND_FAULT;
    case policy::RemarkKind::kIgnored:
      return admin::v1::ImportRemark::KIND_IGNORED;
    case policy::RemarkKind::kEffect:
      break;
  }
  return admin::v1::ImportRemark::KIND_EFFECT;
}

// The version that a request of this caller made, or, where it made none
// because nothing was different, the one in force.
void DescribeMade(const PolicyBook& policies, absl::string_view author,
                  absl::string_view request_id,
                  admin::v1::PolicyVersion* version) {
  const PolicyVersionRecord* const made =
      policies.FindRequest(author, request_id);
  DescribeVersion(made != nullptr ? made : FindAsked(policies, 0), version);
}

void WriteVersions(const Ledger& ledger, const ListPage& page,
                   const admin::v1::ListPolicyVersionsRequest& request,
                   admin::v1::ListPolicyVersionsResponse* response) {
  const PolicyBook::Versions& all = ledger.policies().versions();
  auto at = all.upper_bound(page.after_number);
  for (; at != all.end() && response->versions_size() < page.size; ++at) {
    DescribeVersion(&at->second, response->add_versions());
  }
  if (at != all.end() && response->versions_size() > 0) {
    response->set_next_page_token(TokenAfter(
        kVersions, request.filter(), response->versions().rbegin()->version()));
  }
}

// Answers with the version that the command made.
template <typename Request, typename Response>
void ProposeVersion(MemberCalls* calls, const UnaryCall& call,
                    const Request& request, internal::v1::Command* command,
                    Response* response) {
  calls->Propose(call, request.request_id(), command, response,
                 [author = call.principal, id = request.request_id(), response,
                  view = calls->deps().view](const licensing::LedgerAnswer&) {
                   DescribeMade(view->ledger->policies(), author, id,
                                response->mutable_version());
                 });
}

}  // namespace

grpc::ServerUnaryReactor* PolicyService::GetPolicy(
    grpc::CallbackServerContext* context,
    const admin::v1::GetPolicyRequest* request,
    admin::v1::GetPolicyResponse* response) {
  return AnswerRead(
      calls_, context, request, response,
      [request, response](const Ledger& ledger) -> std::optional<Refusal> {
        const PolicyBook& policies = ledger.policies();
        if (auto refusal = RefuseVersion(policies, request->version())) {
          return refusal;
        }
        const PolicyVersionRecord* const record =
            FindAsked(policies, request->version());
        DescribeVersion(record, response->mutable_version());
        if (record != nullptr) {
          *response->mutable_policy() = ToPublic(record->policy());
        }
        response->set_etag(EtagOf(policies));
        return std::nullopt;
      });
}

grpc::ServerUnaryReactor* PolicyService::PlanPolicy(
    grpc::CallbackServerContext* context,
    const admin::v1::PlanPolicyRequest* request,
    admin::v1::PlanPolicyResponse* response) {
  return AnswerRead(
      calls_, context, request, response,
      [request](FieldFaults* faults) {
        CheckConsistency(request->consistency(), faults);
        internal::v1::Policy policy = ToInternal(request->policy());
        CheckPolicyFields(policy, faults);
        std::vector<policy::PolicyFault> found;  // As CheckPolicyFields did.
        return std::shared_ptr<const policy::CompiledPolicy>(
            policy::CompiledPolicy::Compile(std::move(policy), &found));
      },
      [response](const Ledger& ledger,
                 const std::shared_ptr<const policy::CompiledPolicy>& draft)
          -> std::optional<Refusal> {
        WritePlan(ledger, *draft, response);
        return std::nullopt;
      });
}

grpc::ServerUnaryReactor* PolicyService::ApplyPolicy(
    grpc::CallbackServerContext* context,
    const admin::v1::ApplyPolicyRequest* request,
    admin::v1::ApplyPolicyResponse* response) {
  return calls_->TakeNewWork(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        CheckText(request->comment(), "comment", &faults);
        internal::v1::Command command;
        internal::v1::ApplyPolicy* body = command.mutable_apply_policy();
        body->set_base_version(CheckEtag(request->etag(), &faults));
        *body->mutable_policy() = ToInternal(request->policy());
        body->set_comment(request->comment());
        CheckPolicyFields(body->policy(), &faults);
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        ProposeVersion(calls_, call, *request, &command, response);
      });
}

grpc::ServerUnaryReactor* PolicyService::RollBackPolicy(
    grpc::CallbackServerContext* context,
    const admin::v1::RollBackPolicyRequest* request,
    admin::v1::RollBackPolicyResponse* response) {
  return calls_->TakeNewWork(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        CheckText(request->comment(), "comment", &faults);
        internal::v1::Command command;
        internal::v1::RollBackPolicy* body = command.mutable_roll_back_policy();
        body->set_base_version(CheckEtag(request->etag(), &faults));
        body->set_version(request->version());
        body->set_comment(request->comment());
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        ProposeVersion(calls_, call, *request, &command, response);
      });
}

grpc::ServerUnaryReactor* PolicyService::ListPolicyVersions(
    grpc::CallbackServerContext* context,
    const admin::v1::ListPolicyVersionsRequest* request,
    admin::v1::ListPolicyVersionsResponse* response) {
  return AnswerList(calls_, kVersions, context, request, response,
                    WriteVersions);
}

grpc::ServerUnaryReactor* PolicyService::ExportPolicy(
    grpc::CallbackServerContext* context,
    const admin::v1::ExportPolicyRequest* request,
    admin::v1::ExportPolicyResponse* response) {
  return AnswerRead(
      calls_, context, request, response,
      [request](FieldFaults* faults) {
        CheckFormat(request->format(), faults);
        if (request->format() == admin::v1::POLICY_FORMAT_FLEXNET) {
          faults->Add("format", "an options file cannot say everything");
        }
        CheckConsistency(request->consistency(), faults);
        return request->format();
      },
      [request, response](const Ledger& ledger, admin::v1::PolicyFormat format)
          -> std::optional<Refusal> {
        const PolicyBook& policies = ledger.policies();
        if (auto refusal = RefuseVersion(policies, request->version())) {
          return refusal;
        }
        response->set_document(
            WriteDocument(FindAsked(policies, request->version()), format));
        return std::nullopt;
      });
}

grpc::ServerUnaryReactor* PolicyService::ImportPolicy(
    grpc::CallbackServerContext* context,
    const admin::v1::ImportPolicyRequest* request,
    admin::v1::ImportPolicyResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::optional<UnaryCall> call =
      calls_->Begin(context, reactor, *request);
  if (!call.has_value()) return reactor;
  FieldFaults faults;
  CheckFormat(request->format(), &faults);
  CheckText(request->file_name(), "file_name", &faults);
  if (!faults.empty()) {
    calls_->Refuse(*call, std::move(faults).ToRefusal());
    return reactor;
  }
  const policy::ImportedPolicy imported = ReadDocument(*request);
  if (imported.policy.has_value()) {
    *response->mutable_policy() = ToPublic(*imported.policy);
  }
  for (const policy::ImportRemark& remark : imported.remarks) {
    admin::v1::ImportRemark* added = response->add_remarks();
    added->set_line(remark.line);
    added->set_kind(KindOf(remark.kind));
    added->set_text(remark.text);
  }
  const MemberCalls::Deps& deps = calls_->deps();
  const replication::NodeStatus status = deps.node->Status();
  FillHeader(
      calls_->member(),
      {.term = status.raft.term,
       .index = status.applied,
       .calendar_ms = deps.view->calendar_ms.load(std::memory_order_relaxed)},
      response->mutable_header());
  calls_->Succeed(*call);
  return reactor;
}

}  // namespace quorate::server
