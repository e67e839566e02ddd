// Only one client identity of this cluster makes a principal. Lists of
// alternative names are given as a certificate would have them.

#include "server/rpc/authentication.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace quorate::server {
namespace {

constexpr char kPrefix[] = "quorate://0123456789abcdef0123456789abcdef/client/";

std::string PrincipalOf(const std::vector<std::string>& uris) {
  const ClientAuthenticator authenticator("0123456789abcdef0123456789abcdef");
  const std::vector<absl::string_view> views(uris.begin(), uris.end());
  const auto principal = authenticator.PrincipalOf(views);
  if (principal.ok()) return *principal;
  EXPECT_EQ(principal.status().code(), absl::StatusCode::kUnauthenticated);
  return "";
}

std::string Client(const std::string& name) {
  return kPrefix + name;
}

TEST(AuthenticationTest, TakesTheClientsUri) {
  EXPECT_EQ(PrincipalOf({Client("alice")}), Client("alice"));
  EXPECT_EQ(PrincipalOf({"https://example.com", Client("a.b-c_d@e+f1")}),
            Client("a.b-c_d@e+f1"));
}

TEST(AuthenticationTest, RefusesEverythingElse) {
  EXPECT_EQ(PrincipalOf({}), "");
  EXPECT_EQ(PrincipalOf({Client("")}), "");
  EXPECT_EQ(PrincipalOf({Client("a b")}), "");
  EXPECT_EQ(PrincipalOf({Client("a/b")}), "");
  EXPECT_EQ(PrincipalOf({Client("a\n")}), "");
  EXPECT_EQ(PrincipalOf({Client(std::string(256, 'a'))}), "");
  EXPECT_EQ(PrincipalOf({Client("alice"), Client("bob")}), "");
  EXPECT_EQ(PrincipalOf({"quorate://ffffffffffffffffffffffffffffffff/"
                         "client/alice"}),
            "");
  // A member's identity is no client's.
  EXPECT_EQ(PrincipalOf({"quorate://0123456789abcdef0123456789abcdef/member/"
                         "7"}),
            "");
}

}  // namespace
}  // namespace quorate::server
