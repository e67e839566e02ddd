// How quorated ends.

#ifndef QUORATE_SERVER_EXIT_CODE_H_
#define QUORATE_SERVER_EXIT_CODE_H_

namespace quorate::server {

// As in sysexits.h, so that a service manager can tell them apart;
// docs/operations.md says what to do.
enum ExitCode : int {
  kExitOk = 0,
  kExitUsage = 64,
  kExitData = 65,         // Damaged, foreign or missing data.
  kExitUnavailable = 69,  // A port is taken.
  kExitDisk = 70,         // The disk fails.
  kExitRefused = 77,      // The cluster does not let this machine in.
  kExitConfig = 78,
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_EXIT_CODE_H_
