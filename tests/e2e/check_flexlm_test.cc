// Property: monitors that read lmstat see real members as they are: all up, one
// down, too few to serve, none, and up again.
// Method: check_flexlm of Debian's monitoring-plugins-standard, unchanged, over
// our program under the name of lmstat.

#include <filesystem>
#include <fstream>
#include <signal.h>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "tests/e2e/test_cluster.h"

namespace quorate::e2e {
namespace {

using testing::HasSubstr;

constexpr char kPlugins[] = "/usr/lib/nagios/plugins";

// The plugins' own exit codes.
enum Verdict { kOk = 0, kWarning = 1, kCritical = 2 };

class CheckFlexlmTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(
        std::filesystem::exists(absl::StrCat(kPlugins, "/check_flexlm")))
        << "apt-get install monitoring-plugins-standard";
    auto cluster = TestCluster::Start();
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
    // The plugin looks for its settings beside itself: there the path of
    // lmstat stands, which Debian leaves empty.
    plugins_ = absl::StrCat(cluster_->dir(), "/plugins");
    std::filesystem::create_directory(plugins_);
    std::filesystem::create_symlink(absl::StrCat(kPlugins, "/check_flexlm"),
                                    absl::StrCat(plugins_, "/check_flexlm"));
    std::filesystem::create_symlink(ProgramPath("quorate"),
                                    absl::StrCat(plugins_, "/lmstat"));
    std::stringstream settings;
    settings << std::ifstream(absl::StrCat(kPlugins, "/utils.pm")).rdbuf();
    const std::string with_path = absl::StrReplaceAll(
        settings.str(),
        {{"$PATH_TO_LMSTAT  = \"\"",
          absl::StrCat("$PATH_TO_LMSTAT  = \"", plugins_, "/lmstat\"")}});
    ASSERT_NE(with_path, settings.str());
    std::ofstream(absl::StrCat(plugins_, "/utils.pm")) << with_path;
  }

  // With the environment's file alone, as a monitor runs it.
  CommandResult Check() const {
    return RunCommand({absl::StrCat(plugins_, "/check_flexlm"), "-F",
                       absl::StrCat(cluster_->dir(), "/env")});
  }

  // What is seen changes a moment after the members do.
  CommandResult AwaitVerdict(Verdict verdict) const {
    const absl::Duration end = SystemClock().SinceBoot() + absl::Seconds(60);
    CommandResult result = Check();
    while (result.exit_code != verdict && SystemClock().SinceBoot() < end) {
      result = Check();
    }
    EXPECT_EQ(result.exit_code, verdict) << result.output << result.errors;
    return result;
  }

  std::unique_ptr<TestCluster> cluster_;
  std::string plugins_;
};

TEST_F(CheckFlexlmTest, SeesMembersGoAndComeBack) {
  const CommandResult all = AwaitVerdict(kOk);
  EXPECT_THAT(all.output, HasSubstr("License Servers running:m1,m2,m3,"));
  EXPECT_THAT(all.output, HasSubstr("|flexlm::up:3;down:0"));

  const std::string leader = cluster_->Leader();
  ASSERT_FALSE(leader.empty());
  cluster_->Signal(leader, SIGKILL);
  // Until another one leads, none serves.
  const CommandResult one_down = AwaitVerdict(kWarning);
  EXPECT_THAT(one_down.output, HasSubstr("|flexlm::up:2;down:1"));
  EXPECT_THAT(one_down.output, HasSubstr(absl::StrCat("NOT running:", leader)));

  const std::string second = cluster_->Leader();
  ASSERT_FALSE(second.empty());
  cluster_->Signal(second, SIGKILL);
  const CommandResult too_few = AwaitVerdict(kCritical);
  EXPECT_THAT(too_few.output, HasSubstr("|flexlm::up:0;down:3"));

  for (const TestMember& member : cluster_->Members()) {
    if (member.name != leader && member.name != second) {
      cluster_->Signal(member.name, SIGKILL);
    }
  }
  const CommandResult none = AwaitVerdict(kCritical);
  EXPECT_THAT(none.output, HasSubstr("|flexlm::up:0;down:"));
}

