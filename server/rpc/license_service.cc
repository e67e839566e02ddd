#include "server/rpc/license_service.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "server/rpc/license_terms.h"
#include "server/rpc/list_page.h"
#include "server/rpc/read_call.h"
#include "server/rpc/validation.h"
#include "trust/refusal.h"

namespace quorate::server {
namespace {

using internal::v1::LicenseRecord;
using licensing::Ledger;

constexpr absl::string_view kLicenseFields[] = {"name"};
constexpr ListShape kLicenses = {
    .name = "licenses", .order = "name", .fields = kLicenseFields};

// The file stands in the command beside its terms, and a command has a limit;
// the rest is for request id and principal.
constexpr size_t kMaxLicenseCommandBytes = replication::kMaxCommandBytes - 1024;

void CheckLicenseFile(absl::string_view file, FieldFaults* faults) {
  if (file.empty()) {
    faults->Add("license_file", "is required");
  } else if (file.size() > licensing::kMaxLicenseFileBytes) {
    faults->Add("license_file",
                absl::StrCat("has ", file.size(), " bytes; at most ",
                             licensing::kMaxLicenseFileBytes, " are allowed"));
  }
}

Refusal InvalidLicense(const absl::Status& status) {
  Refusal refusal = {
      .reason = type::v1::ERROR_REASON_LICENSE_INVALID,
      .message = absl::StrCat("the licence file cannot be trusted: ",
                              status.message()),
      .fields = {{"license_file", std::string(status.message())}}};
  if (const auto check = trust::RefusalOf(status)) {
    refusal.metadata.emplace_back("check", trust::ToString(*check));
  }
  return refusal;
}

void WriteLicenses(const Ledger& ledger, const ListPage& page,
                   const admin::v1::ListLicensesRequest& request,
                   admin::v1::ListLicensesResponse* response) {
  const int64_t now_ms = ledger.time().calendar_ms;
  if (!page.filter.field.empty()) {
    const LicenseRecord* record =
        ledger.FindLicense(ParseLicenseName(page.filter.value).value_or(""));
    if (record != nullptr) {
      DescribeLicense(*record, now_ms, response->add_licenses());
    }
    return;
  }
  std::string last;
  bool more = false;
  ledger.VisitLicenses(page.after_name, [&](const LicenseRecord& record) {
    more = response->licenses_size() >= page.size;
    if (more) return false;
    last = record.terms().license_id();
    DescribeLicense(record, now_ms, response->add_licenses());
    return true;
  });
  if (more) {
    response->set_next_page_token(
        TokenAfter(kLicenses, request.filter(), last));
  }
}

}  // namespace

grpc::ServerUnaryReactor* LicenseService::InstallLicense(
    grpc::CallbackServerContext* context,
    const admin::v1::InstallLicenseRequest* request,
    admin::v1::InstallLicenseResponse* response) {
  return calls_->TakeNewWork(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        CheckLicenseFile(request->license_file(), &faults);
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        const absl::StatusOr<trust::VerifiedLicense> verified =
            verifier_->Verify(request->license_file());
        if (!verified.ok()) {
          calls_->Refuse(call, InvalidLicense(verified.status()));
          return;
        }
        internal::v1::Command command;
        internal::v1::InstallLicense* body = command.mutable_install_license();
        body->set_license_file(request->license_file());
        body->set_payload_sha256(verified->payload_sha256);
        *body->mutable_terms() = TermsOf(verified->license);
        if (command.ByteSizeLong() > kMaxLicenseCommandBytes) {
          faults.Add("license_file", "is too large together with its terms");
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        calls_->Propose(call, request->request_id(), &command, response,
                        [id = verified->license.license_id(), response,
                         view = calls_->deps().view](
                            const licensing::LedgerAnswer& answer) {
                          const LicenseRecord* record =
                              view->ledger->FindLicense(id);
                          if (record == nullptr)
                            return;  // Gone again, by a later entry.
                          DescribeLicense(*record, answer.time.calendar_ms,
                                          response->mutable_license());
                        });
      });
}

grpc::ServerUnaryReactor* LicenseService::ListLicenses(
    grpc::CallbackServerContext* context,
    const admin::v1::ListLicensesRequest* request,
    admin::v1::ListLicensesResponse* response) {
  return AnswerRead(
      calls_, context, request, response,
      [request](FieldFaults* faults) {
        ListPage page = ReadListPage(kLicenses, *request, faults);
        if (page.filter.field == "name" &&
            !ParseLicenseName(page.filter.value).has_value()) {
          faults->Add("filter", "name must be \"licenses/\" and an id");
        }
        return page;
      },
      [request, response](const Ledger& ledger,
                          const ListPage& page) -> std::optional<Refusal> {
        WriteLicenses(ledger, page, *request, response);
        return std::nullopt;
      });
}

grpc::ServerUnaryReactor* LicenseService::GetLicense(
    grpc::CallbackServerContext* context,
    const admin::v1::GetLicenseRequest* request,
    admin::v1::GetLicenseResponse* response) {
  return AnswerRead(
      calls_, context, request, response,
      [request](FieldFaults* faults) {
        const std::optional<absl::string_view> id =
            ParseLicenseName(request->name());
        if (!id.has_value()) {
          faults->Add("name", "must be \"licenses/\" and an id");
        }
        CheckConsistency(request->consistency(), faults);
        return id.value_or("");
      },
      [response](const Ledger& ledger,
                 absl::string_view id) -> std::optional<Refusal> {
        const LicenseRecord* record = ledger.FindLicense(id);
        if (record == nullptr) {
          return Refusal{.reason = type::v1::ERROR_REASON_LICENSE_NOT_FOUND,
                         .metadata = {{"license", LicenseName(id)}}};
        }
        DescribeLicense(*record, ledger.time().calendar_ms,
                        response->mutable_license());
        response->set_license_file(record->license_file());
        return std::nullopt;
      });
}

}  // namespace quorate::server
