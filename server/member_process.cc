#include "server/member_process.h"

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "server/disk_room.h"
#include "server/healing.h"
#include "server/log_keeping.h"
#include "server/member_stores.h"
#include "server/server.h"
#include "server/stop_limit.h"

namespace quorate::server {
namespace {

// How often a member that serves looks whether it may go on.
constexpr absl::Duration kLook = absl::Milliseconds(200);

// Waits for a signal, or for `time`; false where one came.
bool Pause(const sigset_t& signals, absl::Duration time) {
  const timespec wait = absl::ToTimespec(time);
  return sigtimedwait(&signals, nullptr, &wait) < 0;
}

// Opens the data when the disk has room for it. CANCELLED where one of
// `signals` came meanwhile.
absl::StatusOr<MemberStores> OpenWithRoom(const Config& config,
                                          const sigset_t& signals) {
  DiskRoom room(config, replication::ReadStatvfs);
  const auto pause = [&signals](absl::Duration time) {
    return Pause(signals, time);
  };
  while (room.WaitForRoom(pause)) {
    absl::StatusOr<MemberStores> stores = OpenMember(config);
    if (!absl::IsResourceExhausted(stores.status())) return stores;
    LogWarn("server", "not_opened",
            {{"error", std::string(stores.status().message())}});
    room.WantMore();
  }
  return absl::CancelledError("stopped");
}

struct Begun {
  std::unique_ptr<Server> server;
  absl::Status status;
  bool of_data = true;  // What `status` is about: else ports, certificates.
};

// The files are read each time: the server keeps them.
Begun Begin(const Config& config, const sigset_t& signals) {
  absl::StatusOr<MemberFiles> files = ReadMemberFiles(config);
  if (!files.ok()) {
    return {.server = nullptr, .status = files.status(), .of_data = false};
  }
  absl::StatusOr<MemberStores> stores = OpenWithRoom(config, signals);
  if (!stores.ok()) return {.server = nullptr, .status = stores.status()};
  absl::StatusOr<std::unique_ptr<Server>> server =
      Server::Start(config, *std::move(files), *std::move(stores));
  if (!server.ok()) {
    return {.server = nullptr,
            .status = server.status(),
            .of_data = absl::IsDataLoss(server.status())};
  }
  return {.server = *std::move(server), .status = absl::OkStatus()};
}

// Until a signal comes, or the other members refuse this one.
absl::Status Serve(Server* server, const sigset_t& signals,
                   StopLimit* stop_limit) {
  while (Pause(signals, kLook)) {
    if (!server->Outlived()) continue;
    server->Stop();
    return absl::DataLossError(
        "the other members have seen a later state of this member: its data "
        "was put back, made anew or copied. It must not vote with it.");
  }
  LogInfo("server", "stopping");
  stop_limit->Begin();
  server->Stop();
  LogInfo(kRunArea, kRunEnds);
  return absl::OkStatus();
}

ExitCode CodeOf(const Begun& begun) {
  if (begun.status.ok()) return kExitOk;
  if (absl::IsCancelled(begun.status)) {
    LogInfo(kRunArea, kRunEnds);
    return kExitOk;
  }
  LogError(kRunArea, kRunFails,
           {{"error", std::string(begun.status.message())}});
  std::fprintf(stderr, "quorated: %s\n",
               std::string(begun.status.message()).c_str());
  if (!begun.of_data) return kExitUnavailable;
  const bool disk = absl::IsUnavailable(begun.status) ||
                    absl::IsResourceExhausted(begun.status) ||
                    absl::IsInternal(begun.status);
  return disk ? kExitDisk : kExitData;
}

}  // namespace

ExitCode RunMember(const Config& config, const MemberFiles& files,
                   const sigset_t& signals) {
  // Goes last: the kept log's end is part of a stop.
  StopLimit stop_limit(&SystemClock(), StopLimit::kLimit);
  const LogKeeping keeping(config);
  const auto pause = [&signals](absl::Duration time) {
    return Pause(signals, time);
  };
  Begun begun = Begin(config, signals);
  while (true) {
    if (begun.status.ok()) {
      begun.status = Serve(begun.server.get(), signals, &stop_limit);
    }
    begun.server.reset();
    if (begun.of_data && NeedsHealing(config, begun.status)) {
      begun.status =
          HealMember(config, files, begun.status, SystemClock(), pause);
      if (begun.status.ok()) {
        begun = Begin(config, signals);
        continue;
      }
    }
    stop_limit.Begin();
    return CodeOf(begun);
  }
}

}  // namespace quorate::server
