#include "server/join/member_config_text.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace quorate::server {
namespace {

// A basic string of TOML 1.0: only quote, backslash and control characters
// need more than themselves.
std::string Quoted(absl::string_view text) {
  std::string quoted = "\"";
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      quoted.push_back('\\');
      quoted.push_back(letter);
    } else if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppendFormat(&quoted, "\\u%04X", byte);
    } else {
      quoted.push_back(letter);
    }
  }
  quoted.push_back('"');
  return quoted;
}

}  // namespace

std::string MemberConfigText(const MemberPlaces& places,
                             const raft::Configuration& members,
                             const internal::v1::JoinResponse& answer) {
  std::string text = absl::StrCat(
      "# Written by `quorated join`. Paths are relative to this file.\n"
      "[cluster]\nid = ",
      Quoted(answer.admission().cluster_id()),
      "\nepoch = ", answer.admission().cluster_epoch(),
      "\n\n# The members when this machine joined, itself among them. "
      "`quorated rejoin`\n# asks them; `quorated run` knows better by its "
      "log.\n");
  for (const raft::MemberAddress& member : members.addresses) {
    absl::StrAppend(&text, "[[cluster.members]]\nname = ", Quoted(member.name),
                    "\npeer = ", Quoted(member.peer_endpoint),
                    "\nclient = ", Quoted(member.client_endpoint), "\n\n");
  }
  absl::StrAppend(&text, "[member]\nname = ", Quoted(places.name),
                  "\ndata_dir = ", Quoted(places.data_dir),
                  "\n\n[listen]\nclient = ", Quoted(places.client_listen),
                  "\npeer = ", Quoted(places.peer_listen),
                  "\n\n[tls.client]\nca = \"ca.pem\"\ncert = \"client.pem\"\n"
                  "key = \"client.key\"\n"
                  "\n[tls.peer]\nca = \"peer-ca.pem\"\ncert = \"peer.pem\"\n"
                  "key = \"peer.key\"\n"
                  "\n[trust]\nroot = \"root.pem\"\n"
                  "\n[timing]\ntick = \"",
                  answer.tick_ms(),
                  "ms\"\nheartbeat_ticks = ", answer.heartbeat_ticks(),
                  "\nelection_ticks = ", answer.election_ticks(),
                  "\n\n[log]\nlevel = \"info\"\n"
                  "\n# No alerts are mailed while this member leads, until it "
                  "has a [mail] section, as\n# docs/operations.md shows it "
                  "under \"Alerts by mail\".\n");
  if (answer.administrators().empty()) return text;
  std::vector<std::string> names;
  for (const std::string& name : answer.administrators())
    names.push_back(Quoted(name));
  absl::StrAppend(&text,
                  "\n# As on the member that let this machine in.\n"
                  "[access]\nadministrators = [",
                  absl::StrJoin(names, ", "), "]\n");
  return text;
}

}  // namespace quorate::server
