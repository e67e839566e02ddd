#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "tools/foreign/lmstat.h"
#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/license_path.h"

namespace quorate::cli {
namespace {

struct LmremoveFlags {
  std::string path;
  bool by_handle = false;
  std::vector<std::string> words;  // Four.
};

// As the words say: FEATURE SERVER PORT HANDLE with -h, else FEATURE USER HOST
// DISPLAY. Names are compared as lmstat shows them.
bool IsMeant(const LmremoveFlags& flags, const monitoring::v1::HeldSeat& held) {
  if (flags.by_handle) {
    uint64_t handle = 0;
    return absl::SimpleAtoi(flags.words[3], &handle) &&
           held.seat().handle() == handle;
  }
  const foreign::LmstatName shown = foreign::LmstatNameOf(
      held.client().user(), held.client().host(), held.client().display());
  return flags.words[1] == shown.user && flags.words[2] == shown.host &&
         flags.words[3] == shown.display;
}

absl::StatusOr<int> Remove(const ClientOptions& options,
                           const LmremoveFlags& flags) {
  Cluster cluster(options);
  QUORATE_ASSIGN_OR_RETURN(
      const auto seats,
      cluster.ListSeats({.filter = FilterFor("feature", flags.words[0])}));
  int removed = 0;
  for (const monitoring::v1::HeldSeat& held : seats.seats()) {
    if (!IsMeant(flags, held)) continue;
    admin::v1::ReleaseSeatRequest request;
    request.set_seat(held.seat().handle());
    request.set_reason("lmremove");
    QUORATE_RETURN_IF_ERROR(cluster.ReleaseSeat(request).status());
    ++removed;
  }
  if (removed == 0) {
    return absl::NotFoundError(absl::StrCat(
        "nobody has such a seat of ", flags.words[0], "; \"lmstat -f ",
        flags.words[0], "\" shows who has which"));
  }
  return removed;
}

int Run(Invocation invocation, const LmremoveFlags& flags) {
  if (!flags.path.empty()) {
    const absl::Status read = ReadLicensePath(flags.path, &invocation);
    if (!read.ok()) return Fail(invocation, read);
  }
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  const auto removed = Remove(*options, flags);
  if (!removed.ok()) return Fail(invocation, removed.status());
  Say(absl::StrCat("took ", *removed, *removed == 1 ? " seat" : " seats",
                   " back"));
  return kExitOk;
}

}  // namespace

void AddLmremoveCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "lmremove", "Take a seat back, as FlexNet's lmremove does");
  // -h is lmremove's own.
  command->set_help_flag("--help", "Print this help message and exit");
  const auto flags = std::make_shared<LmremoveFlags>();  // With the callback.
  command->add_flag("-h", flags->by_handle,
                    "The words are FEATURE SERVER PORT HANDLE");
  command
      ->add_option("WORDS", flags->words,
                   "FEATURE USER HOST DISPLAY, as lmstat shows them")
      ->expected(4)
      ->required();
  command
      ->add_option("-c", flags->path,
                   "Which cluster: port@host,port@host,... or a file with its "
                   "environment; QUORATE_* where not given")
      ->type_name("PATH");
  command->footer(
      "Takes all seats back that the words name, at once. Their applications "
      "are told,\nbut may use them for up to their session's TTL if they do "
      "not hear of it. To end a\nsession in good order: quorate sessions "
      "terminate.\n\nExample: quorate lmremove -h cad server1 7401 18856");
  command->callback([invocation, flags] {
    invocation->run = [invocation, flags] { return Run(*invocation, *flags); };
  });
}

}  // namespace quorate::cli
