// An XML text, parsed and held against a schema.

#ifndef QUORATE_SERVER_POLICY_FORMATS_XML_DOCUMENT_H_
#define QUORATE_SERVER_POLICY_FORMATS_XML_DOCUMENT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "server/policy_formats/imported_policy.h"

namespace quorate::policy {

// One element of a document, which outlives it. Immutable after construction.
class XmlElement {
 public:
  explicit XmlElement(const void* node) : node_(node) {}

  // Without its namespace.
  std::string name() const;
  uint32_t line() const;
  // Empty where there is none, or an empty one.
  std::string Attribute(const char* name) const;
  bool BooleanAttribute(const char* name) const;
  // All text below it.
  std::string Text() const;
  std::vector<XmlElement> Children() const;
  // The first child of that name.
  std::optional<XmlElement> Child(absl::string_view name) const;

 private:
  const void* node_;  // libxml2's xmlNode; not owned.
};

// Texts come from strangers: one that is no UTF-8, has a document type (and so
// could have entities), is too large or too deep is refused before, or while,
// it is parsed; nothing is ever fetched for it. Immutable after construction.
class XmlDocument {
 public:
  // Null, with the faults by line, where the text is not XML or not of the
  // schema, which is sound.
  static std::unique_ptr<const XmlDocument> Parse(
      absl::string_view text, const char* schema,
      std::vector<ImportRemark>* faults);

  ~XmlDocument();

  XmlDocument(const XmlDocument&) = delete;
  XmlDocument& operator=(const XmlDocument&) = delete;

  XmlElement root() const;

 private:
  explicit XmlDocument(void* document) : document_(document) {}

  void* const document_;  // libxml2's xmlDoc; owned.
};

// Text as it stands between tags and in attributes.
std::string XmlEscaped(absl::string_view text);

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_FORMATS_XML_DOCUMENT_H_
