// What the layouts of other licence servers show of a cluster.

#ifndef QUORATE_TOOLS_FOREIGN_SNAPSHOT_H_
#define QUORATE_TOOLS_FOREIGN_SNAPSHOT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "quorate/admin/v1/license.pb.h"
#include "quorate/monitoring/v1/monitoring.pb.h"

namespace quorate::foreign {

// One member, as one of a group of licence servers.
struct Server {
  std::string host;
  std::string port;
  uint64_t id = 0;
  bool up = false;
  bool leads = false;
};

// What one licence grants of one feature.
struct Grant {
  std::string license;
  std::string vendor;
  std::string customer;
  std::string feature;
  std::string pool;
  uint64_t count = 0;
  absl::Time start;
  absl::Time end = absl::InfiniteFuture();
  absl::Time issued;
  absl::Time installed;
  bool in_force = false;
};

// One seat that is out, and who has it; or one that is waited for, and by whom.
struct Holder {
  uint64_t handle = 0;          // Of who waits: the number of the place.
  uint64_t queue_position = 0;  // Of who waits, from 1 on.
  uint64_t count = 0;
  std::string user;
  std::string host;
  std::string display;
  std::string application;
  std::string version;
  int64_t process_id = 0;
  std::string session;
  absl::Time since;

  // Of a seat that was given back and stays out: for so long yet, of so long.
  absl::Duration linger_left = absl::ZeroDuration();
  absl::Duration linger = absl::ZeroDuration();

  // Of one that is borrowed: since when, and until when.
  absl::Time borrowed = absl::InfinitePast();
  absl::Time until = absl::InfinitePast();
};

// What is kept of a feature for some, and not in use.
struct Reservation {
  std::string kind;  // In FlexNet's words: "USER", "HOST_GROUP", ...
  std::string name;  // Of whom; of the rule where they are several.
  uint64_t units = 0;
};

// What counts together of a feature.
struct Pool {
  std::string name;
  uint64_t issued = 0;
  uint64_t in_use = 0;
  absl::Time next_end = absl::InfiniteFuture();
  bool uncounted = false;          // As many as are asked for.
  std::string version;             // The newest it covers; empty: all.
  std::vector<std::string> hosts;  // The only ones it is for; none: all.
  std::vector<Holder> holders;
};

// A feature may have several pools, under conditions that differ. Other licence
// servers count them together.
struct Feature {
  std::string name;
  std::vector<Pool> pools;  // At least one.
  std::vector<Grant> grants;
  std::vector<Reservation> reservations;
  std::vector<Holder> waiting;  // Since `since`, by the place's number.

  bool Uncounted() const;  // All of it.
  uint64_t Issued() const;
  uint64_t InUse() const;
  uint64_t Reserved() const;
  absl::Time NextEnd() const;
  std::vector<Holder> Holders() const;
};

// Values only: the formatters see no clock and no network.
struct Snapshot {
  absl::Time taken;
  absl::TimeZone zone;
  std::string cluster_id;
  std::vector<Server> servers;  // By the members' names.
  bool serving = false;
  std::vector<Grant> grants;      // By licence.
  std::vector<Feature> features;  // By name.

  // The server that leads; where none does, the first that is up.
  Server DaemonServer() const;

  // Who sold what is installed, in the order of the licences, each once.
  std::vector<std::string> Vendors() const;

  // Whose the feature is. One, whoever else grants it too: listed under two,
  // its seats would count twice. One that no licence names any more, while
  // seats of it are out, is the first vendor's.
  std::string VendorOf(const Feature& feature) const;
};

// Each takes over what one response says; the status goes first, and the
// licences before the pools, the pools before the rest.
void AddStatus(const monitoring::v1::GetClusterStatusResponse& status,
               Snapshot* snapshot);
void AddLicenses(const admin::v1::ListLicensesResponse& licenses,
                 Snapshot* snapshot);
void AddPools(const monitoring::v1::ListPoolsResponse& pools,
              Snapshot* snapshot);
void AddReservations(
    const monitoring::v1::ListReservationsResponse& reservations,
    Snapshot* snapshot);
void AddQueue(const monitoring::v1::ListQueueResponse& queue,
              Snapshot* snapshot);
void AddSeats(const monitoring::v1::ListSeatsResponse& seats,
              Snapshot* snapshot);

}  // namespace quorate::foreign

#endif  // QUORATE_TOOLS_FOREIGN_SNAPSHOT_H_
