#include "tests/e2e/test_client.h"

#include <utility>

#include "base/check.h"
#include "base/status.h"

namespace quorate::e2e {

absl::StatusOr<ClientOptions> OptionsFrom(const Environment& environment) {
  ClientOptions options;
  options.endpoints = SplitEndpoints(environment.at("QUORATE_ENDPOINTS"));
  QUORATE_RETURN_IF_ERROR(options.ReadFiles(environment.at("QUORATE_CA"),
                                            environment.at("QUORATE_CERT"),
                                            environment.at("QUORATE_KEY")));
  return options;
}

std::unique_ptr<Client> MakeClient(const Environment& environment) {
  auto options = OptionsFrom(environment);
  QUORATE_CHECK_OK(options.status());
  auto client = Client::Create(*options);
  QUORATE_CHECK_OK(client.status());
  return *std::move(client);
}

}  // namespace quorate::e2e
