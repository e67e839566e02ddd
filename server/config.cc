#include "server/config.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "server/logs/log_files.h"
#include "server/rpc/authentication.h"
#include "server/rpc/member_fields.h"
#include "server/toml_section.h"

namespace quorate::server {
namespace {

// A configuration has some dozens of lines.
constexpr size_t kMaxFileBytes = 256 * 1024;

constexpr size_t kClusterIdDigits = 32;

// A watermark above a tebibyte is a mistake in the unit.
constexpr int64_t kMaxDiskMib = 1'048'576;

// A cluster has three members, and one is enough to try things out. More than
// five make every change slower and nothing safer.
constexpr size_t kMaxMembers = 5;

// A way in for those who run the machines; everybody else has an account.
constexpr size_t kMaxAdministrators = 100;

bool IsHexDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

std::string ReadEndpoint(TomlSection* section, absl::string_view key) {
  std::string endpoint = section->RequiredText(key);
  if (!endpoint.empty() && !IsEndpoint(endpoint)) {
    section->Fault(key, "must be \"host:port\"");
  }
  return endpoint;
}

std::string ReadName(TomlSection* section, absl::string_view key) {
  std::string name = section->RequiredText(key);
  if (!name.empty() && !IsMemberName(name)) {
    section->Fault(key, "must be 1 to 64 letters, digits, '.', '_' or '-'");
  }
  return name;
}

// Paths of the file are relative to it, wherever the program is started.
class PathReader {
 public:
  explicit PathReader(absl::string_view directory) : directory_(directory) {}

  std::string Read(TomlSection* section, absl::string_view key) const {
    return Absolute(section->RequiredText(key));
  }

  MailConfig ReadMail(TomlSection* section) const {
    MailConfig mail = ReadMailConfig(section);
    mail.password_file = Absolute(mail.password_file);
    mail.ca = Absolute(mail.ca);
    return mail;
  }

  std::string ReadOr(TomlSection* section, absl::string_view key) const {
    return Absolute(section->TextOr(key, ""));
  }

  TlsFiles ReadTls(TomlSection* tls, absl::string_view key) const {
    TomlSection section = tls->RequiredSection(key);
    TlsFiles files = {.ca = Read(&section, "ca"),
                      .cert = Read(&section, "cert"),
                      .key = Read(&section, "key"),
                      .ca_key = ReadOr(&section, "ca_key")};
    section.Close();
    return files;
  }

 private:
  std::string Absolute(std::string path) const {
    if (path.empty() || path.front() == '/' || directory_.empty()) return path;
    return absl::StrCat(directory_, "/", path);
  }

