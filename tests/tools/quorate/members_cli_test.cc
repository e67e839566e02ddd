// `quorate members` shows and changes the members, says what to do next, and
// tells a refusal by its exit code. By running the program against scripted
// members.

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "nlohmann/json.hpp"
#include "tests/tools/quorate/cli_fixture.h"

namespace quorate {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;

class MembersCliTest : public CliTest {
 protected:
  ProgramResult Add(const std::string& name, bool promote = false) {
    std::vector<std::string> words = {"members", "add",      name,
                                      "--id",    "444",      "--peer",
                                      "h4:7411", "--client", "h4:7401"};
    if (promote) words.emplace_back("--promote");
    return Run(words);
  }
};

TEST_F(MembersCliTest, EachCommandHasHelpWithAnExample) {
  EXPECT_EQ(Run({"members", "dance"}).exit_code, 2);
  for (const char* command :
       {"list", "add", "promote", "remove", "transfer", "token", "replace"}) {
    const ProgramResult help = Run({"members", command, "--help"});
    EXPECT_EQ(help.exit_code, 0) << command;
    EXPECT_THAT(help.output, HasSubstr("Example: ")) << command;
  }
  EXPECT_EQ(Run({"members", "add", "m4"}).exit_code, 2);
  EXPECT_EQ(Run({"members", "remove"}).exit_code, 2);
}

TEST_F(MembersCliTest, ListsWhatTheLeaderSees) {
  environment_["QUORATE_ENDPOINTS"] =
      absl::StrCat(cluster_.address(1), ",", cluster_.address(0));
  ASSERT_EQ(Add("m4").exit_code, 0);
  const ProgramResult table = Run({"members", "list"});
  EXPECT_EQ(table.exit_code, 0) << table.errors;
  EXPECT_THAT(table.output,
              AllOf(ContainsRegex("m1 +voter +yes +yes +0 "),
                    ContainsRegex("m4 +learner +no +7 +h4:7401 +h4:7411")));
  EXPECT_EQ(Run({"members"}).output, table.output);
  const auto json =
      nlohmann::json::parse(Run({"members", "list", "-o", "json"}).output);
  EXPECT_EQ(json["header"]["member"], "m1");
  EXPECT_EQ(json["members"].size(), 4u);
  EXPECT_EQ(json["members"][3]["part"], "MEMBER_PART_LEARNER");
  EXPECT_EQ(json["members"][3]["memberId"], "444");
  // One that does not lead does not pretend to know.
  environment_["QUORATE_ENDPOINTS"] = cluster_.address(1);
  const ProgramResult local = Run({"members", "list", "--local"});
  EXPECT_THAT(local.output, ContainsRegex("m4 +learner +\\? +\\? "));
}

TEST_F(MembersCliTest, AddsAndPromotes) {
  const ProgramResult added = Add("ready");
  EXPECT_EQ(added.exit_code, 0) << added.errors;
  EXPECT_THAT(added.output, ContainsRegex("ready +learner"));
  EXPECT_THAT(added.errors, AllOf(HasSubstr("start ready now"),
                                  HasSubstr("quorate members promote")));
  const ProgramResult again = Add("ready");
  EXPECT_EQ(again.exit_code, 7);
  EXPECT_THAT(again.errors, AllOf(HasSubstr("MEMBER_EXISTS"),
                                  HasSubstr("quorate members replace")));
  const ProgramResult promoted = Run({"members", "promote", "ready"});
  EXPECT_EQ(promoted.exit_code, 0) << promoted.errors;
  EXPECT_THAT(promoted.output, ContainsRegex("ready +voter"));
  EXPECT_THAT(Add("m5", /*promote=*/true).output,
              ContainsRegex("m5 +catching up"));
  const ProgramResult behind = Run({"members", "promote", "m5"});
  EXPECT_EQ(behind.exit_code, 7);
  EXPECT_THAT(behind.errors, AllOf(HasSubstr("it lacks 7 entries"),
                                   HasSubstr("how far it is behind")));
}

TEST_F(MembersCliTest, RemovesAndSaysWhatIsLeftToDo) {
  const ProgramResult removed = Run({"members", "remove", "m3"});
  EXPECT_EQ(removed.exit_code, 0) << removed.errors;
  EXPECT_THAT(removed.output, IsEmpty());
  EXPECT_THAT(removed.errors, HasSubstr("delete its data directory"));
  EXPECT_EQ(cluster_.membership().members().size(), 2u);
  const ProgramResult lost = Run({"members", "remove", "m2"});
  EXPECT_EQ(lost.exit_code, 7);
  EXPECT_THAT(lost.errors, AllOf(HasSubstr("QUORUM_WOULD_BE_LOST"),
                                 HasSubstr("Bring the members back")));
  const ProgramResult unknown = Run({"members", "remove", "m9"});
  EXPECT_EQ(unknown.exit_code, 5);
  EXPECT_THAT(unknown.errors, HasSubstr("quorate members list"));
}

TEST_F(MembersCliTest, TransfersLeadership) {
  const ProgramResult named = Run({"members", "transfer", "m3"});
  EXPECT_EQ(named.exit_code, 0) << named.errors;
  EXPECT_THAT(named.output, HasSubstr("leader     m3"));
  const ProgramResult any = Run({"members", "transfer", "-o", "json"});
  EXPECT_EQ(nlohmann::json::parse(any.output)["leader"], "m2");
  EXPECT_EQ(Run({"members", "transfer", "m9"}).exit_code, 5);
}

TEST_F(MembersCliTest, MakesTokensAndSaysWhereTheyAreUsed) {
  // The first member cannot, and the next one is asked.
  const ProgramResult made = Run({"members", "token", "m4", "--ttl", "10m"});
  EXPECT_EQ(made.exit_code, 0) << made.errors;
  EXPECT_EQ(made.output, "qjoin1.m4\n");
  EXPECT_THAT(made.errors, AllOf(HasSubstr("within 10m"),
                                 HasSubstr("quorated join --token")));
  const ProgramResult json =
      Run({"members", "token", "m4", "--stay-learner", "-o", "json"});
  const auto token = nlohmann::json::parse(json.output)["joinToken"];
  EXPECT_EQ(token["token"], "qjoin1.m4.learner");
  EXPECT_EQ(token["ttl"], "3600s");
  EXPECT_EQ(Run({"members", "token", "m4", "--ttl", "soon"}).exit_code, 2);
  const ProgramResult replaced = Run({"members", "replace", "m2"});
  EXPECT_EQ(replaced.output, "qjoin1.m2\n");
  EXPECT_EQ(Run({"members", "replace", "m9"}).exit_code, 5);
}

TEST_F(MembersCliTest, SaysWhatToSetWhereNobodyLetsMachinesIn) {
  environment_["QUORATE_ENDPOINTS"] = cluster_.address(0);
  const ProgramResult none =
      Run({"members", "token", "m4", "--timeout", "300ms"});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_THAT(none.errors, HasSubstr("Set [listen] join"));
}

}  // namespace
}  // namespace quorate
