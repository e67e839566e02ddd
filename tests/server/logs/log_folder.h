// A folder for a kept log that is gone at the end of the test.

#ifndef QUORATE_TESTS_SERVER_LOGS_LOG_FOLDER_H_
#define QUORATE_TESTS_SERVER_LOGS_LOG_FOLDER_H_

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "server/logs/log_files.h"

namespace quorate::server {

// Thread-compatible.
class LogFolder {
 public:
  LogFolder() {
    std::string name = absl::StrCat(testing::TempDir(), "logs-XXXXXX");
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }

  ~LogFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }

  LogFolder(const LogFolder&) = delete;
  LogFolder& operator=(const LogFolder&) = delete;

  const std::string& path() const { return path_; }

  void Write(int age, const std::string& bytes) const {
    std::ofstream(LogFilePath(path_, age), std::ios::binary) << bytes;
  }

  void Append(int age, const std::string& bytes) const {
    std::ofstream(LogFilePath(path_, age), std::ios::binary | std::ios::app)
        << bytes;
  }

  std::string Read(int age) const {
    std::ifstream file(LogFilePath(path_, age), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::string path_;
};

}  // namespace quorate::server

#endif  // QUORATE_TESTS_SERVER_LOGS_LOG_FOLDER_H_
