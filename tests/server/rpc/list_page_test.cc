// Filters and page tokens take what they promise and nothing else. Tokens are
// made and read back, and given to the wrong list.

#include "server/rpc/list_page.h"

#include <string>

#include "gtest/gtest.h"

#include "quorate/monitoring/v1/monitoring.pb.h"

#include "server/rpc/page_token.h"

namespace quorate::server {
namespace {

constexpr absl::string_view kFields[] = {"user", "host"};
constexpr ListShape kNumbered = {
    .name = "seats", .order = "handle", .fields = kFields, .numbered = true};
constexpr ListShape kNamed = {
    .name = "pools", .order = "feature", .fields = kFields};

std::string FilterOf(absl::string_view text) {
  FieldFaults faults;
  const ListFilter filter = ParseListFilter(text, kFields, &faults);
  if (!faults.empty()) return "fault";
  return filter.field.empty() ? "all" : filter.field + "|" + filter.value;
}

TEST(ListFilterTest, TakesOneFieldWithOneValue) {
  EXPECT_EQ(FilterOf(""), "all");
  EXPECT_EQ(FilterOf("  "), "all");
  EXPECT_EQ(FilterOf(R"(user="ann")"), "user|ann");
  EXPECT_EQ(FilterOf(R"( host = "b c" )"), "host|b c");
  EXPECT_EQ(FilterOf(R"(user="")"), "user|");
  EXPECT_EQ(FilterOf(R"(user="a\"b\\c")"), "user|a\"b\\c");
  EXPECT_EQ(FilterOf(R"(user="a=b")"), "user|a=b");
}

TEST(ListFilterTest, RefusesEverythingElse) {
  for (const char* bad :
       {"ann", "user=ann", "user", "=\"ann\"", "name=\"ann\"", "user=\"ann",
        "user=ann\"", "user=\"a\"b\"", R"(user="a" AND host="b")",
        R"(user="a\n")", R"(user="a\)", "user=\"", "user!=\"a\"",
        "USER=\"a\""}) {
    EXPECT_EQ(FilterOf(bad), "fault") << bad;
  }
  EXPECT_EQ(FilterOf("user=\"" + std::string(2000, 'a') + "\""), "fault");
}

TEST(PageTokenTest, ComesBackForTheSameListAndFilterOnly) {
  const std::string token = MakePageToken("seats", "f", "key\0x");
  EXPECT_EQ(ParsePageToken("seats", "f", token), "key\0x");
  EXPECT_EQ(ParsePageToken("pools", "f", token), std::nullopt);
  EXPECT_EQ(ParsePageToken("seats", "g", token), std::nullopt);
  EXPECT_EQ(ParsePageToken("seats", "", token), std::nullopt);
  EXPECT_EQ(ParsePageToken("seats", "f", token + "%"), std::nullopt);
  EXPECT_EQ(ParsePageToken("seats", "f", ""), std::nullopt);
  EXPECT_EQ(ParsePageToken("seats", "f", std::string(100'000, 'A')),
            std::nullopt);
  // Where one ends and the other begins is part of it.
  EXPECT_NE(MakePageToken("ab", "c", "k"), MakePageToken("a", "bc", "k"));
}

TEST(PageTokenTest, IsTheSameInEveryVersionAndOnEveryMember) {
  // FNV-1a computed apart, by a few lines of Python.
  EXPECT_EQ(TokenAfter(kNumbered, "", uint64_t{258}),
            "AevKCuJS4bTTAAAAAAAAAQI");
}

TEST(ListPageTest, ReadsAllFields) {
  monitoring::v1::ListSessionsRequest request;
  request.set_page_size(7);
  request.set_filter(R"(user="ann")");
  request.set_page_token(TokenAfter(kNumbered, request.filter(), uint64_t{9}));
  request.set_order_by("handle");
  FieldFaults faults;
  const ListPage page = ReadListPage(kNumbered, request, &faults);
  EXPECT_TRUE(faults.empty());
  EXPECT_EQ(page.size, 7);
  EXPECT_EQ(page.filter.value, "ann");
  EXPECT_EQ(page.after_number, 9U);
}

TEST(ListPageTest, RefusesATokenOfTheWrongKind) {
  monitoring::v1::ListPoolsRequest request;
  request.set_page_token(TokenAfter(kNamed, "", "cad"));
  FieldFaults faults;
  EXPECT_EQ(ReadListPage(kNamed, request, &faults).after_name, "cad");
  EXPECT_TRUE(faults.empty());
  // A name is no number.
  ReadListPage({.name = "pools", .order = "", .fields = {}, .numbered = true},
               request, &faults);
  ASSERT_FALSE(faults.empty());
  EXPECT_EQ(std::move(faults).ToRefusal().fields[0].field, "page_token");
}

}  // namespace
}  // namespace quorate::server
