// The program under test as a shell starts it.

#ifndef QUORATE_TESTS_TOOLS_QUORATE_PROGRAM_H_
#define QUORATE_TESTS_TOOLS_QUORATE_PROGRAM_H_

#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

namespace quorate {

// How a program ended.
struct ProgramResult {
  int exit_code = -1;  // 128 + n where signal n ended it.
  std::string output;  // stdout that was not read before.
  std::string errors;  // stderr.
};

// One run, from the start to Wait. Thread-compatible.
class Program {
 public:
  using Environment = std::map<std::string, std::string>;

  // Starts `words` with exactly this environment and PATH. Its stdin is
  // /dev/null.
  Program(const std::vector<std::string>& words,
          const Environment& environment);
  ~Program();

  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // The next line of stdout, without its end; empty where there is none.
  std::string ReadLine();

  // stderr up to now.
  std::string ErrorsSoFar() const;

  void Signal(int number) const;

  // Waits for the end. Once.
  ProgramResult Wait();

 private:
  pid_t pid_ = -1;
  int output_ = -1;  // Reading end of a pipe.
  int errors_ = -1;  // A file without a name.
};

}  // namespace quorate

#endif  // QUORATE_TESTS_TOOLS_QUORATE_PROGRAM_H_
