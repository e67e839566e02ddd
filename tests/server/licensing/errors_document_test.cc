// docs/errors.md has one row for each reason, and no row for another. The test
// reads the table and compares it with the enum.

#include <fstream>
#include <set>
#include <string>

#include "gtest/gtest.h"

#include "quorate/type/v1/error_reason.pb.h"

namespace quorate::licensing {
namespace {

TEST(ErrorsDocumentTest, HasOneRowForEachReason) {
  std::ifstream document("docs/errors.md");
  ASSERT_TRUE(document.good()) << "run from the root of the tree";
  std::set<std::string> rows;
  std::string line;
  while (std::getline(document, line)) {
    if (line.rfind("| `", 0) != 0) continue;
    const std::string name = line.substr(3, line.find('`', 3) - 3);
    EXPECT_TRUE(rows.insert(name).second) << name << " stands there twice";
  }
  std::set<std::string> reasons;
  const auto* const values = type::v1::ErrorReason_descriptor();
  for (int i = 0; i < values->value_count(); ++i) {
    if (values->value(i)->number() == 0) continue;  // Never sent.
    constexpr char kPrefix[] = "ERROR_REASON_";
    reasons.insert(values->value(i)->name().substr(sizeof(kPrefix) - 1));
  }
  EXPECT_EQ(rows, reasons);
}

}  // namespace
}  // namespace quorate::licensing
