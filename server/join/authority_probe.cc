#include "server/join/authority_probe.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "openssl/ssl.h"

#include "base/status.h"
#include "server/openssl_pointers.h"
#include "server/rpc/member_fields.h"

namespace quorate::server {
namespace {

using SslPointer = std::unique_ptr<SSL, OpensslFree<SSL_free>>;
using SslSetupPointer = std::unique_ptr<SSL_CTX, OpensslFree<SSL_CTX_free>>;
using Addresses = std::unique_ptr<addrinfo, OpensslFree<freeaddrinfo>>;

// What gRPC speaks (RFC 7540, §3.3).
constexpr unsigned char kAlpn[] = "\x02h2";

// Hosts have a few addresses.
constexpr int kMaxAddresses = 4;

class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}

  ~Socket() {
    if (descriptor_ >= 0) close(descriptor_);
  }

  Socket(Socket&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)) {}

  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

// Connected within the timeout, and blocking with it from then on.
bool Connect(const Socket& socket, const addrinfo& address,
             absl::Duration timeout) {
  const int descriptor = socket.descriptor();
  const int flags = fcntl(descriptor, F_GETFL, 0);
  if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0) {
    return false;
  }
  if (connect(descriptor, address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return false;
    pollfd wait = {.fd = descriptor, .events = POLLOUT, .revents = 0};
    const int ms = static_cast<int>(absl::ToInt64Milliseconds(timeout));
    int error = 0;
    socklen_t size = sizeof(error);
    if (poll(&wait, 1, ms) != 1 ||
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ||
        error != 0) {
      return false;
    }
  }
  const timeval limit = absl::ToTimeval(timeout);
  return fcntl(descriptor, F_SETFL, flags) == 0 &&
         setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit,
                    sizeof(limit)) == 0 &&
         setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit,
                    sizeof(limit)) == 0;
}

absl::StatusOr<Socket> ConnectTo(const std::string& endpoint,
                                 absl::Duration timeout) {
  const std::string host(HostOf(endpoint));
  const std::string port = endpoint.substr(endpoint.rfind(':') + 1);
  addrinfo wanted = {};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(host.c_str(), port.c_str(), &wanted, &found);
  if (failed != 0) {
    return absl::UnavailableError(
        absl::StrCat(endpoint, ": no address for it: ", gai_strerror(failed)));
  }
  const Addresses addresses(found);
  int tried = 0;
  for (const addrinfo* each = found; each != nullptr && tried < kMaxAddresses;
       each = each->ai_next, ++tried) {
    Socket opened(socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC,
                         each->ai_protocol));
    if (opened.descriptor() >= 0 && Connect(opened, *each, timeout)) {
      return opened;
    }
  }
  return absl::UnavailableError(
      absl::StrCat(endpoint, ": nothing answers there"));
}

// Certificates are judged afterwards, by the pin.
int TakeAny(int /*ok*/, X509_STORE_CTX* /*chain*/) {
  return 1;
}

X509* FindPinned(const STACK_OF(X509) * chain, absl::string_view pin) {
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    X509* const each = sk_X509_value(chain, i);
    if (PinOf(each) == pin && X509_check_ca(each) > 0) return each;
  }
  return nullptr;
}

bool Signed(X509* authority, X509* leaf) {
  const StorePointer store(X509_STORE_new());
  const StoreCheckPointer check(X509_STORE_CTX_new());
  const bool good =
      X509_STORE_add_cert(store.get(), authority) == 1 &&
      X509_STORE_CTX_init(check.get(), store.get(), leaf, nullptr) == 1 &&
      X509_STORE_CTX_set_purpose(check.get(), X509_PURPOSE_SSL_SERVER) == 1 &&
      X509_verify_cert(check.get()) == 1;
  ERR_clear_error();
  return good;
}

// The one by which members know each other (peer_identity.h).
std::string MemberNameIn(X509* leaf) {
  const NamesPointer names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS) continue;
    const std::string text(
        reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
        static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
    if (absl::EndsWith(text, ".member.quorate")) return text;
  }
  return "";
}

absl::Status NotTheCluster(const std::string& endpoint,
                           absl::string_view problem) {
  return absl::PermissionDeniedError(absl::StrCat(
      endpoint, " is no join port of the cluster that made the token: ",
      problem, ". Nothing was sent there."));
}

}  // namespace

absl::StatusOr<PinnedAuthority> ProbeAuthority(const std::string& endpoint,
                                               absl::string_view pin,
                                               absl::Duration timeout) {
  QUORATE_ASSIGN_OR_RETURN(const Socket socket, ConnectTo(endpoint, timeout));
  const SslSetupPointer setup(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(setup.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(setup.get(), SSL_VERIFY_PEER, TakeAny);
  SSL_CTX_set_alpn_protos(setup.get(), kAlpn, sizeof(kAlpn) - 1);
  const SslPointer tls(SSL_new(setup.get()));
  SSL_set_fd(tls.get(), socket.descriptor());
  if (SSL_connect(tls.get()) != 1) {
    return absl::UnavailableError(
        absl::StrCat(endpoint, ": no TLS handshake: ", TakeOpensslError()));
  }
  const CertificatePointer leaf(SSL_get1_peer_certificate(tls.get()));
  const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(tls.get());
  X509* const authority = FindPinned(chain, pin);
  if (leaf == nullptr || authority == nullptr) {
    return NotTheCluster(endpoint, "it shows other certificates");
  }
  if (!Signed(authority, leaf.get())) {
    return NotTheCluster(endpoint,
                         "its certificate is not of the cluster's authority, "
                         "or its time has ended");
  }
  PinnedAuthority result = {.ca_pem = ToPem(authority),
                            .server_name = MemberNameIn(leaf.get())};
  if (result.server_name.empty()) {
    return NotTheCluster(endpoint, "its certificate names no member");
  }
  return result;
}

}  // namespace quorate::server
