// One table of a TOML file, read key by key.

#ifndef QUORATE_SERVER_TOML_SECTION_H_
#define QUORATE_SERVER_TOML_SECTION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace quorate::server {

struct ConfigFault {
  uint32_t line = 0;  // 0: no place.
  std::string text;
};

// What is wrong with a file, each with its place. Thread-compatible.
class ConfigFaults {
 public:
  explicit ConfigFaults(absl::string_view file) : file_(file) {}

  // `line` 0: no place.
  void Add(uint32_t line, absl::string_view fault);

  bool empty() const { return faults_.empty(); }

  const std::vector<ConfigFault>& faults() const { return faults_; }

  // INVALID_ARGUMENT with all of them, a line each.
  absl::Status ToStatus() const;

 private:
  const std::string file_;
  std::vector<ConfigFault> faults_;
};

// A view of one table. Each value that is asked for becomes known; what was
// not asked for is a fault when Close is called. A value that is missing or
// wrong adds a fault and gives a default, so that all faults of a file are
// found at once. Thread-compatible.
class TomlSection {
 public:
  // Parses a file. INVALID_ARGUMENT with its place where it is not TOML.
  static absl::StatusOr<TomlSection> Parse(absl::string_view text,
                                           absl::string_view file,
                                           ConfigFaults* faults);

  TomlSection(TomlSection&&) noexcept;
  TomlSection& operator=(TomlSection&&) noexcept;
  ~TomlSection();

  // A text that must be there and not be empty.
  std::string RequiredText(absl::string_view key);
  std::string TextOr(absl::string_view key, absl::string_view fallback);
  int64_t IntegerOr(absl::string_view key, int64_t fallback, int64_t least,
                    int64_t most);
  bool BooleanOr(absl::string_view key, bool fallback);
  // A text, or a list of them; empty where it is missing.
  std::vector<std::string> TextsOrNone(absl::string_view key);
  absl::Duration DurationOr(absl::string_view key, absl::Duration fallback,
                            absl::Duration least, absl::Duration most);

  // A table below; empty, with a fault where it is required, if it is missing.
  TomlSection RequiredSection(absl::string_view key);
  TomlSection SectionOr(absl::string_view key);
  // An array of tables.
  std::vector<TomlSection> RequiredSections(absl::string_view key);
  std::vector<TomlSection> SectionsOrNone(absl::string_view key);

  // Where the table begins; 0 where it is missing.
  uint32_t line() const;

  // A fault at the place of `key`.
  void Fault(absl::string_view key, absl::string_view fault);

  // Adds a fault for each key that was not asked for.
  void Close();

 private:
  struct Contents;
  explicit TomlSection(std::unique_ptr<Contents> contents);

  TomlSection Below(absl::string_view key, bool required);
  std::vector<TomlSection> SectionsOf(absl::string_view key);
  std::string PathOf(absl::string_view key) const;

  std::unique_ptr<Contents> contents_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_TOML_SECTION_H_
