#include "server/rpc/alert_service.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"

#include "base/log.h"
#include "server/rpc/alert_messages.h"
#include "server/rpc/list_call.h"
#include "server/rpc/read_call.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

using licensing::AlertBook;
using licensing::Ledger;

constexpr absl::string_view kAlertFields[] = {"kind"};
constexpr ListShape kAlerts = {.name = "alerts",
                               .order = "number",
                               .fields = kAlertFields,
                               .numbered = true};

void WriteAlerts(const AlertBook& book, const ListPage& page,
                 const admin::v1::ListSentAlertsRequest& request,
                 admin::v1::ListSentAlertsResponse* response) {
  // A word that is no kind passes nothing.
  const internal::v1::AlertKind kind = ParseAlertKind(page.filter.value);
  uint64_t last = 0;
  const AlertBook::Alerts& all = book.alerts();
  auto at = all.upper_bound(page.after_number);
  for (; at != all.end() && response->alerts_size() < page.size; ++at) {
    last = at->first;
    if (!page.filter.field.empty() && at->second.facts().kind() != kind) {
      continue;
    }
    DescribeAlert(at->second, response->add_alerts());
  }
  if (at != all.end()) {
    response->set_next_page_token(TokenAfter(kAlerts, request.filter(), last));
  }
}

template <typename Response>
void WriteSettings(const internal::v1::AlertSettingsRecord& record,
                   Response* response) {
  *response->mutable_settings() = ToPublic(record.settings());
  response->set_etag(absl::StrCat(record.version()));
}

}  // namespace

grpc::ServerUnaryReactor* AlertService::GetAlertSettings(
    grpc::CallbackServerContext* context,
    const admin::v1::GetAlertSettingsRequest* request,
    admin::v1::GetAlertSettingsResponse* response) {
  return AnswerRead(calls_, context, request, response,
                    [view = calls_->deps().view,
                     response](const Ledger&) -> std::optional<Refusal> {
                      const auto& record = view->alerts->settings();
                      WriteSettings(record, response);
                      response->set_changed_by(record.changed_by());
                      if (record.version() != 0) {
                        SetTimestamp(record.changed_calendar_ms(),
                                     response->mutable_change_time());
                      }
                      return std::nullopt;
                    });
}

grpc::ServerUnaryReactor* AlertService::UpdateAlertSettings(
    grpc::CallbackServerContext* context,
    const admin::v1::UpdateAlertSettingsRequest* request,
    admin::v1::UpdateAlertSettingsResponse* response) {
  return calls_->TakeNewWork(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        internal::v1::Command command;
        internal::v1::UpdateAlertSettings* const body =
            command.mutable_update_alert_settings();
        body->set_base_version(CheckAlertEtag(request->etag(), &faults));
        *body->mutable_settings() =
            CheckAlertSettings(request->settings(), &faults);
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        calls_->Propose(call, request->request_id(), &command, response,
                        [view = calls_->deps().view, by = call.principal,
                         response](const licensing::LedgerAnswer& answer) {
                          WriteSettings(view->alerts->settings(), response);
                          if (answer.repeated) return;
                          LogInfo("alerts", "settings_changed",
                                  {{"version", response->etag()}, {"by", by}});
                        });
      });
}

grpc::ServerUnaryReactor* AlertService::SendTestAlert(
    grpc::CallbackServerContext* context,
    const admin::v1::SendTestAlertRequest* request,
    admin::v1::SendTestAlertResponse* response) {
  return calls_->Take(
      context, *request, [this, request, response](const UnaryCall& call) {
        FieldFaults faults;
        CheckRequestId(request->request_id(), &faults);
        CheckAddresses(request->addresses(), &faults);
        if (!faults.empty()) {
          calls_->Refuse(call, std::move(faults).ToRefusal());
          return;
        }
        if (post_ == nullptr) {
          calls_->Refuse(call,
                         {.reason = type::v1::ERROR_REASON_MAIL_NOT_CONFIGURED,
                          .metadata = {{"member", calls_->member().name}}});
          return;
        }
        calls_->CatchUp(
            call, [this, call, request, response](absl::Duration /*timeout*/) {
              Post(call, *request, response);
            });
      });
}

// On the applier thread.
void AlertService::Post(const UnaryCall& call,
                        const admin::v1::SendTestAlertRequest& request,
                        admin::v1::SendTestAlertResponse* response) {
  const LicensingView& view = *calls_->deps().view;
  const internal::v1::AlertSettings& settings =
      view.alerts->settings().settings();
  MailTest test = {
      .request_id = request.request_id(),
      .addresses = {request.addresses().begin(), request.addresses().end()},
      .cluster_name = settings.cluster_name(),
      .done = {}};
  if (test.addresses.empty()) {
    for (const internal::v1::AlertRecipient& each : settings.recipients()) {
      test.addresses.push_back(each.address());
    }
  }
  if (test.addresses.empty()) {
    FieldFaults faults;
    faults.Add("addresses", "must name somebody, as there is no recipient yet");
    calls_->Refuse(call, std::move(faults).ToRefusal());
    return;
  }
  FillHeader(calls_->member(),
             {.term = view.term,
              .index = view.applied,
              .calendar_ms = view.ledger->time().calendar_ms},
             response->mutable_header());
  for (const std::string& address : test.addresses)
    response->add_addresses(address);
  test.done = [this, call, response](const TestMailOutcome& outcome) {
    response->set_accepted(outcome.problem.empty());
    response->set_reply(outcome.reply);
    response->set_problem(outcome.problem);
    response->set_mail_server(outcome.mail_server);
    LogInfo("alerts", "tested",
            {{"by", call.principal},
             {"result",
              outcome.problem.empty() ? outcome.reply : outcome.problem}});
    calls_->Succeed(call);
  };
  if (post_(std::move(test))) return;
  calls_->Refuse(call, RefusalOf(replication::ReadOutcome::kOverloaded));
}

grpc::ServerUnaryReactor* AlertService::ListSentAlerts(
    grpc::CallbackServerContext* context,
    const admin::v1::ListSentAlertsRequest* request,
    admin::v1::ListSentAlertsResponse* response) {
  return AnswerList(calls_, kAlerts, context, request, response,
                    [view = calls_->deps().view](
                        const Ledger& /*ledger*/, const ListPage& page,
                        const admin::v1::ListSentAlertsRequest& asked,
                        admin::v1::ListSentAlertsResponse* answer) {
                      WriteAlerts(*view->alerts, page, asked, answer);
                    });
}

}  // namespace quorate::server
