// The folder of a path is what the system takes for it, and what cannot be
// synced is an error. Paths of every shape, and folders that are there or not.

#include "base/folder.h"

#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace quorate {
namespace {

TEST(FolderTest, TheFolderOfAPath) {
  EXPECT_EQ(ParentOf("file"), ".");
  EXPECT_EQ(ParentOf("/file"), "/");
  EXPECT_EQ(ParentOf("folder/file"), "folder");
  EXPECT_EQ(ParentOf("./file"), ".");
  EXPECT_EQ(ParentOf("/a/b/file"), "/a/b");
}

TEST(FolderTest, SyncsWhatIsThere) {
  EXPECT_TRUE(SyncFolder(testing::TempDir()).ok());
  const std::string path = testing::TempDir() + "/folder_test_file";
  std::ofstream(path) << "x";
  EXPECT_TRUE(SyncFolder(ParentOf(path)).ok());
  for (const std::string& none : {path, path + ".none"}) {
    const absl::Status status = SyncFolder(none);
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_NE(status.message().find(none), std::string::npos);
  }
}

}  // namespace
}  // namespace quorate
