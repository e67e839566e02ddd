// What stands in a document, for people and for programs: one tree, printed
// as JSON or as indented lines.
//
// Nothing shown here need be true: whether it is verified stands beside it.

#ifndef QUORATE_TOOLS_VENDOR_DESCRIPTION_H_
#define QUORATE_TOOLS_VENDOR_DESCRIPTION_H_

#include <ostream>

#include "quorate/document/v1/document.pb.h"

#include "nlohmann/json.hpp"

namespace quorate::vendor {

// Field names as in protobuf's JSON, and like there 64-bit numbers as text.
using Description = nlohmann::ordered_json;

enum class OutputFormat { kTable, kJson };

Description Describe(const document::v1::Root& root);
Description Describe(const document::v1::KeyCertificate& certificate);
Description Describe(const document::v1::License& license);

// The ids of the keys that an envelope names, and the hash of its payload.
Description DescribeSignatures(const document::v1::Envelope& envelope);

void Print(const Description& description, OutputFormat format,
           std::ostream& out);

}  // namespace quorate::vendor

#endif  // QUORATE_TOOLS_VENDOR_DESCRIPTION_H_
