#include "tools/foreign/snapshot.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "google/protobuf/timestamp.pb.h"

namespace quorate::foreign {
namespace {

absl::Time TimeOf(const google::protobuf::Timestamp& from) {
  return absl::FromUnixSeconds(from.seconds()) +
         absl::Nanoseconds(from.nanos());
}

// "host:port", the last colon counts.
std::pair<std::string, std::string> Split(absl::string_view endpoint) {
  const size_t colon = endpoint.rfind(':');
  if (colon == absl::string_view::npos) return {std::string(endpoint), "0"};
  return {std::string(endpoint.substr(0, colon)),
          std::string(endpoint.substr(colon + 1))};
}

// Readers of lmstat tell servers apart by their hosts, and end a host at a
// colon.
bool HostsAreNames(const std::vector<Server>& servers) {
  std::set<absl::string_view> seen;
  return absl::c_all_of(servers, [&seen](const Server& server) {
    return !server.host.empty() && !absl::StrContains(server.host, ':') &&
           seen.insert(server.host).second;
  });
}

Grant GrantOf(const admin::v1::License& license,
              const admin::v1::LicenseFeature& feature, absl::Time calendar) {
  Grant grant = {
      .license = std::string(absl::StripPrefix(license.name(), "licenses/")),
      .vendor = license.vendor_id(),
      .customer = license.customer_id(),
      .feature = feature.name(),
      .pool = feature.pool(),
      .count = feature.count(),
      .start = TimeOf(license.start_time()),
      .issued = TimeOf(license.issue_time()),
      .installed = TimeOf(license.install_time())};
  if (license.has_end_time()) grant.end = TimeOf(license.end_time());
  if (feature.has_start_time()) {
    grant.start = std::max(grant.start, TimeOf(feature.start_time()));
  }
  if (feature.has_end_time()) {
    grant.end = std::min(grant.end, TimeOf(feature.end_time()));
  }
  grant.in_force = grant.start <= calendar && calendar < grant.end;
  return grant;
}

// Groups of several kinds are one kind to FlexNet; so is whom several values or
// parts describe, under the name of the rule.
Reservation ReservationOf(const monitoring::v1::Reservation& from) {
  switch (from.field()) {
    case admin::v1::POLICY_FIELD_USER:
      return {.kind = "USER", .name = from.value()};
    case admin::v1::POLICY_FIELD_USER_GROUP:
      return {.kind = "GROUP", .name = from.value()};
    case admin::v1::POLICY_FIELD_HOST:
      return {.kind = "HOST", .name = from.value()};
    case admin::v1::POLICY_FIELD_HOST_GROUP:
      return {.kind = "HOST_GROUP", .name = from.value()};
    case admin::v1::POLICY_FIELD_ADDRESS:
      return {.kind = "INTERNET", .name = from.value()};
    case admin::v1::POLICY_FIELD_PROJECT:
      return {.kind = "PROJECT", .name = from.value()};
    case admin::v1::POLICY_FIELD_DISPLAY:
      return {.kind = "DISPLAY", .name = from.value()};
    default:
      return {.kind = "GROUP", .name = from.rule()};
  }
}

Holder HolderOf(const checkout::v1::ClientDescription& client) {
  return {.user = client.user(),
          .host = client.host(),
          .display = client.display(),
          .application = client.application(),
          .version = client.version(),
          .process_id = client.process_id()};
}

Holder HolderOf(const monitoring::v1::HeldSeat& held) {
  Holder holder = HolderOf(held.client());
  holder.handle = held.seat().handle();
  holder.count = held.seat().count();
  holder.session = held.session();
  holder.since = TimeOf(held.seat().grant_time());
  holder.linger_left = absl::Seconds(held.linger_left().seconds());
  holder.linger = absl::Seconds(held.linger().seconds());
  if (held.kind() == monitoring::v1::SESSION_KIND_BORROW) {
    holder.borrowed = TimeOf(held.borrow_time());
    holder.until = TimeOf(held.until_time());
  }
  return holder;
}

// One that waits for `count` of a feature.
Holder HolderOf(const monitoring::v1::QueuedCheckout& queued, uint64_t count) {
  Holder holder = HolderOf(queued.client());
  holder.handle = queued.place().number();
  holder.queue_position = queued.place().position();
  holder.count = count;
  holder.session = queued.session();
  holder.since = TimeOf(queued.queue_time());
  return holder;
}

absl::flat_hash_map<absl::string_view, Feature*> FeaturesByName(
    Snapshot* snapshot) {
  absl::flat_hash_map<absl::string_view, Feature*> features;
  for (Feature& feature : snapshot->features) {
    features.emplace(feature.name, &feature);
  }
  return features;
}

}  // namespace

bool Feature::Uncounted() const {
  return absl::c_all_of(pools, [](const Pool& pool) { return pool.uncounted; });
}

uint64_t Feature::Issued() const {
  uint64_t issued = 0;
  for (const Pool& pool : pools)
    issued += pool.issued;
  return issued;
}

uint64_t Feature::InUse() const {
  uint64_t in_use = 0;
  for (const Pool& pool : pools)
    in_use += pool.in_use;
  return in_use;
}

uint64_t Feature::Reserved() const {
  uint64_t units = 0;
  for (const Reservation& reservation : reservations) {
    units += reservation.units;
  }
  return units;
}

absl::Time Feature::NextEnd() const {
  absl::Time end = absl::InfiniteFuture();
  for (const Pool& pool : pools)
    end = std::min(end, pool.next_end);
  return end;
}

std::vector<Holder> Feature::Holders() const {
  std::vector<Holder> holders;
  for (const Pool& pool : pools) {
    holders.insert(holders.end(), pool.holders.begin(), pool.holders.end());
  }
  return holders;
}

Server Snapshot::DaemonServer() const {
  for (const Server& server : servers) {
    if (server.leads) return server;
  }
  for (const Server& server : servers) {
    if (server.up) return server;
  }
  return {.port = "0"};
}

std::vector<std::string> Snapshot::Vendors() const {
  std::vector<std::string> vendors;
  for (const Grant& grant : grants) {
    if (!absl::c_linear_search(vendors, grant.vendor)) {
      vendors.push_back(grant.vendor);
    }
  }
  return vendors;
}

std::string Snapshot::VendorOf(const Feature& feature) const {
  for (const Grant& grant : feature.grants) {
    if (grant.in_force) return grant.vendor;
  }
  if (!feature.grants.empty()) return feature.grants[0].vendor;
  return grants.empty() ? "" : grants[0].vendor;
}

void AddStatus(const monitoring::v1::GetClusterStatusResponse& status,
               Snapshot* snapshot) {
  snapshot->cluster_id = status.header().cluster_id();
  snapshot->serving = status.serving();
  for (const monitoring::v1::Member& member : status.members()) {
    auto [host, port] = Split(member.client_endpoint());
    uint64_t id = 0;  // Stays so where a member's id is none.
    (void)absl::SimpleAtoi(member.member_id(), &id);
    snapshot->servers.push_back({.host = std::move(host),
                                 .port = std::move(port),
                                 .id = id,
                                 .up = member.reachable(),
                                 .leads = member.name() == status.leader()});
  }
  if (HostsAreNames(snapshot->servers)) return;
  for (size_t i = 0; i < snapshot->servers.size(); ++i) {
    snapshot->servers[i].host = status.members(static_cast<int>(i)).name();
  }
}

void AddLicenses(const admin::v1::ListLicensesResponse& licenses,
                 Snapshot* snapshot) {
  const absl::Time calendar = TimeOf(licenses.header().calendar_time());
  for (const admin::v1::License& license : licenses.licenses()) {
    for (const admin::v1::LicenseFeature& feature : license.features()) {
      snapshot->grants.push_back(GrantOf(license, feature, calendar));
    }
  }
}

void AddPools(const monitoring::v1::ListPoolsResponse& pools,
              Snapshot* snapshot) {
  absl::flat_hash_map<absl::string_view, std::vector<const Grant*>> grants;
  for (const Grant& grant : snapshot->grants) {
    grants[grant.feature].push_back(&grant);
  }
  std::vector<Feature>& features = snapshot->features;
  absl::flat_hash_map<absl::string_view, size_t> places;
  for (const monitoring::v1::Pool& from : pools.pools()) {
    const auto place = places.try_emplace(from.feature(), features.size());
    if (place.second) {
      features.push_back({.name = from.feature()});
      for (const Grant* grant : grants[from.feature()]) {
        features.back().grants.push_back(*grant);
      }
    }
    Pool pool = {
        .name = from.name(),
        .issued = from.total(),
        // What is used up, or somebody's own, is not to be had again.
        .in_use = from.model() == monitoring::v1::POOL_MODEL_CREDITS ||
                          from.model() == monitoring::v1::POOL_MODEL_NAMED_USERS
                      ? from.used()
                      : from.out(),
        // What takes tokens of another feature has no count of its own.
        .uncounted = from.uncounted() || !from.token_feature().empty(),
        .version = from.version_max(),
        .hosts = {from.hosts().begin(), from.hosts().end()}};
    if (from.has_end_time()) pool.next_end = TimeOf(from.end_time());
    features[place.first->second].pools.push_back(std::move(pool));
  }
}

void AddReservations(
    const monitoring::v1::ListReservationsResponse& reservations,
    Snapshot* snapshot) {
  const auto features = FeaturesByName(snapshot);
  for (const monitoring::v1::Reservation& from : reservations.reservations()) {
    const auto found = features.find(from.feature());
    if (found == features.end()) continue;
    // What is lent anybody may take, and what is not free nobody.
    Feature& feature = *found->second;
    const uint64_t taken = feature.InUse() + feature.Reserved();
    const uint64_t free =
        feature.Issued() > taken ? feature.Issued() - taken : 0;
    const uint64_t unused =
        from.units() > from.used() ? from.units() - from.used() : 0;
    Reservation reservation = ReservationOf(from);
    reservation.units = std::min(unused, free);
    if (from.lend() || reservation.units == 0) continue;
    feature.reservations.push_back(std::move(reservation));
  }
}

void AddQueue(const monitoring::v1::ListQueueResponse& queue,
              Snapshot* snapshot) {
  const auto features = FeaturesByName(snapshot);
  for (const monitoring::v1::QueuedCheckout& queued : queue.checkouts()) {
    for (const checkout::v1::CheckoutItem& item : queued.items()) {
      const auto found = features.find(item.feature());
      if (found == features.end()) continue;
      found->second->waiting.push_back(
          HolderOf(queued, std::max<uint64_t>(item.count(), 1)));
    }
  }
}

void AddSeats(const monitoring::v1::ListSeatsResponse& seats,
              Snapshot* snapshot) {
  const auto features = FeaturesByName(snapshot);
  for (const monitoring::v1::HeldSeat& held : seats.seats()) {
    const auto feature = features.find(held.seat().feature());
    // A pool that came to be after the pools were listed.
    if (feature == features.end()) continue;
    std::vector<Pool>& pools = feature->second->pools;
    const auto pool = absl::c_find_if(
        pools, [&held](const Pool& each) { return each.name == held.pool(); });
    // A pool that came to be after the pools were listed: the first will do.
    Pool& its = pool == pools.end() ? pools.front() : *pool;
    its.holders.push_back(HolderOf(held));
  }
}

}  // namespace quorate::foreign
