// A cluster made by hand, through the API's own messages.

#ifndef QUORATE_TESTS_TOOLS_FOREIGN_SNAPSHOTS_H_
#define QUORATE_TESTS_TOOLS_FOREIGN_SNAPSHOTS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

#include "tools/foreign/snapshot.h"

namespace quorate::foreign {

// One seat that is out, or waited for.
struct SeatOf {
  uint64_t handle;
  std::string feature;
  uint32_t count;
  std::string user;
  std::string host;
  std::string display;
  std::string version;
};

// Thread-compatible.
class ClusterByHand {
 public:
  // Three members, server1 to server3, of which server2 leads, on Thursday,
  // 23 November 2017, 15:08 in Chicago.
  ClusterByHand();

  monitoring::v1::Member* member(int number) {
    return status_.mutable_members(number);
  }

  monitoring::v1::GetClusterStatusResponse* status() { return &status_; }

  // The vendor's id, and when it ends: "" for never, else a civil second in
  // UTC.
  admin::v1::License* AddLicense(const std::string& name,
                                 const std::string& vendor,
                                 const std::string& end);
  void AddFeature(admin::v1::License* license, const std::string& feature,
                  uint32_t count);
  void AddPool(const std::string& feature, uint64_t total, uint64_t out,
               const std::string& end);

  // The last pool that was added.
  monitoring::v1::Pool* pool() { return &*pools_.mutable_pools()->rbegin(); }

  // The last seat that was added.
  monitoring::v1::HeldSeat* seat() {
    return &*seats_.mutable_seats()->rbegin();
  }

  void AddReservation(const std::string& feature, uint64_t units, uint64_t used,
                      admin::v1::PolicyField field, const std::string& value);

  monitoring::v1::ListReservationsResponse* reservations() {
    return &reservations_;
  }

  // Waits since the moment of the snapshot.
  void AddWaiting(const SeatOf& seat, uint64_t position);
  // `since` as a civil second in UTC.
  void AddSeat(const SeatOf& seat, const std::string& since);

  Snapshot Take() const;

 private:
  monitoring::v1::GetClusterStatusResponse status_;
  admin::v1::ListLicensesResponse licenses_;
  monitoring::v1::ListPoolsResponse pools_;
  monitoring::v1::ListReservationsResponse reservations_;
  monitoring::v1::ListQueueResponse queue_;
  monitoring::v1::ListSeatsResponse seats_;
};

}  // namespace quorate::foreign

#endif  // QUORATE_TESTS_TOOLS_FOREIGN_SNAPSHOTS_H_
