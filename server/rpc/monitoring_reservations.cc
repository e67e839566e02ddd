// MonitoringService::ListReservations.

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "server/licensing/policy_book.h"
#include "server/policy/reservations.h"
#include "server/rpc/list_call.h"
#include "server/rpc/monitoring_service.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

using licensing::FeatureView;
using licensing::Ledger;
using licensing::PoolView;

constexpr absl::string_view kFields[] = {"feature"};

constexpr ListShape kReservations = {
    .name = "reservations", .order = "feature", .fields = kFields};

// Features that one call looks at; each may have hundreds of rules.
constexpr size_t kMaxFeaturesOfPage = 100;

// Whom the rule matches, where one value says it.
void DescribeWho(const internal::v1::PolicyRule& rule,
                 monitoring::v1::Reservation* reservation) {
  if (rule.parts_size() != 1 || rule.parts(0).negated() ||
      rule.parts(0).values_size() != 1) {
    return;
  }
  // The numbers are the same.
  reservation->set_field(
      static_cast<admin::v1::PolicyField>(rule.parts(0).field()));
  reservation->set_value(rule.parts(0).values(0));
}

// Those of one feature.
void AddReservations(const Ledger& ledger, const std::string& feature,
                     monitoring::v1::ListReservationsResponse* response) {
  const std::optional<FeatureView> all = ledger.FindFeature(feature);
  if (!all.has_value()) return;
  const licensing::PolicyBook& policies = ledger.policies();
  for (const policy::Reservation& from :
       policy::ReservationsOf(policies.compiled(), policies.use(), feature,
                              all->total, ledger.time().calendar_ms)) {
    const internal::v1::PolicyRule& rule = policies.compiled().rule(from.rule);
    monitoring::v1::Reservation* reservation = response->add_reservations();
    reservation->set_feature(feature);
    reservation->set_rule(rule.name());
    reservation->set_units(from.units);
    reservation->set_used(from.used);
    reservation->set_lend(rule.lend());
    DescribeWho(rule, reservation);
  }
}

void WriteReservations(const Ledger& ledger, const ListPage& page,
                       const monitoring::v1::ListReservationsRequest& request,
                       monitoring::v1::ListReservationsResponse* response) {
  if (ledger.policies().compiled().empty()) return;
  if (!page.filter.field.empty()) {
    AddReservations(ledger, page.filter.value, response);
    return;
  }
  // One more feature tells whether there is a next page.
  const std::vector<PoolView> pools =
      ledger.Pools(page.after_name, kMaxFeaturesOfPage + 1);
  const size_t count = std::min(pools.size(), kMaxFeaturesOfPage);
  size_t i = 0;
  while (i < count && response->reservations_size() < page.size) {
    // Each feature once, at the first of its pools.
    const std::string& feature = pools[i].kind.feature;
    if (ledger.PoolsOfFeature(feature, "", 1)[0].name == pools[i].name) {
      AddReservations(ledger, feature, response);
    }
    ++i;
  }
  if (i > 0 && i < pools.size()) {
    response->set_next_page_token(
        TokenAfter(kReservations, request.filter(), pools[i - 1].name));
  }
}

}  // namespace

grpc::ServerUnaryReactor* MonitoringService::ListReservations(
    grpc::CallbackServerContext* context,
    const monitoring::v1::ListReservationsRequest* request,
    monitoring::v1::ListReservationsResponse* response) {
  return AnswerList(calls_, kReservations, context, request, response,
                    WriteReservations);
}

}  // namespace quorate::server
