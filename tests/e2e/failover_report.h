// What a failover test prints and expects.

#ifndef QUORATE_TESTS_E2E_FAILOVER_REPORT_H_
#define QUORATE_TESTS_E2E_FAILOVER_REPORT_H_

#include <string>
#include <vector>

#include "absl/time/time.h"

#include "tests/e2e/test_cluster.h"
#include "tests/e2e/writers.h"

namespace quorate::e2e {

// All times in order, then least, median and most.
void PrintDistribution(std::vector<absl::Duration> gaps);

void PrintTotals(const WriterTotals& totals);

// The three zeros, no other failure, and that there was load at all.
void ExpectZeros(const WriterTotals& totals);

// Waits until the member serves; false where it did not in time.
bool WaitForService(const TestCluster& cluster, const std::string& name,
                    absl::Duration limit);

// The leader, as soon as the cluster knows one; empty after 30 s without.
std::string WaitForLeader(const TestCluster& cluster);

}  // namespace quorate::e2e

#endif  // QUORATE_TESTS_E2E_FAILOVER_REPORT_H_
