#include "tools/foreign/flexnet_words.h"

#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace quorate::foreign {
namespace {

constexpr absl::string_view kPermanent = "permanent(no expiration date)";

template <typename Keep>
std::string Replace(absl::string_view text, Keep keep) {
  std::string word(text);
  for (char& letter : word) {
    if (!keep(letter)) letter = '_';
  }
  return word.empty() ? "_" : word;
}

std::string Clock(const absl::TimeZone::CivilInfo& at) {
  return absl::StrFormat("%d:%02d", at.cs.hour(), at.cs.minute());
}

std::string Weekday(absl::Time time, absl::TimeZone zone) {
  return absl::FormatTime("%a", time, zone);
}

}  // namespace

std::string FlexWord(absl::string_view text) {
  return Replace(text, [](char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return byte > 0x20 && byte != 0x7F;
  });
}

std::string FlexHost(absl::string_view text) {
  return Replace(text, [](char letter) {
    return absl::ascii_isalnum(static_cast<unsigned char>(letter)) ||
           letter == '.' || letter == '-';
  });
}

std::string FlexVendor(absl::string_view text) {
  return Replace(text, [](char letter) {
    return absl::ascii_isalnum(static_cast<unsigned char>(letter));
  });
}

std::vector<std::string> FlexVendors(const std::vector<std::string>& vendors) {
  std::vector<std::string> words;
  for (const std::string& vendor : vendors) {
    std::string word = FlexVendor(vendor);
    if (!absl::c_linear_search(words, word)) words.push_back(std::move(word));
  }
  return words;
}

std::string FlexVersion(absl::string_view text) {
  if (text.size() > 1 && (text[0] == 'v' || text[0] == 'V') &&
      absl::ascii_isdigit(static_cast<unsigned char>(text[1]))) {
    text.remove_prefix(1);
  }
  if (text.empty()) return std::string(kNoVersion);
  return Replace(text, [](char letter) {
    return absl::ascii_isalnum(static_cast<unsigned char>(letter)) ||
           letter == '.';
  });
}

std::string FlexExpiry(absl::Time end, absl::TimeZone zone) {
  if (end == absl::InfiniteFuture()) return std::string(kPermanent);
  const absl::Time last = end - absl::Milliseconds(1);
  const absl::TimeZone::CivilInfo at = zone.At(last);
  return absl::StrCat(at.cs.day(), "-",
                      absl::AsciiStrToLower(absl::FormatTime("%b", last, zone)),
                      "-", at.cs.year());
}

std::string FlexMoment(absl::Time time, absl::TimeZone zone) {
  const absl::TimeZone::CivilInfo at = zone.At(time);
  return absl::StrCat(Weekday(time, zone), " ", at.cs.month(), "/", at.cs.day(),
                      " ", Clock(at));
}

std::string FlexMomentWithYear(absl::Time time, absl::TimeZone zone) {
  const absl::TimeZone::CivilInfo at = zone.At(time);
  return absl::StrCat(Weekday(time, zone), " ", at.cs.month(), "/", at.cs.day(),
                      "/", at.cs.year(), " ", Clock(at));
}

std::string FlexLicenses(uint64_t count) {
  return absl::StrCat(count, count == 1 ? " license" : " licenses");
}

}  // namespace quorate::foreign
