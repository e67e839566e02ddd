#include "server/toml_section.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "base/status.h"

#define TOML_EXCEPTIONS 0
#include "toml++/toml.h"

namespace quorate::server {
namespace {

// A broken file shall not scroll the first, real fault away.
constexpr size_t kMaxFaults = 20;

std::string_view ToStd(absl::string_view text) {
  return {text.data(), text.size()};
}

uint32_t LineOf(const toml::node& node) {
  return node.source().begin.line;
}

// Each character beyond ASCII as so many `?` as it has bytes.
std::string AsciiOf(absl::string_view text) {
  std::string ascii(text);
  for (char& c : ascii) {
    if (!absl::ascii_isascii(static_cast<unsigned char>(c))) c = '?';
  }
  return ascii;
}

absl::Status SyntaxFault(absl::string_view file,
                         const toml::parse_error& error) {
  const std::string_view description = error.description();
  return absl::InvalidArgumentError(
      absl::StrCat(file, ":", error.source().begin.line, ": ",
                   absl::string_view(description.data(), description.size())));
}

// Where a character beyond ASCII stands neither in a comment nor in quotes,
// toml++ 3.3 may run into undefined behaviour. A `?` is wrong at just those
// places.
absl::Status CheckBeyondAscii(absl::string_view text, absl::string_view file) {
  const std::string ascii = AsciiOf(text);
  if (ascii == text) return absl::OkStatus();
  const toml::parse_result parsed = toml::parse(ToStd(ascii));
  if (parsed) return absl::OkStatus();
  absl::Status fault = SyntaxFault(file, parsed.error());
  return absl::InvalidArgumentError(absl::StrCat(
      fault.message(),
      " (only comments and quoted values may have characters beyond ASCII; "
      "they are shown as ?)"));
}

}  // namespace

void ConfigFaults::Add(uint32_t line, absl::string_view fault) {
  if (faults_.size() >= kMaxFaults) return;
  faults_.push_back({.line = line, .text = std::string(fault)});
}

absl::Status ConfigFaults::ToStatus() const {
  if (faults_.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(
      faults_, "\n", [this](std::string* out, const ConfigFault& fault) {
        absl::StrAppend(out, file_);
        if (fault.line != 0) absl::StrAppend(out, ":", fault.line);
        absl::StrAppend(out, ": ", fault.text);
      }));
}

// `root` keeps the parsed file alive for all sections of it.
struct TomlSection::Contents {
  std::shared_ptr<const toml::table> root;
  const toml::table* table = nullptr;  // Null where it is missing.
  std::string path;                    // "tls.client", "" for the file.
  ConfigFaults* faults = nullptr;
  std::vector<std::string> known;

