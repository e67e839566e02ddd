// The files of the shared test vectors, as a seeded vendor makes them.

#ifndef QUORATE_TESTS_TRUST_VECTOR_CASES_H_
#define QUORATE_TESTS_TRUST_VECTOR_CASES_H_

#include <cstddef>
#include <string>
#include <vector>

namespace quorate::trust {

// One licence file and what every verifier must say to it.
struct VectorCase {
  std::string name;
  std::string about;
  std::string root_file;  // What is pinned.
  std::string file;       // Without the padding.
  size_t padded_to = 0;   // Line feeds are added up to this size; 0: none.
  std::string verdict;    // "OK", or a word of trust/refusal.h.
};

std::vector<VectorCase> BuildVectorCases();

// The bytes to verify.
std::string PaddedFile(const VectorCase& vector);

}  // namespace quorate::trust

#endif  // QUORATE_TESTS_TRUST_VECTOR_CASES_H_
