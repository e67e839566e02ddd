#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"

#include "tools/quorate/cluster.h"
#include "tools/quorate/commands.h"
#include "tools/quorate/exit_code.h"
#include "tools/quorate/list_output.h"
#include "tools/quorate/output.h"

namespace quorate::cli {
namespace {

struct PoolsFlags {
  std::string feature;
  bool local = false;
};

// "20", "20+2" with an overdraft.
std::string ShowTotal(const monitoring::v1::Pool& pool) {
  if (pool.overdraft() == 0) return absl::StrCat(pool.total());
  return absl::StrCat(pool.total(), "+", pool.overdraft());
}

std::string ShowPool(const monitoring::v1::Pool& pool) {
  // A member of an older version gives no name.
  return pool.name().empty() ? pool.feature() : pool.name();
}

// What is used does not come back by itself.
bool UsesUp(const monitoring::v1::Pool& pool) {
  return pool.model() == monitoring::v1::POOL_MODEL_CREDITS ||
         pool.model() == monitoring::v1::POOL_MODEL_NAMED_USERS;
}

int Run(const Invocation& invocation, const PoolsFlags& flags) {
  const auto options = OptionsOf(invocation);
  if (!options.ok()) return Fail(invocation, options.status());
  ListQuery query{.local = flags.local};
  if (!flags.feature.empty()) {
    query.filter = FilterFor("feature", flags.feature);
  }
  const auto pools = Cluster(*options).ListPools(query);
  if (!pools.ok()) return Fail(invocation, pools.status());
  if (PrintForPrograms(invocation.output, *pools, std::cout)) return kExitOk;
  Table table({"POOL", "TOTAL", "OUT", "USED", "FREE", "ENDS"});
  for (const auto& pool : pools->pools()) {
    const bool counted = !pool.uncounted() && pool.token_feature().empty();
    table.AddRow({ShowPool(pool), counted ? ShowTotal(pool) : "-",
                  absl::StrCat(pool.out()),
                  UsesUp(pool) ? absl::StrCat(pool.used()) : "-",
                  counted ? absl::StrCat(pool.free()) : "-",
                  ShowTime(pool.end_time())});
  }
  table.Print(std::cout);
  if (pools->pools().empty()) {
    Say(flags.feature.empty()
            ? "no licence is installed: quorate license install FILE"
            : absl::StrCat("no licence has a feature ", flags.feature));
  }
  return kExitOk;
}

}  // namespace

void AddPoolsCommand(CLI::App* app, Invocation* invocation) {
  CLI::App* command = app->add_subcommand(
      "pools", "Show the seats of each feature: total, out, used up, free");
  const auto flags = std::make_shared<PoolsFlags>();  // Shared with callback.
  command->add_option("FEATURE", flags->feature, "Only this feature");
  command->add_flag("--local", flags->local,
                    "What the member has that answers: may be old, works "
                    "without a quorum");
  command->footer("Example: quorate pools cad");
  command->callback([invocation, flags] {
    invocation->is_list = true;
    invocation->run = [invocation, flags] { return Run(*invocation, *flags); };
  });
}

}  // namespace quorate::cli
