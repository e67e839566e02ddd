#include "tools/quorate/foreign_name.h"

#include <utility>

namespace quorate::cli {
namespace {

// A program whose command goes by its own name.
struct OwnName {
  absl::string_view program;
  absl::string_view command;
};

// Not here: lmutil and rlmutil, whose first word names the tool, as ours does.
constexpr OwnName kOwnNames[] = {
    {"lmstat", "lmstat"}, {"rlmstat", "rlmstat"}, {"DSLicSrv", "dslicsrv"}};

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

std::vector<std::string> WordsUnderName(absl::string_view program,
                                        std::vector<std::string> words) {
  const size_t slash = program.rfind('/');
  if (slash != absl::string_view::npos) program.remove_prefix(slash + 1);
  for (const OwnName& name : kOwnNames) {
    if (program != name.program) continue;
    if (name.command == "dslicsrv") WriteTwoDashes(&words);
    words.insert(words.begin(), std::string(name.command));
    break;
  }
  return words;
}

}  // namespace quorate::cli
