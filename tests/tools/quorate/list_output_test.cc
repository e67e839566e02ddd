// A list of the API becomes CSV with a line for each row and a column for each
// field. By golden texts of filled and empty lists.

#include "tools/quorate/list_output.h"

#include <algorithm>
#include <cstddef>
#include <sstream>
#include <string>

#include "gtest/gtest.h"

#include "quorate/monitoring/v1/monitoring.pb.h"

namespace quorate::cli {
namespace {

using monitoring::v1::ListBorrowsResponse;
using monitoring::v1::ListNamedUsersResponse;

ListNamedUsersResponse Users() {
  ListNamedUsersResponse list;
  list.mutable_header()->set_member("m1");
  auto* user = list.add_users();
  user->set_user("=ann,\"x\"");
  user->set_feature("cad");
  user->set_pool("cad{named}");
  user->mutable_assign_time()->set_seconds(1'700'000'000);
  user->mutable_assign_time()->set_nanos(250'000'000);
  user->set_active(true);
  list.add_users();
  return list;
}

TEST(ListOutputTest, WritesALineForEachRow) {
  const std::string text = CsvOf(Users());
  EXPECT_EQ(text.substr(0, text.find("\r\n")),
            "feature,pool,user,assign_time,active");
  EXPECT_NE(text.find("cad,cad{named},\"'=ann,\"\"x\"\"\",2023-11-14T22:13:20."
                      "250Z,true\r\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\r\n,,,,false\r\n"), std::string::npos) << text;
}

TEST(ListOutputTest, GivesMessagesColumnsAndJoinsWhatRepeats) {
  ListBorrowsResponse list;
  auto* row = list.add_borrows();
  row->mutable_borrow()->set_name("sessions/7");
  row->mutable_client()->set_user("bob");
  const std::string text = CsvOf(list);
  EXPECT_EQ(text.rfind("borrow.name,", 0), 0U) << text;
  EXPECT_NE(text.find(",client.user,"), std::string::npos) << text;
  EXPECT_NE(text.find("\r\nsessions/7,"), std::string::npos) << text;
  // As many cells in every line: none of these has a comma in it.
  const auto commas = [&](size_t from, size_t to) {
    return std::count(text.begin() + static_cast<ptrdiff_t>(from),
                      text.begin() + static_cast<ptrdiff_t>(to), ',');
  };
  const size_t line = text.find("\r\n");
  EXPECT_EQ(commas(0, line), commas(line, text.size()));
}

TEST(ListOutputTest, AnEmptyListHasItsHeadings) {
  EXPECT_EQ(CsvOf(ListNamedUsersResponse()),
            "feature,pool,user,assign_time,active\r\n");
}

TEST(ListOutputTest, ShowsEnumsTimesAndSpans) {
  monitoring::v1::ListPoolsResponse pools;
  auto* pool = pools.add_pools();
  pool->set_model(monitoring::v1::POOL_MODEL_CREDITS);
  EXPECT_NE(CsvOf(pools).find(",CREDITS,"), std::string::npos) << CsvOf(pools);
  google::protobuf::Duration span;
  span.set_seconds(1);
  span.set_nanos(500'000'000);
  EXPECT_EQ(CsvSeconds(span), "1.500");
  EXPECT_EQ(CsvTime({}), "");
}

TEST(ListOutputTest, LeavesTablesToTheirCommands) {
  std::ostringstream out;
  EXPECT_FALSE(PrintForPrograms(OutputFormat::kTable, Users(), out));
  EXPECT_EQ(out.str(), "");
  EXPECT_TRUE(PrintForPrograms(OutputFormat::kJson, Users(), out));
  EXPECT_EQ(out.str().front(), '{');
}

}  // namespace
}  // namespace quorate::cli
