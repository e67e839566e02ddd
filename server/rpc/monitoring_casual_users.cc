// MonitoringService::ListCasualUsers.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"

#include "server/rpc/list_call.h"
#include "server/rpc/monitoring_service.h"
#include "server/rpc/response_header.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

using licensing::CasualUserView;
using licensing::Ledger;

constexpr absl::string_view kFields[] = {"feature"};

constexpr ListShape kCasualUsers = {
    .name = "casual_users", .order = "user", .fields = kFields};

// Neither pools nor users have such a character.
constexpr char kSeparator = '\x1f';

void WriteCasualUsers(const Ledger& ledger, const ListPage& page,
                      const monitoring::v1::ListCasualUsersRequest& request,
                      monitoring::v1::ListCasualUsersResponse* response) {
  const std::pair<std::string, std::string> after =
      absl::StrSplit(page.after_name, absl::MaxSplits(kSeparator, 1));
  const auto size = static_cast<size_t>(page.size);
  // One more tells whether there is a next page.
  const std::vector<CasualUserView> users =
      ledger.CasualUsersOf(page.filter.value, after, size + 1);
  for (size_t i = 0; i < std::min(users.size(), size); ++i) {
    const CasualUserView& from = users[i];
    monitoring::v1::CasualUser* const user = response->add_users();
    user->set_feature(std::string(licensing::FeatureOfPool(from.pool)));
    user->set_pool(from.pool);
    user->set_user(from.user);
    SetDuration(absl::Milliseconds(from.used_ms), user->mutable_used());
    SetDuration(absl::Milliseconds(from.limit_ms), user->mutable_limit());
    SetTimestamp(from.month_end_ms, user->mutable_reset_time());
    user->set_active(from.active);
  }
  if (users.size() <= size) return;
  const CasualUserView& last = users[size - 1];
  response->set_next_page_token(TokenAfter(
      kCasualUsers, request.filter(),
      absl::StrCat(last.pool, std::string(1, kSeparator), last.user)));
}

}  // namespace

grpc::ServerUnaryReactor* MonitoringService::ListCasualUsers(
    grpc::CallbackServerContext* context,
    const monitoring::v1::ListCasualUsersRequest* request,
    monitoring::v1::ListCasualUsersResponse* response) {
  return AnswerList(calls_, kCasualUsers, context, request, response,
                    WriteCasualUsers);
}

}  // namespace quorate::server
