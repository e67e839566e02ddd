// What a noun of the command line does where no verb stands behind it.

#ifndef QUORATE_TOOLS_QUORATE_NOUN_LIST_H_
#define QUORATE_TOOLS_QUORATE_NOUN_LIST_H_

#include <functional>

#include "CLI/CLI.hpp"

#include "tools/quorate/invocation.h"

namespace quorate::cli {

// `quorate NOUN list` and `quorate NOUN` both run this list. All outlive the
// parsing and the run.
void RunList(CLI::App* noun, CLI::App* list, Invocation* invocation,
             std::function<int()> run);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_NOUN_LIST_H_
