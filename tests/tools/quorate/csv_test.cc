// Cells are quoted as RFC 4180 says, and none is a formula to a spreadsheet. By
// golden lines.

#include "tools/quorate/csv.h"

#include "gtest/gtest.h"

namespace quorate::cli {
namespace {

TEST(CsvTest, QuotesOnlyWhatMustBe) {
  EXPECT_EQ(CsvLine({"cad", "", "1.5"}), "cad,,1.5\r\n");
  EXPECT_EQ(CsvLine({"a,b", "say \"yes\"", "two\nlines"}),
            "\"a,b\",\"say \"\"yes\"\"\",\"two\nlines\"\r\n");
}

TEST(CsvTest, DefusesFormulas) {
  EXPECT_EQ(CsvLine({"=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)"}),
            "'=cmd|' /C calc'!A0,'+1,'-1,'@SUM(A1)\r\n");
  EXPECT_EQ(CsvLine({"\t=1", "=1,2"}), "'\t=1,\"'=1,2\"\r\n");
  EXPECT_EQ(CsvLine({"a=1", "2026-11-01T08:00:00.000Z"}),
            "a=1,2026-11-01T08:00:00.000Z\r\n");
}

}  // namespace
}  // namespace quorate::cli
