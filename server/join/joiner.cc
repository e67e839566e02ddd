#include "server/join/joiner.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"

#include "quorate/internal/v1/join.grpc.pb.h"

#include "base/random.h"
#include "base/status.h"
#include "replication/transport/peer_identity.h"
#include "replication/wire/entry_codec.h"
#include "server/certificate_check.h"
#include "server/config.h"
#include "server/join/attempts.h"
#include "server/join/authority_probe.h"
#include "server/join/certificate_authority.h"
#include "server/join/member_config_text.h"
#include "server/join/private_file.h"
#include "server/member_folder.h"
#include "server/member_stores.h"
#include "server/openssl_pointers.h"
#include "server/rpc/member_fields.h"
#include "server/rpc/member_view.h"
#include "trust/license_verifier.h"

namespace quorate::server {
namespace {

constexpr absl::Duration kProbeTimeout = absl::Seconds(5);
constexpr absl::Duration kCallTimeout = absl::Seconds(15);

// Licence roots and certificates; far more than is ever sent.
constexpr int kMaxAnswerBytes = 4 * 1024 * 1024;

// What this machine asks for; kept on its disk until it has joined, so that a
// repeat is the same machine's.
struct Identity {
  raft::MemberId id;
  std::string peer_key;
  std::string client_key;
};

class Joiner {
 public:
  Joiner(const JoinOptions& options, const Clock& clock)
      : options_(options), clock_(clock) {}

  absl::Status Run();

 private:
  std::string Path(absl::string_view file) const {
    return absl::StrCat(options_.config_dir, "/", file);
  }

  absl::Status CheckOptions();
  absl::Status CheckPlaces() const;
  absl::StatusOr<std::string> KeepOrMake(absl::string_view file,
                                         const std::string& fresh) const;
  absl::Status PrepareIdentity();
  absl::Status AskEach();
  absl::Status Ask(const std::string& endpoint);
  absl::Status CheckAnswer();
  absl::Status WriteFiles() const;

  const JoinOptions options_;
  const Clock& clock_;
  std::string peer_address_;
  std::string client_address_;
  Identity identity_;
  internal::v1::JoinResponse answer_;
  raft::Configuration members_;
};

absl::Status Joiner::CheckOptions() {
  if (!IsMemberName(options_.name)) {
    return absl::InvalidArgumentError(
        "--name must be 1 to 64 letters, digits, '.', '_' or '-'");
  }
  peer_address_ = options_.peer_address.empty() ? options_.peer_listen
                                                : options_.peer_address;
  client_address_ = options_.client_address.empty() ? options_.client_listen
                                                    : options_.client_address;
  for (const auto& [flag, value] :
       {std::pair("--client-listen", options_.client_listen),
        std::pair("--peer-listen", options_.peer_listen),
        std::pair("--client-address", client_address_),
        std::pair("--peer-address", peer_address_)}) {
    if (IsEndpoint(value)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(flag, " must be host:port, and is '", value, "'"));
  }
  for (const auto& [flag, value] :
       {std::pair("--client-address", client_address_),
        std::pair("--peer-address", peer_address_)}) {
    const absl::string_view host = HostOf(value);
    if (host != "0.0.0.0" && host != "::") continue;
    return absl::InvalidArgumentError(
        absl::StrCat("others cannot reach ", value, ": say where by ", flag));
  }
  return absl::OkStatus();
}

absl::Status Joiner::CheckPlaces() const {
  std::error_code error;
  namespace fs = std::filesystem;
  if (fs::exists(ConfigFileOf(options_), error)) {
    return absl::FailedPreconditionError(absl::StrCat(
        ConfigFileOf(options_),
        " is there: this machine has joined. `quorated run` starts it; where "
        "its data is lost, `quorated rejoin` brings it back."));
  }
  const bool begun = fs::exists(Path("member-id"), error);
  return begun ? absl::OkStatus() : CheckIsFree(options_.data_dir, "join");
}

absl::StatusOr<std::string> Joiner::KeepOrMake(absl::string_view file,
                                               const std::string& fresh) const {
  const std::string path = Path(file);
  absl::StatusOr<std::string> kept = ReadPrivateFile(path);
  if (!absl::IsNotFound(kept.status())) return kept;
  QUORATE_RETURN_IF_ERROR(WritePrivateFile(path, fresh));
  return fresh;
}

absl::Status Joiner::PrepareIdentity() {
  QUORATE_RETURN_IF_ERROR(MakePrivateDirectory(options_.config_dir));
  QUORATE_ASSIGN_OR_RETURN(
      const std::string id,
      KeepOrMake("member-id", absl::StrCat(SystemRandomId())));
  const std::optional<raft::MemberId> parsed = ParseMemberId(id);
  if (!parsed.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat(Path("member-id"),
                     " is damaged. Remove it, and make a "
                     "new token."));
  }
  identity_.id = *parsed;
  QUORATE_ASSIGN_OR_RETURN(identity_.peer_key,
                           KeepOrMake("peer.key", NewPrivateKeyPem()));
  QUORATE_ASSIGN_OR_RETURN(identity_.client_key,
                           KeepOrMake("client.key", NewPrivateKeyPem()));
  return absl::OkStatus();
}

absl::Status Joiner::AskEach() {
  const std::vector<std::string>& endpoints =
      options_.from.empty() ? options_.token.join.endpoints : options_.from;
  absl::Status last = absl::UnavailableError("no join port is known");
  for (const std::string& endpoint : endpoints) {
    last = Ask(endpoint);
    if (!absl::IsUnavailable(last)) return last;
  }
  return last;
}

absl::Status Joiner::Ask(const std::string& endpoint) {
  QUORATE_ASSIGN_OR_RETURN(
      const PinnedAuthority authority,
      ProbeAuthority(endpoint, options_.token.join.ca_pin, kProbeTimeout));
  // From here on nobody is believed but who has that authority's signature.
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = authority.ca_pem;
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(authority.server_name);
  arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto stub =
      internal::v1::JoinService::NewStub(grpc::CreateCustomChannel(
          endpoint, grpc::SslCredentials(tls), arguments));
  internal::v1::JoinRequest request;
  request.set_token_id(options_.token.id);
  request.set_secret(options_.token.secret);
  request.set_name(options_.name);
  request.set_member_id(identity_.id.value());
  request.set_peer_endpoint(peer_address_);
  request.set_client_endpoint(client_address_);
  QUORATE_ASSIGN_OR_RETURN(*request.mutable_peer_certificate_request(),
                           NewRequest(identity_.peer_key));
  QUORATE_ASSIGN_OR_RETURN(*request.mutable_client_certificate_request(),
                           NewRequest(identity_.client_key));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(clock_.Calendar() + kCallTimeout));
  const grpc::Status status = stub->Join(&context, request, &answer_);
  if (status.ok()) return absl::OkStatus();
  // What never came to an end may be asked again.
  const bool silent =
      status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
      status.error_code() == grpc::StatusCode::CANCELLED;
  return absl::Status(silent
                          ? absl::StatusCode::kUnavailable
                          : static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat(endpoint, ": ", status.error_message()));
}

