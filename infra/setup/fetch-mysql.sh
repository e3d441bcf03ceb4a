#!/usr/bin/env bash
# fetch-mysql.sh: puts a MySQL server into the cache folder, for the lab's clusters.
#
# Debian stable has no MySQL server, Debian's unstable suite has one. It is downloaded with its libraries from the
# mirror this machine already uses, checked by apt against the machine's own keyring, and unpacked beside the system,
# never installed. It runs through the loader and the libraries it came with, so the system's own do not matter.
#
# Result: <cache>/mysql-1/mysqld, a launcher. Idempotent; two at once wait for each other; never half there, because
# the folder gets its name only when it is whole.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/cache.sh"

cache=$(bigdb_cache_dir)
final=$cache/mysql-1
[ -x "$final/mysqld" ] && exit 0

for tool in apt-get dpkg-deb flock; do
  if ! command -v "$tool" >/dev/null; then
    say "no MySQL server: $tool is missing (only Debian and its like have it)"
    exit 1
  fi
done

mkdir -p "$cache"
exec 9>"$cache/mysql.lock"
flock 9
[ -x "$final/mysqld" ] && exit 0

# What a run that was killed left behind; the lock says nobody is using it.
rm -rf "$cache"/mysql-unpack.*
work=$(mktemp -d "$cache/mysql-unpack.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The mirror is the one from which this machine's own sources take their release's main archive. Neither the security
# archive (another release name) nor other people's archives match.
codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-sid}")
mirror=$(apt-get indextargets --no-release-info --format '$(RELEASE)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
  awk -F'|' -v codename="$codename" \
    '($1 == codename || $1 ~ /^(stable|testing|unstable|sid)$/) && $2 == "main" && !found { found = 1; print $3 }')
if [ -z "$mirror" ]; then
  say "no MySQL server: this machine's apt sources name no Debian mirror"
  exit 1
fi

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
signed=
[ -r "$keyring" ] && signed="[signed-by=$keyring] "
mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" "$work/root"
printf 'deb %s%s sid main\n' "$signed" "$mirror" >"$work/apt/sources.list"
# An empty status file: nothing counts as installed, so that every library comes along.
: >"$work/apt/status"

# A file rather than options: it comes after the machine's own settings (its proxy and certificates stay in force).
cat >"$work/apt/apt.conf" <<CONF
Dir::Etc::SourceList "$work/apt/sources.list";
Dir::Etc::SourceParts "-";
Dir::Etc::Preferences "-";
Dir::Etc::PreferencesParts "-";
Dir::State::Lists "$work/apt/lists";
Dir::State::status "$work/apt/status";
Dir::Cache "$work/apt";
Dir::Cache::archives "$work/apt/archives";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Retries "3";
Acquire::Languages "none";
#clear DPkg::Post-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
CONF
apt() {
  local command=$1
  shift
  "$command" -c "$work/apt/apt.conf" "$@"
}

say "fetching a MySQL server from $mirror (about 60 MB, once)"
if ! {
  apt apt-get update -qq &&
    apt apt-get install -qq --yes --download-only mysql-server-core
} >"$work/log" 2>&1; then
  say "no MySQL server: $(grep -E '^(E|Err)' "$work/log" | head -n 1 || true)"
  exit 1
fi

for package in "$work"/apt/archives/*.deb; do
  dpkg-deb -x "$package" "$work/root"
done

# The launcher finds everything from where it lies, so the folder can be renamed or copied.
cat >"$work/root/mysqld" <<'LAUNCHER'
#!/bin/sh
root=$(cd "$(dirname "$0")" && pwd)
triplet=$(basename "$(dirname "$(ls "$root"/usr/lib/*/libc.so.6 | head -n 1)")")
for loader in "$root"/usr/lib64/ld-linux-*.so.2 "$root"/usr/lib/ld-linux-*.so.1 "$root/usr/lib/$triplet"/ld-linux-*.so.*; do
  [ -x "$loader" ] && break
done
first=
case "${1:-}" in --no-defaults) first=$1 && shift ;; esac
exec "$loader" --library-path "$root/usr/lib/$triplet:$root/usr/lib/mysql/private" "$root/usr/sbin/mysqld" $first \
  --basedir="$root/usr" --lc-messages-dir="$root/usr/share/mysql" --plugin-dir="$root/usr/lib/mysql/plugin" "$@"
LAUNCHER
chmod 755 "$work/root/mysqld"
if ! version=$("$work/root/mysqld" --no-defaults --version 2>"$work/log"); then
  say "no MySQL server: the one from $mirror does not run here: $(head -n 1 "$work/log")"
  exit 1
fi

chmod 755 "$work/root"
mv "$work/root" "$final"
say "MySQL is ready: ${version##*mysqld }"
