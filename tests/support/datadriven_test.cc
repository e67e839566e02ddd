// Property: scripts are taken apart as written, differences are reported, and
// a rewrite keeps everything but the outputs. Method: scripts in a temporary
// file, run with and without UPDATE_GOLDEN.

#include "tests/support/datadriven.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest-spi.h"
#include "gtest/gtest.h"

namespace quorate {
namespace {

std::string WriteScript(const std::string& text) {
  const std::string path = testing::TempDir() + "/script.txt";
  std::ofstream(path) << text;
  return path;
}

std::string ReadScript(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string Echo(const Directive& directive) {
  if (directive.command == "lines") return "a\n\nb";
  if (directive.command == "silent") return "";
  return absl::AsciiStrToUpper(directive.input);
}

TEST(DataDrivenTest, TakesADirectiveApart) {
  const std::string path =
      WriteScript("do 1 2 flag n=3 list=(4, 5) name=x\ninput\n----\nok\n");
  RunDataDriven(path, [](const Directive& directive) -> std::string {
    EXPECT_EQ(directive.command, "do");
    EXPECT_EQ(directive.Positional(), (std::vector<uint64_t>{1, 2}));
    EXPECT_NE(directive.Find("flag"), nullptr);
    EXPECT_EQ(directive.Find("other"), nullptr);
    EXPECT_EQ(directive.Number("n", 0), 3u);
    EXPECT_EQ(directive.Number("m", 7), 7u);
    EXPECT_EQ(directive.Numbers("list"), (std::vector<uint64_t>{4, 5}));
    EXPECT_EQ(directive.Text("name", ""), "x");
    EXPECT_EQ(directive.input, "input\n");
    return "ok";
  });
}

TEST(DataDrivenTest, AcceptsTheExpectedOutput) {
  RunDataDriven(WriteScript("# Comment.\n\nup\nabc\n----\nABC\n\nsilent\n----\n"
                            "\nlines\n----\n----\na\n\nb\n----\n----\n\n"
                            "up\nx\n----\nX\n"),
                Echo);
}

TEST(DataDrivenTest, ReportsADifference) {
  const std::string path = WriteScript("up\nabc\n----\nabd\n");
  EXPECT_NONFATAL_FAILURE(RunDataDriven(path, Echo), "script.txt:1");
}

TEST(DataDrivenTest, RewritesOutputsOnly) {
  const std::string path =
      WriteScript("# Comment.\nup k=v\nabc\n----\nwrong\n\n\nlines\n----\n");
  setenv("UPDATE_GOLDEN", "1", 1);
  RunDataDriven(path, Echo);
  unsetenv("UPDATE_GOLDEN");
  EXPECT_EQ(ReadScript(path),
            "# Comment.\nup k=v\nabc\n----\nABC\n\n\nlines\n----\n----\na\n\nb"
            "\n----\n----\n");
  RunDataDriven(path, Echo);
}

}  // namespace
}  // namespace quorate
