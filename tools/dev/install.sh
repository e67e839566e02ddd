#!/usr/bin/env bash
# install.sh build|test|bench
#
# Installs the packages of packages.txt that are missing: those for the build,
# and those for the purpose. Where none is, it neither asks for rights nor
# touches the network.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
wanted="${1:-test}"

installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
while read -r package purpose program; do
  case "$package" in '' | '#'*) continue ;; esac
  case "$purpose" in build | "$wanted") ;; *) continue ;; esac
  if [ -n "$program" ] && command -v "$program" >/dev/null; then continue; fi
  installed "$package" || missing+=("$package")
done <"$here/packages.txt"

if [ "${#missing[@]}" -eq 0 ]; then exit 0; fi

if ! command -v apt-get >/dev/null; then
  echo "dev: there is no apt-get here; Quorate is built on Debian 12." \
    "Missing: ${missing[*]}" >&2
  exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "dev: packages are missing, and there is neither root nor sudo to" \
      "install them. As root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "dev: installing ${#missing[@]} packages: ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get -o DPkg::Lock::Timeout=300 install -y -q \
  --no-install-recommends "${missing[@]}"
