// Looks for what is to be told by mail, on the member that leads.

#ifndef QUORATE_SERVER_ALERT_WATCH_H_
#define QUORATE_SERVER_ALERT_WATCH_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "replication/node/node.h"
#include "server/alerts/alert_conditions.h"
#include "server/history/history_view.h"
#include "server/rpc/licensing_view.h"

namespace quorate::server {

// Each look is at the state as it is agreed on, in pages, so that the applier
// does nothing long; at denials, which are on the disk, only now and then. What
// is due is put into the log (RaiseAlerts), and from there it is mailed.
//
// Thread-compatible: one thread calls Look, which waits for the node. Stop it
// before the node.
class AlertWatch {
 public:
  struct Deps {
    replication::Node* node = nullptr;    // Not owned.
    const LicensingView* view = nullptr;  // Not owned.
    const Clock* clock = nullptr;         // Not owned.
  };

  explicit AlertWatch(const Deps& deps) : deps_(deps) {}

  // To be called each few seconds.
  void Look();

 private:
  struct Seen;

  // Features that have denials are many where somebody makes names up, and each
  // look has little time: the next one goes on. Memory: those of an hour that
  // the history tells apart.
  struct DenialsPass {
    std::string feature;  // The last that was read.
    std::vector<alerts::FeatureDenials> found;
  };

  bool Read(Seen* seen);
  bool AwaitRead(const std::function<void()>& look);
  void ReadDenials(alerts::Observation* observation);
  absl::Status ReadOn(history::HistoryView* history);
  void AddHealth(alerts::Observation* observation) const;
  void ReportRoom(size_t room, size_t marks);
  void Raise(const internal::v1::RaiseAlerts& due);

  const Deps deps_;
  alerts::AlertTimers timers_;
  absl::Duration denials_due_;  // Since boot.
  DenialsPass pass_;
  bool full_ = false;  // And it was said.
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_ALERT_WATCH_H_
