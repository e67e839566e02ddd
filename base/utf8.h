// UTF-8, as RFC 3629 has it: shortest form, no surrogates, at most U+10FFFF.
//
// Every string of our messages must be UTF-8, and a program that sends another
// one gets an error of the transport that explains nothing. So texts from
// outside are looked at before they are put into a message.

#ifndef QUORATE_BASE_UTF8_H_
#define QUORATE_BASE_UTF8_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace quorate {

// Takes the first code point off `text`, which is not empty; none, and nothing
// is taken, where it does not begin with one. Thread-safe.
std::optional<uint32_t> TakeCodePoint(absl::string_view* text);

// True also for an empty text. Thread-safe.
bool IsUtf8(absl::string_view text);

// True for what steers a terminal or turns the order of what is shown around:
// the control characters of ASCII and of ISO 6429's second set, and Unicode's
// separators and marks of direction. Thread-safe.
bool SteersTerminals(uint32_t code_point);

}  // namespace quorate

#endif  // QUORATE_BASE_UTF8_H_
