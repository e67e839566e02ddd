// MonitoringService::ListNamedUsers.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "server/rpc/list_call.h"
#include "server/rpc/monitoring_service.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

using licensing::Ledger;
using licensing::NamedUserView;

constexpr absl::string_view kFields[] = {"feature"};

constexpr ListShape kNamedUsers = {
    .name = "named_users", .order = "user", .fields = kFields};

// Neither pools nor users have such a character.
constexpr char kSeparator = '\x1f';

void WriteNamedUsers(const Ledger& ledger, const ListPage& page,
                     const monitoring::v1::ListNamedUsersRequest& request,
                     monitoring::v1::ListNamedUsersResponse* response) {
  const std::pair<std::string, std::string> after =
      absl::StrSplit(page.after_name, absl::MaxSplits(kSeparator, 1));
  const auto size = static_cast<size_t>(page.size);
  // One more tells whether there is a next page.
  const std::vector<NamedUserView> users =
      ledger.NamedUsersOf(page.filter.value, after, size + 1);
  for (size_t i = 0; i < std::min(users.size(), size); ++i) {
    const NamedUserView& from = users[i];
    monitoring::v1::NamedUser* const user = response->add_users();
    user->set_feature(std::string(licensing::FeatureOfPool(from.pool)));
    user->set_pool(from.pool);
    user->set_user(from.user);
    SetTimestamp(from.assigned_calendar_ms, user->mutable_assign_time());
    user->set_active(from.active);
  }
  if (users.size() <= size) return;
  const NamedUserView& last = users[size - 1];
  response->set_next_page_token(TokenAfter(
      kNamedUsers, request.filter(),
      absl::StrCat(last.pool, std::string(1, kSeparator), last.user)));
}

}  // namespace

grpc::ServerUnaryReactor* MonitoringService::ListNamedUsers(
    grpc::CallbackServerContext* context,
    const monitoring::v1::ListNamedUsersRequest* request,
    monitoring::v1::ListNamedUsersResponse* response) {
  return AnswerList(calls_, kNamedUsers, context, request, response,
                    WriteNamedUsers);
}

}  // namespace quorate::server
