#include "server/member_folder.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace quorate::server {
namespace {

namespace fs = std::filesystem;

// Made by a member, or before one, and no reason not to make one.
constexpr const char* kBeside[] = {"reserve", "raft.unfinished", "logs",
                                   "lost+found"};

bool HasHeldMember(const std::string& data_dir) {
  std::error_code error;
  for (const auto& item : fs::directory_iterator(data_dir, error)) {
    if (absl::StartsWith(item.path().filename().string(), kQuarantinePrefix)) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool HoldsMember(const std::string& data_dir) {
  return std::any_of(std::begin(kMemberFolders), std::end(kMemberFolders),
                     [&](const char* name) {
                       std::error_code error;
                       return fs::exists(fs::path(data_dir) / name, error);
                     });
}

absl::Status CheckIsFree(const std::string& data_dir,
                         absl::string_view command) {
  if (HoldsMember(data_dir)) {
    return absl::AlreadyExistsError(absl::StrCat(
        "there is a member in ", data_dir, ". `quorated ", command,
        "` never overwrites. A member that was made before is started by "
        "`quorated run`; what is of no use any more has to be moved away "
        "first."));
  }
  if (HasHeldMember(data_dir)) return absl::OkStatus();
  std::error_code error;
  for (const auto& item : fs::directory_iterator(data_dir, error)) {
    const std::string name = item.path().filename().string();
    if (std::find(std::begin(kBeside), std::end(kBeside), name) !=
        std::end(kBeside)) {
      continue;
    }
    return absl::AlreadyExistsError(absl::StrCat(
        data_dir, " is not empty: there is ", name,
        ", and that is no member's. Give a directory of its own, or move away "
        "what is in it."));
  }
  return absl::OkStatus();
}

}  // namespace quorate::server
