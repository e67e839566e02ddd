// Text armour: how a document stands in a file or a mail.
//
//   -----BEGIN QUORATE LICENSE-----
//   (lines of 64 base64 characters, the last may be shorter)
//   -----END QUORATE LICENSE-----
//
// The strict form of RFC 7468, section 3, with the labels below. One text for
// one document: lines of another length, padding bits that are not zero, and
// text around it are refused. CRLF and blank lines at the end are not.

#ifndef QUORATE_TRUST_ARMOR_H_
#define QUORATE_TRUST_ARMOR_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace quorate::trust {

enum class ArmorLabel { kRoot, kKeyCertificate, kLicense };

// "QUORATE ROOT", "QUORATE KEY CERTIFICATE", "QUORATE LICENSE".
absl::string_view ToString(ArmorLabel label);

// The label of the first line, none where the text is no armour of ours.
std::optional<ArmorLabel> ArmorLabelOf(absl::string_view text);

std::string Armor(ArmorLabel label, absl::string_view bytes);

// Refusal kSize above kMaxDocumentBytes of text, kForm for anything but armour
// with this label.
absl::StatusOr<std::string> Dearmor(ArmorLabel label, absl::string_view text);

}  // namespace quorate::trust

#endif  // QUORATE_TRUST_ARMOR_H_
