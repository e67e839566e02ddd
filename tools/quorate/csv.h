// Lines of comma-separated values, as RFC 4180 has them.

#ifndef QUORATE_TOOLS_QUORATE_CSV_H_
#define QUORATE_TOOLS_QUORATE_CSV_H_

#include <string>
#include <vector>

namespace quorate::cli {

// The cells, quoted where they must be, and CR LF. Users, hosts and projects
// are the words of whoever asked: a cell that a spreadsheet would take for a
// formula, because it begins with = + - @ or a control character, gets a ' in
// front.
std::string CsvLine(const std::vector<std::string>& cells);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_CSV_H_
