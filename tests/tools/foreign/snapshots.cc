#include "tests/tools/foreign/snapshots.h"

#include "absl/strings/str_cat.h"

#include "base/check.h"

namespace quorate::foreign {
namespace {

constexpr char kNow[] = "2017-11-23 21:08:00";

absl::Time Utc(const std::string& civil) {
  absl::Time time;
  QUORATE_CHECK(absl::ParseTime("%Y-%m-%d %H:%M:%S", civil, &time, nullptr));
  return time;
}

void Set(const std::string& civil, google::protobuf::Timestamp* timestamp) {
  timestamp->set_seconds(absl::ToUnixSeconds(Utc(civil)));
}

void Describe(const SeatOf& seat, checkout::v1::ClientDescription* client) {
  client->set_user(seat.user);
  client->set_host(seat.host);
  client->set_display(seat.display);
  client->set_version(seat.version);
  client->set_application("pf_sim");
  client->set_process_id(3148728);
}

}  // namespace

ClusterByHand::ClusterByHand() {
  for (int i = 1; i <= 3; ++i) {
    monitoring::v1::Member* member = status_.add_members();
    member->set_name(absl::StrCat("m", i));
    member->set_member_id(absl::StrCat(255 + i));
    member->set_client_endpoint(absl::StrCat("server", i, ".example:740", i));
    member->set_reachable(true);
  }
  status_.set_leader("m2");
  status_.set_serving(true);
  status_.mutable_header()->set_cluster_id("0123456789abcdef0123456789abcdef");
  Set(kNow, licenses_.mutable_header()->mutable_calendar_time());
}

admin::v1::License* ClusterByHand::AddLicense(const std::string& name,
                                              const std::string& vendor,
                                              const std::string& end) {
  admin::v1::License* license = licenses_.add_licenses();
  license->set_name(absl::StrCat("licenses/", name));
  license->set_vendor_id(vendor);
  license->set_customer_id("Example Engineering");
  Set("2016-12-30 10:11:12", license->mutable_issue_time());
  Set("2017-01-01 00:00:00", license->mutable_start_time());
  Set("2017-01-02 13:14:15", license->mutable_install_time());
  if (!end.empty()) Set(end, license->mutable_end_time());
  return license;
}

void ClusterByHand::AddFeature(admin::v1::License* license,
                               const std::string& feature, uint32_t count) {
  admin::v1::LicenseFeature* row = license->add_features();
  row->set_name(feature);
  row->set_count(count);
}

void ClusterByHand::AddPool(const std::string& feature, uint64_t total,
                            uint64_t out, const std::string& end) {
  monitoring::v1::Pool* pool = pools_.add_pools();
  pool->set_feature(feature);
  pool->set_name(feature);
  pool->set_total(total);
  pool->set_out(out);
  pool->set_free(out < total ? total - out : 0);
  if (!end.empty()) Set(end, pool->mutable_end_time());
}

void ClusterByHand::AddReservation(const std::string& feature, uint64_t units,
                                   uint64_t used, admin::v1::PolicyField field,
                                   const std::string& value) {
  monitoring::v1::Reservation* row = reservations_.add_reservations();
  row->set_feature(feature);
  row->set_rule(absl::StrCat("rule ", reservations_.reservations_size()));
  row->set_units(units);
  row->set_used(used);
  row->set_field(field);
  row->set_value(value);
}

void ClusterByHand::AddSeat(const SeatOf& seat, const std::string& since) {
  monitoring::v1::HeldSeat* held = seats_.add_seats();
  held->mutable_seat()->set_handle(seat.handle);
  held->mutable_seat()->set_feature(seat.feature);
  held->mutable_seat()->set_count(seat.count);
  Set(since, held->mutable_seat()->mutable_grant_time());
  held->set_session("sessions/7");
  Describe(seat, held->mutable_client());
}

void ClusterByHand::AddWaiting(const SeatOf& seat, uint64_t position) {
  monitoring::v1::QueuedCheckout* queued = queue_.add_checkouts();
  queued->mutable_place()->set_number(seat.handle);
  queued->mutable_place()->set_position(position);
  queued->set_session("sessions/8");
  queued->add_items()->set_feature(seat.feature);
  queued->mutable_items(0)->set_count(seat.count);
  Set(kNow, queued->mutable_queue_time());
  Describe(seat, queued->mutable_client());
}

Snapshot ClusterByHand::Take() const {
  Snapshot snapshot;
  snapshot.taken = Utc(kNow);
  QUORATE_CHECK(absl::LoadTimeZone("America/Chicago", &snapshot.zone));
  AddStatus(status_, &snapshot);
  AddLicenses(licenses_, &snapshot);
  AddPools(pools_, &snapshot);
  AddReservations(reservations_, &snapshot);
  AddSeats(seats_, &snapshot);
  AddQueue(queue_, &snapshot);
  return snapshot;
}

}  // namespace quorate::foreign
