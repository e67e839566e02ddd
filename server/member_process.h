// The life of one member: open, heal, serve, stop.

#ifndef QUORATE_SERVER_MEMBER_PROCESS_H_
#define QUORATE_SERVER_MEMBER_PROCESS_H_

#include <csignal>

#include "server/config.h"
#include "server/exit_code.h"
#include "server/member_files.h"

namespace quorate::server {

// Runs the member until one of `signals`, which every thread blocks, comes. It
// waits for room on the disk before it opens its data, and comes back by itself
// where that is damaged. Says on standard error why it ends otherwise.
ExitCode RunMember(const Config& config, const MemberFiles& files,
                   const sigset_t& signals);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_MEMBER_PROCESS_H_