  const toml::node* Find(absl::string_view key) {
    known.emplace_back(key);
    return table == nullptr ? nullptr : table->get(ToStd(key));
  }
};

TomlSection::TomlSection(std::unique_ptr<Contents> contents)
    : contents_(std::move(contents)) {}

TomlSection::TomlSection(TomlSection&&) noexcept = default;
TomlSection& TomlSection::operator=(TomlSection&&) noexcept = default;
TomlSection::~TomlSection() = default;

absl::StatusOr<TomlSection> TomlSection::Parse(absl::string_view text,
                                               absl::string_view file,
                                               ConfigFaults* faults) {
  QUORATE_RETURN_IF_ERROR(CheckBeyondAscii(text, file));
  toml::parse_result parsed = toml::parse(ToStd(text));
  if (!parsed) return SyntaxFault(file, parsed.error());
  auto contents = std::make_unique<Contents>();
  contents->root =
      std::make_shared<const toml::table>(std::move(parsed).table());
  contents->table = contents->root.get();
  contents->faults = faults;
  return TomlSection(std::move(contents));
}

std::string TomlSection::PathOf(absl::string_view key) const {
  return contents_->path.empty() ? std::string(key)
                                 : absl::StrCat(contents_->path, ".", key);
}

void TomlSection::Fault(absl::string_view key, absl::string_view fault) {
  const toml::node* node =
      contents_->table == nullptr ? nullptr : contents_->table->get(ToStd(key));
  uint32_t line = 0;
  if (node != nullptr) {
    line = LineOf(*node);
  } else if (contents_->table != nullptr) {
    line = LineOf(*contents_->table);
  }
  contents_->faults->Add(line, absl::StrCat(PathOf(key), " ", fault));
}

std::string TomlSection::RequiredText(absl::string_view key) {
  const toml::node* node = contents_->Find(key);
  if (node == nullptr) {
    // A missing section was reported itself.
    if (contents_->table != nullptr) Fault(key, "is missing");
    return "";
  }
  const std::optional<std::string> text = node->value_exact<std::string>();
  if (!text.has_value() || text->empty()) {
    Fault(key, "must be a text in quotes, not empty");
    return "";
  }
  return *text;
}

std::string TomlSection::TextOr(absl::string_view key,
                                absl::string_view fallback) {
  const toml::node* node = contents_->Find(key);
  if (node == nullptr) return std::string(fallback);
  const std::optional<std::string> text = node->value_exact<std::string>();
  if (!text.has_value()) {
    Fault(key, "must be a text in quotes");
    return std::string(fallback);
  }
  return *text;
}

int64_t TomlSection::IntegerOr(absl::string_view key, int64_t fallback,
                               int64_t least, int64_t most) {
  const toml::node* node = contents_->Find(key);
  if (node == nullptr) return fallback;
  const std::optional<int64_t> number = node->value_exact<int64_t>();
  if (!number.has_value() || *number < least || *number > most) {
    Fault(key, absl::StrCat("must be a number from ", least, " to ", most));
    return fallback;
  }
  return *number;
}

bool TomlSection::BooleanOr(absl::string_view key, bool fallback) {
  const toml::node* node = contents_->Find(key);
  if (node == nullptr) return fallback;
  const std::optional<bool> value = node->value_exact<bool>();
  if (!value.has_value()) Fault(key, "must be true or false");
  return value.value_or(fallback);
}

std::vector<std::string> TomlSection::TextsOrNone(absl::string_view key) {
  const toml::node* node = contents_->Find(key);
  if (node == nullptr) return {};
  if (const auto text = node->value_exact<std::string>()) return {*text};
  std::vector<std::string> texts;
  const toml::array* array = node->as_array();
  if (array != nullptr) {
    for (const toml::node& each : *array) {
      if (auto text = each.value_exact<std::string>()) {
        texts.push_back(*std::move(text));
      }
    }
  }
  if (array == nullptr || texts.size() != array->size()) {
    Fault(key, "must be a text in quotes, or a list of them");
  }
  return texts;
}

uint32_t TomlSection::line() const {
  return contents_->table == nullptr ? 0 : LineOf(*contents_->table);
}

absl::Duration TomlSection::DurationOr(absl::string_view key,
                                       absl::Duration fallback,
                                       absl::Duration least,
                                       absl::Duration most) {
  const toml::node* node = contents_->Find(key);
  if (node == nullptr) return fallback;
  const std::optional<std::string> text = node->value_exact<std::string>();
  absl::Duration span;
  if (!text.has_value() || !absl::ParseDuration(*text, &span) || span < least ||
      span > most) {
    Fault(key, absl::StrCat("must be a time like \"50ms\" from ",
                            absl::FormatDuration(least), " to ",
                            absl::FormatDuration(most)));
    return fallback;
  }
  return span;
}

TomlSection TomlSection::RequiredSection(absl::string_view key) {
  return Below(key, /*required=*/true);
}

TomlSection TomlSection::SectionOr(absl::string_view key) {
  return Below(key, /*required=*/false);
}

TomlSection TomlSection::Below(absl::string_view key, bool required) {
  const toml::node* node = contents_->Find(key);
  auto below = std::make_unique<Contents>();
  below->root = contents_->root;
  below->path = PathOf(key);
  below->faults = contents_->faults;
  if (node != nullptr) below->table = node->as_table();
  if (node != nullptr && below->table == nullptr) {
    Fault(key, "must be a section");
  } else if (node == nullptr && required && contents_->table != nullptr) {
    contents_->faults->Add(
        0, absl::StrCat("section [", PathOf(key), "] is missing"));
  }
  return TomlSection(std::move(below));
}

std::vector<TomlSection> TomlSection::RequiredSections(absl::string_view key) {
  std::vector<TomlSection> sections = SectionsOf(key);
  if (sections.empty() && contents_->table != nullptr) {
    Fault(key, absl::StrCat("must be there: one [[", PathOf(key),
                            "]] section for each member"));
  }
  return sections;
}

std::vector<TomlSection> TomlSection::SectionsOrNone(absl::string_view key) {
  std::vector<TomlSection> sections = SectionsOf(key);
  const bool there =
      contents_->table != nullptr && contents_->table->contains(ToStd(key));
  if (there && sections.empty()) {
    Fault(key, absl::StrCat("must be [[", PathOf(key), "]] sections"));
  }
  return sections;
}

std::vector<TomlSection> TomlSection::SectionsOf(absl::string_view key) {
  std::vector<TomlSection> sections;
  const toml::node* node = contents_->Find(key);
  const toml::array* array = node == nullptr ? nullptr : node->as_array();
  if (array == nullptr || !array->is_array_of_tables()) return sections;
  for (const toml::node& each : *array) {
    auto contents = std::make_unique<Contents>();
    contents->root = contents_->root;
    contents->table = each.as_table();
    contents->path = PathOf(key);
    contents->faults = contents_->faults;
    sections.push_back(TomlSection(std::move(contents)));
  }
  return sections;
}

void TomlSection::Close() {
  if (contents_->table == nullptr) return;
  for (const auto& [key, value] : *contents_->table) {
    const std::string name(key.str());
    const std::vector<std::string>& known = contents_->known;
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    contents_->faults->Add(
        LineOf(value),
        absl::StrCat("unknown key ", PathOf(name), "; known here are ",
                     absl::StrJoin(known, ", ")));
  }
}

}  // namespace quorate::server
