#include "tests/server/rpc/public_api.h"

#include "quorate/admin/v1/account.pb.h"
#include "quorate/admin/v1/alert.pb.h"
#include "quorate/admin/v1/backup.pb.h"
#include "quorate/admin/v1/cluster.pb.h"
#include "quorate/admin/v1/license.pb.h"
#include "quorate/admin/v1/policy.pb.h"
#include "quorate/admin/v1/session.pb.h"
#include "quorate/checkout/v1/checkout.pb.h"
#include "quorate/monitoring/v1/monitoring.pb.h"

namespace quorate::server {

using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;

std::vector<const MethodDescriptor*> AllMethods() {
  std::vector<const MethodDescriptor*> methods;
  for (const FileDescriptor* file :
       {checkout::v1::Seat::descriptor()->file(),
        monitoring::v1::Pool::descriptor()->file(),
        admin::v1::License::descriptor()->file(),
        admin::v1::Member::descriptor()->file(),
        admin::v1::Termination::descriptor()->file(),
        admin::v1::Policy::descriptor()->file(),
        admin::v1::Account::descriptor()->file(),
        admin::v1::SentAlert::descriptor()->file(),
        admin::v1::GetBackupRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        methods.push_back(file->service(i)->method(j));
      }
    }
  }
  return methods;
}

}  // namespace quorate::server
