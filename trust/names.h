// The names that may stand in documents.
//
// They end up in file names, in tables on terminals, in mails and in a web
// page, so their characters are few where a program reads them, and harmless
// where a person does.

#ifndef QUORATE_TRUST_NAMES_H_
#define QUORATE_TRUST_NAMES_H_

#include <string>

#include "absl/strings/string_view.h"

namespace quorate::trust {

// [A-Za-z0-9._-], 1 to 64: licences and products.
bool IsDocumentId(absl::string_view name);

// [A-Za-z0-9_-], 1 to 64: features.
bool IsFeatureName(absl::string_view name);

// Vendors and customers, as people write them: UTF-8 of 1 to 128 bytes, no
// control characters, no characters that turn the direction of text or break
// lines, no space at either end.
bool IsPartyName(absl::string_view name);

// A name from a document that may not be believed, for a message: in quotes,
// escaped, cut after 64 bytes.
std::string Quoted(absl::string_view name);

}  // namespace quorate::trust

#endif  // QUORATE_TRUST_NAMES_H_
