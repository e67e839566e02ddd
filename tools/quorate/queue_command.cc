#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/list_output.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

struct QueueFlags {
  std::string feature;
  std::string session;
  bool local = false;
};

std::string ItemsOf(const monitoring::v1::QueuedCheckout& queued) {
  std::vector<std::string> items;
  for (const auto& item : queued.items()) {
    items.push_back(absl::StrCat(item.count(), " ", item.feature()));
  }
  return absl::StrJoin(items, " + ");
}

int Run(const Invocation& invocation, const QueueFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  ListQuery query{.local = flags.local};
  if (!flags.feature.empty()) {
    query.filter = FilterFor("feature", flags.feature);
  }
  if (!flags.session.empty()) {
    query.filter = FilterFor("session", flags.session);
  }
  const auto queue = Cluster(*options).ListQueue(query);
  if (!queue.ok()) return Fail(invocation, queue.status());
  if (PrintForPrograms(invocation.output, *queue, std::cout)) return kExitOk;
  Table table({"PLACE", "POSITION", "PRIORITY", "WAITS FOR", "USER", "HOST",
               "PROJECT", "SINCE", "EXPECTED", "GIVES UP IN", "SESSION"});
  for (const auto& queued : queue->checkouts()) {
    table.AddRow({absl::StrCat(queued.place().number()),
                  absl::StrCat(queued.place().position()),
                  absl::StrCat(queued.priority()), ItemsOf(queued),
                  queued.client().user(), queued.client().host(),
                  queued.client().project(), ShowTime(queued.queue_time()),
                  queued.place().has_expected_wait()
                      ? ShowDuration(queued.place().expected_wait())
                      : "",
                  ShowDuration(queued.wait_left()), queued.session()});
  }
  table.Print(std::cout);
  return kExitOk;
}

}  // namespace

void AddQueueCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command =
      app->add_subcommand("queue", "Show who waits for which seats");
  const auto flags = std::make_shared<QueueFlags>();  // Shared with callback.
  CLI::Option* feature =
      command->add_option("FEATURE", flags->feature, "Only for this feature");
  command
      ->add_option("--session", flags->session,
                   "Only of this session, \"sessions/7\"")
      ->excludes(feature);
  command->add_flag("--local", flags->local,
                    "What the member has that answers: may be old, works "
                    "without a quorum");
  command->footer("Example: quorate queue cad");
  command->callback([invocation, flags] {
    invocation->is_list = true;
    invocation->run = [invocation, flags] { return Run(*invocation, *flags); };
  });
}

}  // namespace quorate::cli
