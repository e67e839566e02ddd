#include "tools/quorate/noun_list.h"

#include <utility>

namespace quorate::cli {

void RunList(CLI::App* noun, CLI::App* list, Invocation* invocation,
             std::function<int()> run) {
  const auto choose = [invocation, run = std::move(run)] {
    invocation->is_list = true;
    invocation->run = run;
  };
  list->callback(choose);
  noun->require_subcommand(0, 1);
  noun->callback([noun, choose] {
    if (noun->get_subcommands().empty()) choose();
  });
}

}  // namespace quorate::cli