TEST_F(CheckFlexlmTest, LmstatShowsTheSeatByItsHandle) {
  BackgroundCommand holder({ProgramPath("quorate"), "checkout", "solver",
                            "--count", "3", "--hold", "forever"},
                           cluster_->environment());
  const absl::Duration end = SystemClock().SinceBoot() + absl::Seconds(30);
  CommandResult shown;
  do {
    shown = cluster_->Quorate({"lmstat", "-f", "solver"});
    ASSERT_EQ(shown.exit_code, 0) << shown.errors;
  } while (!absl::StrContains(shown.output, "Total of 3 licenses in use") &&
           SystemClock().SinceBoot() < end);
  const CommandResult seats = cluster_->Quorate({"seats", "solver"});
  const size_t row = seats.output.find('\n') + 1;
  const std::string handle =
      seats.output.substr(row, seats.output.find(' ', row) - row);
  EXPECT_THAT(shown.output, HasSubstr(absl::StrCat(" ", handle, "), start ")));
  EXPECT_THAT(shown.output, HasSubstr(", 3 licenses\n"));
}

TEST_F(CheckFlexlmTest, LmremoveTakesASeatByWhatLmstatShows) {
  BackgroundCommand holder(
      {ProgramPath("quorate"), "checkout", "solver", "--hold", "forever"},
      cluster_->environment());
  const absl::Duration end = SystemClock().SinceBoot() + absl::Seconds(30);
  CommandResult shown;
  do {
    shown = cluster_->Quorate({"lmstat", "-f", "solver"});
  } while (!absl::StrContains(shown.output, "Total of 1 license in use") &&
           SystemClock().SinceBoot() < end);
  // "    root vm vm (v1.0) (m1/7401 5), start ..."
  const size_t row = shown.output.find("floating license\n\n    ") + 22;
  const std::vector<std::string> words =
      absl::StrSplit(shown.output.substr(row), absl::MaxSplits(' ', 5));
  ASSERT_EQ(words.size(), 6u) << shown.output;
  const std::string handle = words[5].substr(0, words[5].find(')'));
  EXPECT_EQ(
      cluster_->Quorate({"lmremove", "-h", "cad", "m1", "1", handle}).exit_code,
      5);
  const std::vector<std::string> named = {"lmremove", "solver", words[0],
                                          words[1], words[2]};
  const CommandResult removed = cluster_->Quorate(named);
  EXPECT_EQ(removed.exit_code, 0) << removed.errors;
  EXPECT_THAT(removed.errors, HasSubstr("took 1 seat back"));
  EXPECT_THAT(cluster_->Quorate({"lmstat", "-f", "solver"}).output,
              HasSubstr("Total of 0 licenses in use"));
  EXPECT_EQ(cluster_->Quorate(named).exit_code, 5);
}

TEST_F(CheckFlexlmTest, LmstatShowsWhatIsKept) {
  const std::string rules = absl::StrCat(cluster_->dir(), "/rules.toml");
  std::ofstream(rules) << "[[rule]]\nname = \"four\"\nkind = \"reserve\"\n"
                          "feature = \"cad\"\nunits = 4\nhost = \"pc11\"\n";
  const CommandResult applied = cluster_->Quorate({"rules", "apply", rules});
  ASSERT_EQ(applied.exit_code, 0) << applied.errors;
  const CommandResult shown = cluster_->Quorate({"lmstat", "-a"});
  EXPECT_THAT(shown.output,
              HasSubstr("Users of cad:  (Total of 20 licenses issued;  Total "
                        "of 4 licenses in use)\n"));
  EXPECT_THAT(shown.output, HasSubstr("\n\t4 RESERVATIONs for HOST pc11 ("));
}

}  // namespace
}  // namespace quorate::e2e
