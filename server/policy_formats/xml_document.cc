#include "server/policy_formats/xml_document.h"

#include <algorithm>
#include <cstring>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlschemas.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

#include "base/check.h"
#include "base/utf8.h"

namespace quorate::policy {
namespace {

constexpr size_t kMaxXmlFaults = 20;

using Faults = std::vector<ImportRemark>;

template <auto kFree>
struct Deleter {
  template <typename Item>
  void operator()(Item* item) const {
    kFree(item);
  }
};

using XmlParser = std::unique_ptr<xmlParserCtxt, Deleter<xmlFreeParserCtxt>>;
using SchemaParser =
    std::unique_ptr<xmlSchemaParserCtxt, Deleter<xmlSchemaFreeParserCtxt>>;
using Schema = std::unique_ptr<xmlSchema, Deleter<xmlSchemaFree>>;
using SchemaCheck =
    std::unique_ptr<xmlSchemaValidCtxt, Deleter<xmlSchemaFreeValidCtxt>>;

// Nothing is fetched, neither from the network nor from our disk.
xmlParserInputPtr FetchNothing(const char*, const char*, xmlParserCtxtPtr) {
  return nullptr;
}

void InitializeOnce() {
  static const bool initialized = [] {
    xmlInitParser();
    xmlSetExternalEntityLoader(FetchNothing);
    return true;
  }();
  QUORATE_CHECK(initialized);
}

void AddFault(Faults* faults, const xmlError& error) {
  if (faults->size() >= kMaxXmlFaults) return;
  std::string text = error.message == nullptr ? "" : error.message;
  absl::StripTrailingAsciiWhitespace(&text);
  // "{http://…}" before each name says nothing to people.
  text = absl::StrReplaceAll(text, {{"{http://www.3DS.com/DSLS}", ""}});
  faults->push_back(
      {.line = error.line > 0 ? static_cast<uint32_t>(error.line) : 0,
       .text = IsUtf8(text) && !text.empty() ? text : "is not XML"});
}

// The types of libxml2's callbacks; the error is not changed.
void OnParseError(void* context, xmlErrorPtr error) {
  auto* const parser = static_cast<xmlParserCtxt*>(context);
  AddFault(static_cast<Faults*>(parser->_private), *error);
}

void OnSchemaError(void* faults, xmlErrorPtr error) {
  AddFault(static_cast<Faults*>(faults), *error);
}

// What must not even be parsed.
std::optional<std::string> Objection(absl::string_view text) {
  if (text.size() > kMaxPolicyFileBytes) return "the file is larger than 1 MiB";
  if (!IsUtf8(text) || absl::StrContains(text, '\0')) {
    return "the file is not UTF-8";
  }
  // libxml2 counts an element's line in 16 bits: faults would be misplaced.
  if (std::count(text.begin(), text.end(), '\n') >= 0xffff) {
    return "the file has more than 65535 lines";
  }
  if (absl::StrContains(text, "<!DOCTYPE") ||
      absl::StrContains(text, "<!ENTITY")) {
    return "the file must have no document type and no entities";
  }
  return std::nullopt;
}

// Places where a document says that its schema is: not its business.
void RemoveSchemaPlaces(xmlNode* node) {
  for (; node != nullptr; node = node->next) {
    if (node->type != XML_ELEMENT_NODE) continue;
    for (const char* const name :
         {"schemaLocation", "noNamespaceSchemaLocation"}) {
      xmlAttr* const attribute =
          xmlHasNsProp(node, reinterpret_cast<const xmlChar*>(name),
                       reinterpret_cast<const xmlChar*>(
                           "http://www.w3.org/2001/XMLSchema-instance"));
      if (attribute != nullptr) xmlRemoveProp(attribute);
    }
    // The parser has bounded the depth.
    RemoveSchemaPlaces(node->children);
  }
}

void CheckSchema(xmlDoc* document, const char* schema, Faults* faults) {
  const SchemaParser parser(
      xmlSchemaNewMemParserCtxt(schema, static_cast<int>(std::strlen(schema))));
  QUORATE_CHECK(parser != nullptr);
  const Schema parsed(xmlSchemaParse(parser.get()));
  QUORATE_CHECK(parsed != nullptr);
  const SchemaCheck check(xmlSchemaNewValidCtxt(parsed.get()));
  QUORATE_CHECK(check != nullptr);
  xmlSchemaSetValidStructuredErrors(check.get(), OnSchemaError, faults);
  const int result = xmlSchemaValidateDoc(check.get(), document);
  if (result != 0 && faults->empty()) {
    faults->push_back({.text = "the file is not of the schema"});
  }
}

const xmlNode* NodeOf(const void* node) {
  return static_cast<const xmlNode*>(node);
}

std::string TakeText(xmlChar* text) {
  if (text == nullptr) return "";
  std::string taken(reinterpret_cast<const char*>(text));
  xmlFree(text);
  return taken;
}

}  // namespace

std::unique_ptr<const XmlDocument> XmlDocument::Parse(absl::string_view text,
                                                      const char* schema,
                                                      Faults* faults) {
  if (std::optional<std::string> objection = Objection(text)) {
    faults->push_back({.text = *std::move(objection)});
    return nullptr;
  }
  InitializeOnce();
  const XmlParser parser(xmlNewParserCtxt());
  QUORATE_CHECK(parser != nullptr);
  parser->_private = faults;
  parser->sax->serror = OnParseError;
  xmlDoc* const parsed = xmlCtxtReadMemory(
      parser.get(), text.data(), static_cast<int>(text.size()), nullptr,
      "UTF-8", XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
  if (parsed == nullptr) {
    if (faults->empty()) faults->push_back({.text = "is not XML"});
    return nullptr;
  }
  std::unique_ptr<const XmlDocument> document(new XmlDocument(parsed));
  RemoveSchemaPlaces(xmlDocGetRootElement(parsed));
  CheckSchema(parsed, schema, faults);
  return faults->empty() ? std::move(document) : nullptr;
}

XmlDocument::~XmlDocument() {
  xmlFreeDoc(static_cast<xmlDoc*>(document_));
}

XmlElement XmlDocument::root() const {
  return XmlElement(xmlDocGetRootElement(static_cast<xmlDoc*>(document_)));
}

std::string XmlElement::name() const {
  return reinterpret_cast<const char*>(NodeOf(node_)->name);
}

uint32_t XmlElement::line() const {
  const long line = xmlGetLineNo(NodeOf(node_));
  return line > 0 ? static_cast<uint32_t>(line) : 0;
}

std::string XmlElement::Attribute(const char* name) const {
  return TakeText(
      xmlGetNoNsProp(NodeOf(node_), reinterpret_cast<const xmlChar*>(name)));
}

bool XmlElement::BooleanAttribute(const char* name) const {
  // The schema's type lets blanks stand around it.
  const std::string word(absl::StripAsciiWhitespace(Attribute(name)));
  return word == "true" || word == "1";
}

std::string XmlElement::Text() const {
  return TakeText(xmlNodeGetContent(NodeOf(node_)));
}

std::vector<XmlElement> XmlElement::Children() const {
  std::vector<XmlElement> children;
  for (const xmlNode* child = NodeOf(node_)->children; child != nullptr;
       child = child->next) {
    if (child->type == XML_ELEMENT_NODE) children.emplace_back(child);
  }
  return children;
}

std::optional<XmlElement> XmlElement::Child(absl::string_view name) const {
  for (const XmlElement& child : Children()) {
    if (child.name() == name) return child;
  }
  return std::nullopt;
}

std::string XmlEscaped(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

}  // namespace quorate::policy
