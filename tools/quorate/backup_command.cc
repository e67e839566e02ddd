#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"

#include "backup/backup_file.h"
#include "base/folder.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "tools/quorate/backup_call.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

using backup::BackupHeader;
using backup::BackupParser;

constexpr size_t kPieceBytes = 256 << 10;

// What a backup is, once all of it was checked.
struct Inspection {
  BackupHeader header;
  uint64_t bytes = 0;
  std::string sha256;
};

absl::Status FileError(const std::string& path, absl::string_view what) {
  return absl::UnavailableError(
      absl::StrCat(path, ": ", what, ": ", std::strerror(errno)));
}

// A file that becomes `path` when it is whole and durable, and goes away where
// that does not happen. Thread-compatible.
class UnfinishedFile {
 public:
  explicit UnfinishedFile(std::string path)
      : path_(std::move(path)), unfinished_(absl::StrCat(path_, ".tmp")) {}

  ~UnfinishedFile() {
    if (fd_ < 0) return;
    close(fd_);
    unlink(unfinished_.c_str());
  }

  UnfinishedFile(const UnfinishedFile&) = delete;
  UnfinishedFile& operator=(const UnfinishedFile&) = delete;

  // Begins, or begins again. Nobody else may read what is inside.
  absl::Status Open() {
    if (access(path_.c_str(), F_OK) == 0) {
      return absl::AlreadyExistsError(absl::StrCat(
          path_, " is there already, and no backup is overwritten"));
    }
    if (fd_ >= 0) close(fd_);
    fd_ = open(unfinished_.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC,
               0600);
    return fd_ < 0 ? FileError(unfinished_, "cannot be created")
                   : absl::OkStatus();
  }

  absl::Status Append(absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return FileError(unfinished_, "cannot be written");
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  // A link and not a rename: it fails where a file of this name came meanwhile.
  absl::Status Finish() {
    if (fsync(fd_) != 0) return FileError(unfinished_, "cannot be synced");
    if (link(unfinished_.c_str(), path_.c_str()) != 0) {
      return FileError(path_, "cannot be created");
    }
    return SyncFolder(ParentOf(path_));
  }

 private:
  const std::string path_;
  const std::string unfinished_;
  int fd_ = -1;
};

absl::StatusOr<Inspection> InspectFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::NotFoundError(
        absl::StrCat("cannot read ", path, ": no such file, or no permission"));
  }
  BackupParser parser({});
  std::string piece(kPieceBytes, '\0');
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    QUORATE_RETURN_IF_ERROR(Annotate(
        parser.Add({piece.data(), static_cast<size_t>(file.gcount())}), path));
  }
  if (file.bad()) return absl::UnavailableError(path + ": cannot be read");
  auto sha256 = parser.Finish();
  if (!sha256.ok()) return Annotate(sha256.status(), path);
  return Inspection{.header = *parser.header(),
                    .bytes = parser.bytes(),
                    .sha256 = absl::BytesToHexString(*sha256)};
}

std::string ShowMs(int64_t ms) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixMillis(ms),
                          absl::LocalTimeZone());
}

std::string MembersOf(const BackupHeader& header) {
  return absl::StrJoin(header.members, " ",
                       [](std::string* out, const backup::BackupMember& one) {
                         absl::StrAppend(out, one.name, "=",
                                         one.client_endpoint);
                       });
}

void Print(const Invocation& invocation, const std::string& path,
           const Inspection& found) {
  const BackupHeader& header = found.header;
  if (invocation.output == OutputFormat::kJson) {
    nlohmann::ordered_json members = nlohmann::ordered_json::array();
    for (const backup::BackupMember& member : header.members) {
      members.push_back({{"name", member.name},
                         {"memberId", absl::StrCat(member.id)},
                         {"clientEndpoint", member.client_endpoint}});
    }
    const nlohmann::ordered_json shown = {
        {"file", path},
        {"bytes", absl::StrCat(found.bytes)},
        {"sha256", found.sha256},
        {"clusterId", header.cluster_id},
        {"clusterEpoch", header.cluster_epoch},
        {"index", absl::StrCat(header.index)},
        {"term", absl::StrCat(header.term)},
        {"createdMs", absl::StrCat(header.created_calendar_ms)},
        {"member", header.member},
        {"members", members}};
    std::cout << shown.dump(2) << "\n";
    return;
  }
  std::cout << "file      " << path << "\n"
            << "size      " << found.bytes << " bytes\n"
            << "sha256    " << found.sha256 << "\n"
            << "cluster   " << header.cluster_id << ", epoch "
            << header.cluster_epoch << "\n"
            << "index     " << header.index << " of term " << header.term
            << "\n"
            << "made      " << ShowMs(header.created_calendar_ms) << " by "
            << header.member << "\n"
            << "members   " << MembersOf(header) << "\n";
}

int Create(const Invocation& invocation, const std::string& path, bool local) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  UnfinishedFile file(path);
  std::unique_ptr<BackupParser> parser;
  // Each member that is asked begins the file anew.
  const absl::Status status = FetchBackup(
      *options, local,
      {.begin =
           [&] {
             parser = std::make_unique<BackupParser>(BackupParser::Parts{});
             return file.Open();
           },
       .piece =
           [&](absl::string_view piece) {
             QUORATE_RETURN_IF_ERROR(parser->Add(piece));
             return file.Append(piece);
           }});
  if (!status.ok()) return Fail(invocation, status);
  const auto sha256 = parser->Finish();
  if (!sha256.ok()) return Fail(invocation, sha256.status());
  const absl::Status finished = file.Finish();
  if (!finished.ok()) return Fail(invocation, finished);
  Print(invocation, path,
        {.header = *parser->header(),
         .bytes = parser->bytes(),
         .sha256 = absl::BytesToHexString(*sha256)});
  return kExitOk;
}

int Inspect(const Invocation& invocation, const std::string& path) {
  const auto found = InspectFile(path);
  if (!found.ok()) return Fail(invocation, found.status());
  Print(invocation, path, *found);
  return kExitOk;
}

}  // namespace

void AddBackupCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* backup = app->add_subcommand("backup", "Make and check backups");
  backup->require_subcommand(1);
  const auto path = std::make_shared<std::string>();  // With the callbacks.
  const auto local = std::make_shared<bool>(false);

  CLI::App* create = backup->add_subcommand(
      "create", "Write the whole state of the cluster into a file");
  create->add_option("FILE", *path, "Must not be there yet")->required();
  create->add_flag("--local", *local,
                   "What the member has that answers: may be old, works "
                   "without a quorum");
  create->footer(
      "Checkouts go on meanwhile. Without --local everything is in it that was "
      "acknowledged\nbefore. The file is checked and durable when the command "
      "ends; it holds no keys, but who\nuses what: keep it where other "
      "personal data is kept.\n\nExample: quorate backup create "
      "quorate-2026-11-22.backup");
  create->callback([invocation, path, local] {
    invocation->run = [invocation, path, local] {
      return Create(*invocation, *path, *local);
    };
  });

  CLI::App* inspect =
      backup->add_subcommand("inspect", "Check a backup and say what is in it");
  inspect->add_option("FILE", *path, "The backup")->required();
  inspect->footer(
      "Reads all of the file and needs no cluster. A damaged file ends with "
      "code 1.\n\nExample: quorate backup inspect quorate-2026-11-22.backup");
  inspect->callback([invocation, path] {
    invocation->run = [invocation, path] {
      return Inspect(*invocation, *path);
    };
  });
}

}  // namespace quorate::cli
