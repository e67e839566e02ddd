#!/usr/bin/env bash
# proto.sh install|lint|breaking|renew
#
#   install    fetches the pinned buf into tools/buf/node_modules
#   lint       names, layout and comments of the .proto files
#   breaking   nothing that was published may be removed or change its meaning
#   renew      writes proto/baseline.binpb anew: on purpose, with a release
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

case "$(uname -m)" in
  x86_64) architecture=x64 ;;
  *) architecture="$(uname -m)" ;;
esac
buf="tools/buf/node_modules/@bufbuild/buf-linux-$architecture/bin/buf"
config=tools/buf/buf.yaml
baseline=proto/baseline.binpb

need_buf() {
  if [ ! -x "$buf" ]; then
    echo "buf is not there. tools/checks/proto.sh install fetches it" \
      "(./dev test and ./dev check do so by themselves)." >&2
    exit 1
  fi
}

case "${1:-}" in
  install)
    # npm notes what it installed beside the packages.
    noted=tools/buf/node_modules/.package-lock.json
    if [ -x "$buf" ] && [ "$noted" -nt tools/buf/package-lock.json ]; then
      exit 0
    fi
    # Without scripts: the packages bring the program as a file.
    (cd tools/buf && npm ci --ignore-scripts --no-audit --no-fund)
    # npm leaves an optional package out in silence where it cannot get it.
    if [ ! -x "$buf" ]; then
      echo "npm did not bring buf: the registry could not be reached, or has" \
        "no program for this kind of machine." >&2
      exit 1
    fi
    touch "$noted"
    ;;
  lint)
    need_buf
    "$buf" lint --config "$config"
    ;;
  breaking)
    need_buf
    "$buf" breaking --config "$config" --against "$baseline" || {
      echo "A published .proto may grow but not change. Give a new field or" \
        "message a new name and number, and keep the old one." >&2
      exit 1
    }
    ;;
  renew)
    need_buf
    "$buf" build --config "$config" --exclude-source-info -o "$baseline"
    ;;
  *)
    echo "usage: proto.sh install|lint|breaking|renew" >&2
    exit 2
    ;;
esac
