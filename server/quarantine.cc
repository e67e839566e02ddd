#include "server/quarantine.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "base/log.h"
#include "server/member_folder.h"

namespace quorate::server {
namespace {

namespace fs = std::filesystem;

absl::Status Failed(const fs::path& path, const std::error_code& error) {
  return absl::UnavailableError(
      absl::StrCat(path.string(), ": ", error.message()));
}

// A new folder whose name sorts by time.
absl::StatusOr<fs::path> MakeFolder(const fs::path& data_dir, absl::Time now) {
  const std::string time =
      absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone());
  // Several in one second are a member that fails again and again.
  for (int n = 1; n <= 9; ++n) {
    fs::path folder = data_dir / absl::StrCat(kQuarantinePrefix, time, "-", n);
    std::error_code error;
    if (fs::create_directory(folder, error)) return folder;
    if (error) return Failed(folder, error);
  }
  return absl::UnavailableError(
      absl::StrCat(data_dir.string(), " was quarantined too often just now"));
}

absl::Time TimeOf(absl::string_view folder) {
  absl::Time time = absl::InfinitePast();
  absl::ConsumePrefix(&folder, kQuarantinePrefix);
  const absl::string_view text = folder.substr(0, folder.rfind('-'));
  std::string error;
  if (!absl::ParseTime("%E4Y%m%dT%H%M%SZ", text, absl::UTCTimeZone(), &time,
                       &error)) {
    return absl::InfinitePast();
  }
  return time;
}

// The oldest go. A failure is of no consequence but for the room.
void RemoveOlder(const fs::path& data_dir) {
  std::vector<fs::path> folders;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(data_dir, error)) {
    if (absl::StartsWith(item.path().filename().string(), kQuarantinePrefix)) {
      folders.push_back(item.path());
    }
  }
  std::sort(folders.begin(), folders.end());
  for (size_t i = 0; i + kMaxQuarantines < folders.size(); ++i) {
    fs::remove_all(folders[i], error);
  }
}

}  // namespace

absl::StatusOr<std::string> QuarantineMember(const std::string& data_dir,
                                             absl::Time now) {
  const fs::path root(data_dir);
  if (!HoldsMember(data_dir)) {
    return absl::NotFoundError(
        absl::StrCat("there is no member's data in ", data_dir));
  }
  absl::StatusOr<fs::path> folder = MakeFolder(root, now);
  if (!folder.ok()) return folder.status();
  std::error_code error;
  for (const char* name : kMemberFolders) {
    if (!fs::exists(root / name, error)) continue;
    fs::rename(root / name, *folder / name, error);
    if (error) return Failed(root / name, error);
  }
  RemoveOlder(root);
  LogWarn("server", "quarantined", {{"folder", folder->string()}});
  return folder->string();
}

int QuarantinesSince(const std::string& data_dir, absl::Time since) {
  int count = 0;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(data_dir, error)) {
    const std::string name = item.path().filename().string();
    if (absl::StartsWith(name, kQuarantinePrefix) && TimeOf(name) > since)
      ++count;
  }
  return count;
}

}  // namespace quorate::server
