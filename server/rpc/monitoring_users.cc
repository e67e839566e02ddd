// MonitoringService::ListCasualUsers and ListNamedUsers.

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
using licensing::NamedUserView;

constexpr absl::string_view kFields[] = {"feature"};

constexpr ListShape kCasualUsers = {
    .name = "casual_users", .order = "user", .fields = kFields};

constexpr ListShape kNamedUsers = {
    .name = "named_users", .order = "user", .fields = kFields};

// Neither pools nor users have such a character.
constexpr char kSeparator = '\x1f';

// The pool and the user after which the page begins.
std::pair<std::string, std::string> After(const ListPage& page) {
  return absl::StrSplit(page.after_name, absl::MaxSplits(kSeparator, 1));
}

// One more than the page has tells whether there is a next one.
size_t Wanted(const ListPage& page) {
  return static_cast<size_t>(page.size) + 1;
}

// Writes what all users of pools have; `describe` (from, user) the rest.
template <typename View, typename Response, typename Describe>
void WriteUsers(const std::vector<View>& users, const ListShape& shape,
                const ListPage& page, const std::string& filter,
                Response* response, Describe describe) {
  const auto size = static_cast<size_t>(page.size);
  for (size_t i = 0; i < std::min(users.size(), size); ++i) {
    const View& from = users[i];
    auto* const user = response->add_users();
    user->set_feature(std::string(licensing::FeatureOfPool(from.pool)));
    user->set_pool(from.pool);
    user->set_user(from.user);
    user->set_active(from.active);
    describe(from, user);
  }
  if (users.size() <= size) return;
  const View& last = users[size - 1];
  response->set_next_page_token(TokenAfter(
      shape, filter,
      absl::StrCat(last.pool, std::string(1, kSeparator), last.user)));
}

void WriteCasualUsers(const Ledger& ledger, const ListPage& page,
                      const monitoring::v1::ListCasualUsersRequest& request,
                      monitoring::v1::ListCasualUsersResponse* response) {
  WriteUsers(
      ledger.CasualUsersOf(page.filter.value, After(page), Wanted(page)),
      kCasualUsers, page, request.filter(), response,
      [](const CasualUserView& from, monitoring::v1::CasualUser* user) {
        SetDuration(absl::Milliseconds(from.used_ms), user->mutable_used());
        SetDuration(absl::Milliseconds(from.limit_ms), user->mutable_limit());
        SetTimestamp(from.month_end_ms, user->mutable_reset_time());
      });
}

void WriteNamedUsers(const Ledger& ledger, const ListPage& page,
                     const monitoring::v1::ListNamedUsersRequest& request,
                     monitoring::v1::ListNamedUsersResponse* response) {
  WriteUsers(ledger.NamedUsersOf(page.filter.value, After(page), Wanted(page)),
             kNamedUsers, page, request.filter(), response,
             [](const NamedUserView& from, monitoring::v1::NamedUser* user) {
               SetTimestamp(from.assigned_calendar_ms,
                            user->mutable_assign_time());
             });
}

}  // namespace

grpc::ServerUnaryReactor* MonitoringService::ListCasualUsers(
    grpc::CallbackServerContext* context,
    const monitoring::v1::ListCasualUsersRequest* request,
    monitoring::v1::ListCasualUsersResponse* response) {
  return AnswerList(calls_, kCasualUsers, context, request, response,
                    WriteCasualUsers);
}

grpc::ServerUnaryReactor* MonitoringService::ListNamedUsers(
    grpc::CallbackServerContext* context,
    const monitoring::v1::ListNamedUsersRequest* request,
    monitoring::v1::ListNamedUsersResponse* response) {
  return AnswerList(calls_, kNamedUsers, context, request, response,
                    WriteNamedUsers);
}

}  // namespace quorate::server
