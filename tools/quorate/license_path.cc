#include "tools/quorate/license_path.h"

#include <fstream>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "base/status.h"

namespace quorate::cli {
namespace {

// An environment has five lines; what is larger is something else.
constexpr size_t kMaxFileBytes = 64 * 1024;

absl::StatusOr<std::string> EndpointOf(absl::string_view server) {
  const std::vector<absl::string_view> parts = absl::StrSplit(server, '@');
  uint32_t port = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &port) || port == 0 ||
      port > 65535 || parts[1].empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("-c \"", server,
                     "\" is not port@host: write 7401@server1, with the "
                     "port that clients of that member use"));
  }
  return absl::StrCat(parts[1], ":", port);
}

absl::Status ReadServers(absl::string_view list, Invocation* invocation) {
  std::vector<std::string> endpoints;
  for (const absl::string_view server :
       absl::StrSplit(list, absl::ByAnyChar(",:"), absl::SkipEmpty())) {
    QUORATE_ASSIGN_OR_RETURN(std::string endpoint, EndpointOf(server));
    endpoints.push_back(std::move(endpoint));
  }
  invocation->endpoints = absl::StrJoin(endpoints, ",");
  return absl::OkStatus();
}

// A value as a shell would read it, of the forms that people write.
absl::string_view Unquoted(absl::string_view value) {
  value = absl::StripAsciiWhitespace(value);
  for (const char quote : {'\'', '"'}) {
    if (value.size() >= 2 && value.front() == quote && value.back() == quote) {
      return value.substr(1, value.size() - 2);
    }
  }
  return value;
}

// True where the line was one of ours.
bool ReadLine(absl::string_view line, Invocation* invocation) {
  line = absl::StripAsciiWhitespace(line);
  if (absl::ConsumePrefix(&line, "export ")) {
    line = absl::StripLeadingAsciiWhitespace(line);
  }
  const std::vector<absl::string_view> sides =
      absl::StrSplit(line, absl::MaxSplits('=', 1));
  if (sides.size() != 2) return false;
  std::string* target = sides[0] == "QUORATE_ENDPOINTS" ? &invocation->endpoints
                        : sides[0] == "QUORATE_CA"      ? &invocation->ca
                        : sides[0] == "QUORATE_CERT"    ? &invocation->cert
                        : sides[0] == "QUORATE_KEY"     ? &invocation->key
                                                        : nullptr;
  if (target == nullptr) return false;
  *target = std::string(Unquoted(sides[1]));
  return true;
}

}  // namespace

absl::Status ReadLicensePath(const std::string& path, Invocation* invocation) {
  if (absl::StrContains(path, '@')) return ReadServers(path, invocation);
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::NotFoundError(absl::StrCat(
        "-c ", path, ": no such file, or no permission to read it"));
  }
  std::string bytes(kMaxFileBytes, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(file.gcount()));
  bool any = false;
  for (const absl::string_view line : absl::StrSplit(bytes, '\n')) {
    any |= ReadLine(line, invocation);
  }
  if (any) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "-c ", path,
      ": no line of it is QUORATE_ENDPOINTS=, QUORATE_CA=, "
      "QUORATE_CERT= or QUORATE_KEY=. Give the file with the environment of "
      "the cluster, or port@host"));
}

}  // namespace quorate::cli
