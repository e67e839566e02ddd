#include "tools/quorate/foreign_name.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace quorate::cli {
namespace {

// A program whose command goes by its own name.
struct OwnName {
  absl::string_view program;
  absl::string_view command;
};

constexpr OwnName kOwnNames[] = {{"lmstat", "lmstat"},
                                 {"lmremove", "lmremove"},
                                 {"rlmstat", "rlmstat"},
                                 {"DSLicSrv", "dslicsrv"}};

// Programs whose first word names the tool, as ours does.
constexpr OwnName kToolsOfTools[] = {
    {"lmutil", "lmstat"}, {"lmutil", "lmremove"}, {"rlmutil", "rlmstat"}};

// DSLicSrv writes words behind one dash.
void WriteTwoDashes(std::vector<std::string>* words) {
  for (std::string& word : *words) {
    if (word == "-admin" || word == "-run" || word == "-locale") {
      word.insert(0, "-");
    } else if (word == "-r") {
      word = "--run";
    }
  }
}

}  // namespace

absl::StatusOr<std::vector<std::string>> WordsUnderName(
    absl::string_view program, std::vector<std::string> words) {
  const size_t slash = program.rfind('/');
  if (slash != absl::string_view::npos) program.remove_prefix(slash + 1);
  for (const OwnName& name : kOwnNames) {
    if (program != name.program) continue;
    if (name.command == "dslicsrv") WriteTwoDashes(&words);
    words.insert(words.begin(), std::string(name.command));
    return words;
  }
  std::vector<std::string> here;
  for (const OwnName& name : kToolsOfTools) {
    if (program != name.program) continue;
    if (!words.empty() && words[0] == name.command) return words;
    here.push_back(absl::StrCat("\"", program, " ", name.command, "\""));
  }
  if (!here.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "of ", program, " only ", absl::StrJoin(here, " and "),
        " can be had here; `quorate --help` shows what else there is"));
  }
  return words;
}

}  // namespace quorate::cli
