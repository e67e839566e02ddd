#include "client/client_options.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "base/status.h"

namespace quorate {
namespace {

// A PEM file with a chain of certificates has a few KiB; a larger one is the
// wrong file.
constexpr size_t kMaxPemBytes = size_t{256} * 1024;

absl::StatusOr<std::string> ReadPem(const std::string& path,
                                    absl::string_view mark) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::NotFoundError(
        absl::StrCat("cannot read ", path, ": no such file, or no permission"));
  }
  std::string text;
  text.resize(kMaxPemBytes + 1);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxPemBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is too large for a PEM file"));
  }
  if (!absl::StrContains(text, mark)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " has no line \"",
                                                   mark,
                                                   "...\": is it the right "
                                                   "file, in PEM form?"));
  }
  return text;
}

absl::Status CheckEndpoint(absl::string_view endpoint) {
  const size_t colon = endpoint.rfind(':');
  uint32_t port = 0;
  if (colon == absl::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(endpoint.substr(colon + 1), &port) || port == 0 ||
      port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(
        "endpoint \"", endpoint, "\" is not of the form host:port"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Variable(const char* name) {
  // Nothing in this library sets variables.
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  if (value == nullptr || *value == '\0') {
    return absl::InvalidArgumentError(
        absl::StrCat(name,
                     " is not set: load the environment of a cluster first "
                     "(\". DIR/env\" after \"./dev up --dir DIR\")"));
  }
  return std::string(value);
}

}  // namespace

std::vector<std::string> SplitEndpoints(absl::string_view list) {
  std::vector<std::string> endpoints;
  for (absl::string_view part : absl::StrSplit(list, ',')) {
    part = absl::StripAsciiWhitespace(part);
    if (!part.empty()) endpoints.emplace_back(part);
  }
  return endpoints;
}

absl::StatusOr<ClientOptions> ClientOptions::FromEnvironment() {
  ClientOptions options;
  QUORATE_ASSIGN_OR_RETURN(const std::string list,
                           Variable("QUORATE_ENDPOINTS"));
  options.endpoints = SplitEndpoints(list);
  QUORATE_ASSIGN_OR_RETURN(const std::string ca, Variable("QUORATE_CA"));
  QUORATE_ASSIGN_OR_RETURN(const std::string cert, Variable("QUORATE_CERT"));
  QUORATE_ASSIGN_OR_RETURN(const std::string key, Variable("QUORATE_KEY"));
  QUORATE_RETURN_IF_ERROR(options.ReadFiles(ca, cert, key));
  return options;
}

absl::Status ClientOptions::ReadFiles(const std::string& ca,
                                      const std::string& cert,
                                      const std::string& key) {
  QUORATE_ASSIGN_OR_RETURN(ca_pem, ReadPem(ca, "-----BEGIN CERTIFICATE"));
  QUORATE_ASSIGN_OR_RETURN(cert_pem, ReadPem(cert, "-----BEGIN CERTIFICATE"));
  QUORATE_ASSIGN_OR_RETURN(key_pem, ReadPem(key, "PRIVATE KEY-----"));
  return absl::OkStatus();
}

absl::Status ClientOptions::Validate() const {
  if (endpoints.empty()) {
    return absl::InvalidArgumentError("no endpoint is given");
  }
  if (endpoints.size() > kMaxEndpoints) {
    return absl::InvalidArgumentError(
        absl::StrCat("more than ", kMaxEndpoints, " endpoints"));
  }
  for (const std::string& endpoint : endpoints) {
    QUORATE_RETURN_IF_ERROR(CheckEndpoint(endpoint));
  }
  if (ca_pem.empty() || cert_pem.empty() || key_pem.empty()) {
    return absl::InvalidArgumentError(
        "a CA, a certificate and its key are needed");
  }
  if (deadline <= absl::ZeroDuration() || deadline > kMaxDeadline) {
    return absl::InvalidArgumentError(
        absl::StrCat("deadline must be over 0 and at most ",
                     absl::FormatDuration(kMaxDeadline)));
  }
  if (first_attempt <= absl::ZeroDuration() ||
      keep_alive_answer <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        "first_attempt and keep_alive_answer must be over 0");
  }
  return absl::OkStatus();
}

}  // namespace quorate
