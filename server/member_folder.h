// What of a data directory is a member's, and what is not.

#ifndef QUORATE_SERVER_MEMBER_FOLDER_H_
#define QUORATE_SERVER_MEMBER_FOLDER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace quorate::server {

// A member's databases and snapshots. The log last: while it is there, there is
// a member.
inline constexpr const char* kMemberFolders[] = {
    "snapshots", "state.received", "state.replaced", "state", "raft"};

// Folders of data that was put aside (quarantine.h) begin so.
inline constexpr char kQuarantinePrefix[] = "quarantine-";

// True where a member's data is there, sound or not. What else lies beside it
// does not count.
bool HoldsMember(const std::string& data_dir);

// OK where a member can be made there. ALREADY_EXISTS where there is one, or
// something that is no member's: a path that was mistyped must not get one.
// The `lost+found` of a disk of its own is in nobody's way; nor is anything in
// a directory that has held a member, since that one comes back by itself.
// `command` is what was run.
absl::Status CheckIsFree(const std::string& data_dir,
                         absl::string_view command);

}  // namespace quorate::server

#endif  // QUORATE_SERVER_MEMBER_FOLDER_H_
