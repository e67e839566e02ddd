#include "tests/server/mail/mail_sink.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "nlohmann/json.hpp"

namespace quorate::mail {
namespace {

// Python and its library take a while to start on a busy machine.
constexpr absl::Duration kStartLimit = absl::Seconds(60);

// Asks again a few times a second: what is waited for is another process, which
// needs the processor.
template <typename Condition>
bool Await(absl::Duration limit, Condition condition) {
  const Clock& clock = SystemClock();
  const absl::Duration end = clock.SinceBoot() + limit;
  while (!condition()) {
    if (clock.SinceBoot() >= end) return false;
    ::poll(nullptr, 0, 20);
  }
  return true;
}

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

MailSink::MailSink(const std::vector<std::string>& arguments) {
  std::string pattern =
      (std::filesystem::temp_directory_path() / "quorate_mail.XXXXXX").string();
  EXPECT_NE(mkdtemp(pattern.data()), nullptr);
  folder_ = pattern;
  Run(arguments);
}

MailSink::~MailSink() {
  process_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void MailSink::Run(const std::vector<std::string>& arguments) {
  const std::string port_file = folder_ + "/port";
  std::filesystem::remove(port_file);
  std::vector<std::string> words = {QUORATE_DEBIAN_PYTHON, QUORATE_MAIL_SINK,
                                    folder_, "--port", absl::StrCat(port_)};
  words.insert(words.end(), arguments.begin(), arguments.end());
  process_ =
      std::make_unique<e2e::BackgroundCommand>(words, e2e::Environment());
  if (!Await(kStartLimit, [&] { return std::filesystem::exists(port_file); })) {
    ADD_FAILURE() << "mail_sink.py does not start: "
                  << process_->Wait(absl::ZeroDuration()).errors;
    return;
  }
  port_ = std::atoi(Read(port_file).c_str());
}

void MailSink::Restart(const std::vector<std::string>& arguments) {
  process_.reset();
  Run(arguments);
}

std::string MailSink::Url(const std::string& scheme,
                          const std::string& host) const {
  return absl::StrCat(scheme, "://", host, ":", port_);
}

std::vector<KeptLetter> MailSink::Letters() const {
  std::vector<KeptLetter> letters;
  for (int i = 1;; ++i) {
    const std::string path = absl::StrCat(folder_, "/", i, ".json");
    if (!std::filesystem::exists(path)) return letters;
    const auto json = nlohmann::json::parse(Read(path));
    letters.push_back({.sender = json.at("sender"),
                       .recipients = json.at("recipients"),
                       .headers = json.at("headers"),
                       .header_names = json.at("names"),
                       .text = json.at("text"),
                       .raw = json.at("raw"),
                       .tls = json.at("tls"),
                       .user = json.at("user")});
  }
}

std::vector<KeptLetter> MailSink::WaitForLetters(size_t count,
                                                 absl::Duration limit) const {
  Await(limit, [&] { return Letters().size() >= count; });
  return Letters();
}

}  // namespace quorate::mail
