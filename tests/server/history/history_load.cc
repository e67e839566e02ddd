// Gives a member a month of checkouts of one feature, which it did not live: to
// measure how long its answers take. The member must not run, and every member
// of the cluster gets the same.
//
//   history_load DATA_DIR END_MS [checkouts]

#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "tests/server/history/recorded_month.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: history_load DATA_DIR END_MS [checkouts]\n";
    return 2;
  }
  const quorate::history::MonthOptions options = {
      .checkouts =
          argc > 3 ? std::strtoull(argv[3], nullptr, 10) : uint64_t{1'000'000},
      .features = 1,
      .until_ms = std::strtoll(argv[2], nullptr, 10)};
  quorate::history::RecordedMonth(argv[1], options).Live();
  return 0;
}