// The one who answers is a member, and may be wrong all the same.
absl::Status Joiner::CheckAnswer() {
  QUORATE_ASSIGN_OR_RETURN(members_, replication::DecodeConfiguration(
                                         answer_.admission().configuration()));
  const raft::MemberAddress* self = FindMember(members_, identity_.id);
  if (self == nullptr || self->name != options_.name) {
    return absl::InternalError("the answer does not name this machine");
  }
  const CertificatePointer authority = ParseCertificate(answer_.peer_ca_pem());
  if (authority == nullptr ||
      PinOf(authority.get()) != options_.token.join.ca_pin) {
    return absl::InternalError("the answer has another authority");
  }
  const std::string uri =
      replication::MemberUri(answer_.admission().cluster_id(), options_.name);
  QUORATE_RETURN_IF_ERROR(Annotate(
      CheckCertificate(answer_.peer_certificate_pem(), identity_.peer_key, uri),
      "the certificate that was issued"));
  QUORATE_RETURN_IF_ERROR(
      Annotate(CheckCertificate(answer_.client_certificate_pem(),
                                identity_.client_key, uri),
               "the certificate that was issued"));
  return Annotate(trust::LicenseVerifier::Create(answer_.trust_root()).status(),
                  "the vendor's root that was sent");
}

absl::Status Joiner::WriteFiles() const {
  const std::pair<const char*, const std::string&> files[] = {
      {"ca.pem", answer_.client_ca_pem()},
      {"peer-ca.pem", answer_.peer_ca_pem()},
      {"client.pem", answer_.client_certificate_pem()},
      {"peer.pem", answer_.peer_certificate_pem()},
      {"root.pem", answer_.trust_root()}};
  for (const auto& [file, bytes] : files) {
    QUORATE_RETURN_IF_ERROR(WritePrivateFile(Path(file), bytes));
  }
  const std::string text = MemberConfigText(
      {.name = options_.name,
       .data_dir = std::filesystem::absolute(options_.data_dir).string(),
       .client_listen = options_.client_listen,
       .peer_listen = options_.peer_listen},
      members_, answer_);
  // As it will be read.
  QUORATE_ASSIGN_OR_RETURN(
      const Config config,
      ParseConfig(text, ConfigFileOf(options_), options_.config_dir));
  const absl::Status made = MakeJoiningMember(config, identity_.id, members_);
  // Left by this command, when it was stopped a moment later than this.
  const bool there_already =
      absl::IsAlreadyExists(made) && HoldsMember(config.data_dir);
  if (!made.ok() && !there_already) return made;
  if (there_already) {
    QUORATE_ASSIGN_OR_RETURN(const raft::MemberId there, MemberIdIn(config));
    if (there != identity_.id) return made;
  }
  QUORATE_RETURN_IF_ERROR(WritePrivateFile(ConfigFileOf(options_), text));
  std::error_code ignored;
  std::filesystem::remove(Path("member-id"), ignored);
  return absl::OkStatus();
}

absl::Status Joiner::Run() {
  QUORATE_RETURN_IF_ERROR(CheckOptions());
  QUORATE_RETURN_IF_ERROR(CheckPlaces());
  QUORATE_RETURN_IF_ERROR(PrepareIdentity());
  QUORATE_RETURN_IF_ERROR(RepeatWhileUnavailable(clock_, options_.timeout,
                                                 [this] { return AskEach(); }));
  QUORATE_RETURN_IF_ERROR(CheckAnswer());
  return WriteFiles();
}

}  // namespace

std::string ConfigFileOf(const JoinOptions& options) {
  return absl::StrCat(options.config_dir, "/config.toml");
}

absl::Status JoinCluster(const JoinOptions& options, const Clock& clock) {
  return Joiner(options, clock).Run();
}

}  // namespace quorate::server
