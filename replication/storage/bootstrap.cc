#include "replication/storage/bootstrap.h"

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "replication/wire/entry_codec.h"

namespace quorate::replication {
namespace {

bool IsClusterId(absl::string_view id) {
  return id.size() == 32 && std::all_of(id.begin(), id.end(), [](char c) {
           return absl::ascii_isdigit(static_cast<unsigned char>(c)) ||
                  (c >= 'a' && c <= 'f');
         });
}

}  // namespace

raft::Entry BootstrapEntry(const raft::Configuration& configuration) {
  return raft::Entry{
      .index = raft::Index(1),
      .term = raft::Term(1),
      .type = raft::EntryType::kConfiguration,
      .configuration =
          std::make_shared<const raft::Configuration>(configuration)};
}

raft::HardState BootstrapHardState() {
  return raft::HardState{
      .term = raft::Term(1), .vote = raft::kNobody, .commit = raft::Index(1)};
}

absl::Status CheckBootstrap(const MemberIdentity& identity,
                            const raft::Configuration& configuration) {
  if (!IsClusterId(identity.cluster_id)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a cluster id has 32 lower-case hex digits, this is '",
                     identity.cluster_id, "'"));
  }
  if (identity.format_version != kFormatVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown format version ", identity.format_version));
  }
  internal::v1::Configuration proto;
  EncodeConfiguration(configuration, &proto);
  QUORATE_RETURN_IF_ERROR(DecodeConfiguration(proto).status());
  const auto& addresses = configuration.addresses;
  if (std::none_of(addresses.begin(), addresses.end(),
                   [&identity](const raft::MemberAddress& address) {
                     return address.id == identity.member_id;
                   })) {
    return absl::InvalidArgumentError(
        "the member is not in the first configuration");
  }
  return absl::OkStatus();
}

}  // namespace quorate::replication
