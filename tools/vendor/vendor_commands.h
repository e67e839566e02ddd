// quorate vendor keygen | issue | inspect: the software vendor's commands.
//
// They work on files alone and talk to no cluster.

#ifndef QUORATE_TOOLS_VENDOR_VENDOR_COMMANDS_H_
#define QUORATE_TOOLS_VENDOR_VENDOR_COMMANDS_H_

#include "CLI/CLI.hpp"

namespace quorate::vendor {

// Adds the command `vendor` with its own commands below it. The one that is
// named on the command line runs while `app` parses: what it made or found
// goes to stdout, what went wrong to stderr, and the program's exit code to
// `*exit_code`, which must live as long as `app`: 0 done, 1 failed or not
// verified, 2 wrong use, 4 not permitted, 5 no such file, 7 it exists already
// or the keys do not fit.
void AddVendorCommands(CLI::App* app, int* exit_code);

}  // namespace quorate::vendor

#endif  // QUORATE_TOOLS_VENDOR_VENDOR_COMMANDS_H_
