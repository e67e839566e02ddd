// What the cluster's alarms mean, for people.

#ifndef QUORATE_TOOLS_QUORATE_ALARMS_H_
#define QUORATE_TOOLS_QUORATE_ALARMS_H_

#include <string>

#include "quorate/monitoring/v1/monitoring.pb.h"

namespace quorate::cli {

// One line: what is wrong, and what to do. By name where this program is older
// than the cluster.
std::string ShowAlarm(const monitoring::v1::Alarm& alarm);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_ALARMS_H_