  const std::string directory_;
};

raft::MemberAddress ReadMember(TomlSection* section) {
  raft::MemberAddress member;
  member.name = ReadName(section, "name");
  // Left out in the file of a machine that joined: ids change, and only `init`
  // needs them.
  const std::string id = section->TextOr("id", "");
  const std::optional<raft::MemberId> number = ParseMemberId(id);
  if (!id.empty() && !number.has_value()) {
    section->Fault("id", "must be a positive number of 64 bits in quotes");
  }
  member.id = number.value_or(raft::kNobody);
  member.peer_endpoint = ReadEndpoint(section, "peer");
  member.client_endpoint = ReadEndpoint(section, "client");
  section->Close();
  return member;
}

void CheckMembers(const std::vector<raft::MemberAddress>& members,
                  TomlSection* cluster) {
  if (members.size() > kMaxMembers) {
    cluster->Fault("members", absl::StrCat("are more than ", kMaxMembers));
  }
  std::set<std::string> names;
  std::set<raft::MemberId> ids;
  std::set<std::string> endpoints;
  for (const raft::MemberAddress& member : members) {
    if (!names.insert(member.name).second) {
      cluster->Fault("members",
                     absl::StrCat("name ", member.name, " stands twice"));
    }
    if (member.id != raft::kNobody && !ids.insert(member.id).second) {
      cluster->Fault("members", absl::StrCat("id ", member.id.value(),
                                             " stands twice; each member "
                                             "needs one of its own"));
    }
    if (!endpoints.insert(member.peer_endpoint).second ||
        !endpoints.insert(member.client_endpoint).second) {
      cluster->Fault("members", absl::StrCat("an endpoint of ", member.name,
                                             " stands twice"));
    }
  }
}

void ReadCluster(TomlSection* file, Config* config) {
  TomlSection cluster = file->RequiredSection("cluster");
  config->cluster_id = cluster.RequiredText("id");
  if (!config->cluster_id.empty() &&
      (config->cluster_id.size() != kClusterIdDigits ||
       !std::all_of(config->cluster_id.begin(), config->cluster_id.end(),
                    IsHexDigit))) {
    cluster.Fault("id", "must be 32 lower-case hex digits");
  }
  config->cluster_epoch = static_cast<uint32_t>(
      cluster.IntegerOr("epoch", 1, 1, std::numeric_limits<uint32_t>::max()));
  for (TomlSection& member : cluster.RequiredSections("members")) {
    config->members.push_back(ReadMember(&member));
  }
  CheckMembers(config->members, &cluster);
  std::sort(config->members.begin(), config->members.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  cluster.Close();
}

void ReadSelf(TomlSection* file, const PathReader& paths, Config* config) {
  TomlSection member = file->RequiredSection("member");
  const std::string name = ReadName(&member, "name");
  config->data_dir = paths.Read(&member, "data_dir");
  const auto self = std::find_if(
      config->members.begin(), config->members.end(),
      [&name](const raft::MemberAddress& each) { return each.name == name; });
  if (self != config->members.end()) {
    config->self = *self;
  } else if (!name.empty() && !config->members.empty()) {
    member.Fault("name", absl::StrCat("is ", name,
                                      ", which is none of cluster.members"));
  }
  member.Close();
}

void ReadTiming(TomlSection* file, Config* config) {
  TomlSection timing = file->SectionOr("timing");
  config->tick = timing.DurationOr("tick", config->tick, absl::Milliseconds(5),
                                   absl::Seconds(1));
  config->heartbeat_ticks = static_cast<int>(
      timing.IntegerOr("heartbeat_ticks", config->heartbeat_ticks, 1, 100));
  config->election_ticks = static_cast<int>(
      timing.IntegerOr("election_ticks", config->election_ticks, 2, 1000));
  // A follower must hear of its leader a few times before it doubts it (Raft,
  // §5.6), else one lost heartbeat starts an election.
  if (config->election_ticks < 3 * config->heartbeat_ticks) {
    timing.Fault("election_ticks",
                 "must be at least three times heartbeat_ticks");
  }
  timing.Close();
}

void ReadStorage(TomlSection* file, Config* config) {
  TomlSection storage = file->SectionOr("storage");
  config->snapshot_entries = static_cast<uint64_t>(storage.IntegerOr(
      "snapshot_entries", static_cast<int64_t>(config->snapshot_entries), 1'000,
      100'000'000));
  config->snapshot_mib = static_cast<uint64_t>(storage.IntegerOr(
      "snapshot_mib", static_cast<int64_t>(config->snapshot_mib), 1, 65'536));
  config->heal = storage.BooleanOr("heal", config->heal);
  config->disk_low_mib = static_cast<uint64_t>(
      storage.IntegerOr("disk_low_mib", 0, 0, kMaxDiskMib));
  config->disk_reserve_mib = static_cast<uint64_t>(
      storage.IntegerOr("disk_reserve_mib", 0, 0, kMaxDiskMib));
  // What is let go must last until somebody has made room.
  if (config->disk_low_mib > 0 &&
      config->disk_reserve_mib > config->disk_low_mib) {
    storage.Fault("disk_reserve_mib", "must not be above disk_low_mib");
  }
  storage.Close();
}

void ReadLog(TomlSection* file, Config* config) {
  TomlSection log = file->SectionOr("log");
  const std::string level = log.TextOr("level", "info");
  if (!ParseLogLevel(level, &config->log_level)) {
    log.Fault("level", "must be debug, info, warn, error or off");
  }
  config->keep_log = log.BooleanOr("keep", config->keep_log);
  config->log_file_mib = static_cast<uint64_t>(
      log.IntegerOr("file_mib", static_cast<int64_t>(config->log_file_mib), 1,
                    kMaxLogFileMib));
  // The one that grows and one before it: so there always is something.
  config->log_files = static_cast<int>(
      log.IntegerOr("files", config->log_files, 2, kMaxLogFiles));
  log.Close();
}

void ReadAccess(TomlSection* file, Config* config) {
  TomlSection access = file->SectionOr("access");
  config->administrators = access.TextsOrNone("administrators");
  if (config->administrators.size() > kMaxAdministrators) {
    access.Fault("administrators",
                 absl::StrCat("are more than ", kMaxAdministrators,
                              "; others get the role by an account"));
  }
  for (const std::string& name : config->administrators) {
    if (IsClientName(name)) continue;
    access.Fault("administrators",
                 absl::StrCat("has \"", absl::CHexEscape(name),
                              "\", which is no name in a client certificate: "
                              "what stands behind /client/ in its URI"));
  }
  access.Close();
}

}  // namespace

absl::StatusOr<Config> ParseConfig(absl::string_view text,
                                   absl::string_view name,
                                   absl::string_view directory) {
  ConfigFaults faults(name);
  QUORATE_ASSIGN_OR_RETURN(TomlSection file,
                           TomlSection::Parse(text, name, &faults));
  const PathReader paths(directory);
  Config config;
  ReadCluster(&file, &config);
  ReadSelf(&file, paths, &config);
  TomlSection listen = file.RequiredSection("listen");
  config.client_listen = ReadEndpoint(&listen, "client");
  config.peer_listen = ReadEndpoint(&listen, "peer");
  config.join_listen = listen.TextOr("join", "");
  if (!config.join_listen.empty() && !IsEndpoint(config.join_listen)) {
    listen.Fault("join", "must be \"host:port\"");
  }
  listen.Close();
  TomlSection tls = file.RequiredSection("tls");
  config.client_tls = paths.ReadTls(&tls, "client");
  config.peer_tls = paths.ReadTls(&tls, "peer");
  if (!config.join_listen.empty() &&
      (config.client_tls.ca_key.empty() || config.peer_tls.ca_key.empty())) {
    tls.Fault("peer",
              "and tls.client need ca_key where listen.join is set: machines "
              "that join get their certificates here");
  }
  tls.Close();
  TomlSection trust = file.RequiredSection("trust");
  config.trust_root = paths.Read(&trust, "root");
  trust.Close();
  ReadTiming(&file, &config);
  ReadStorage(&file, &config);
  TomlSection mail = file.SectionOr("mail");
  if (mail.line() != 0) config.mail = paths.ReadMail(&mail);
  ReadLog(&file, &config);
  ReadAccess(&file, &config);
  file.Close();
  if (!faults.empty()) return faults.ToStatus();
  return config;
}

absl::StatusOr<Config> ReadConfig(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  if (file) {
    text.resize(kMaxFileBytes + 1);
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(file.gcount()));
  }
  if (file.bad() || (file.fail() && !file.eof())) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": cannot be read; check that it exists and who may read it"));
  }
  if (text.size() > kMaxFileBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is too large for a configuration"));
  }
  const size_t slash = path.rfind('/');
  return ParseConfig(text, path,
                     slash == std::string::npos ? "" : path.substr(0, slash));
}

}  // namespace quorate::server
