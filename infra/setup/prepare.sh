#!/usr/bin/env bash
# prepare.sh [--browser]: makes this machine ready for the lab, the demo and the tests. Run by run.sh; may be run by hand.
#
# What it makes sure of, in this order, touching only what is missing:
#   system packages  on Debian and as root only: libatomic1, which npm's own Node 26 is linked with, openssl, which makes
#                    the certificates of tests, and MariaDB. Of MariaDB the packages with the programs alone: unlike
#                    mariadb-server they bring no service, so nothing is started, enabled or restarted on this machine
#   node_modules     npm ci, when it is absent or older than the lock file
#   MySQL            into the cache folder, for the lab's clusters; without it MariaDB stands in, and a line says so
#   Chromium         with --browser: for the tests of the web page, from Debian, with a font; without it those tests
#                    fail and say why
#
# Says nothing when there is nothing to do. Everything it says goes to stderr.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)
. "$here/cache.sh"
cache=$(bigdb_cache_dir)
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
browser=no
[ "${1:-}" = --browser ] && browser=yes

modules_are_current() {
  [ -x "$project/node_modules/.bin/node" ] &&
    [ -e "$project/node_modules/.package-lock.json" ] &&
    [ ! "$project/package-lock.json" -nt "$project/node_modules/.package-lock.json" ]
}

mariadb_is_there() {
  command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null && command -v my_print_defaults >/dev/null
}

# Only Linux builds of Node ask for it.
libatomic_is_there() {
  [ "$(uname -s)" != Linux ] || compgen -G '/usr/lib*/libatomic.so.1' >/dev/null ||
    compgen -G '/usr/lib/*/libatomic.so.1' >/dev/null || compgen -G '/lib/*/libatomic.so.1' >/dev/null
}

# Names and variable as in test/web/browser.ts.
chromium_is_there() {
  [ "$browser" = no ] || [ -n "${CHROMIUM_BIN:-}" ] || command -v chromium >/dev/null ||
    command -v chromium-browser >/dev/null || command -v google-chrome-stable >/dev/null ||
    command -v google-chrome >/dev/null
}

mysql_is_there() {
  [ -x "$cache/mysql-1/mysqld" ]
}

install_modules() {
  if ! command -v npm >/dev/null; then
    say 'missing: npm (it comes with Node.js)'
    exit 1
  fi
  say 'installing the project'"'"'s packages (npm ci)'
  # npm puts node_modules/.bin first on the PATH of its scripts, and npm ci begins by deleting just that.
  local path
  path=$(printf '%s' "$PATH" | tr ':' '\n' | grep -v 'node_modules/\.bin$' | paste -sd: -)
  (cd "$project" && PATH=$path npm ci --no-audit --no-fund --loglevel=error >&2 8>&-)
  # Tells a lock file that was checked out later from one that was changed later.
  touch "$project/node_modules/.package-lock.json"
  if ! modules_are_current; then
    say 'npm ci left no node_modules/.bin/node: are optional packages or install scripts switched off in npm'"'"'s configuration?'
    exit 1
  fi
}

install_system_packages() {
  if [ ! -e /etc/debian_version ] || ! command -v apt-get >/dev/null; then
    say "missing: ${missing_names[*]} (only on Debian is it installed for you)"
    exit 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    say "missing, and only root can install it: apt-get install ${missing_packages[*]}"
    exit 1
  fi
  say "installing ${missing_packages[*]} (apt-get)"
  local log=$cache/apt.log
  export DEBIAN_FRONTEND=noninteractive
  # Somebody else's apt may be at work (a fresh machine updating itself): wait for it.
  if ! {
    apt-get -o DPkg::Lock::Timeout=300 update -qq &&
      apt-get -o DPkg::Lock::Timeout=300 install -qq --yes --no-install-recommends "${missing_packages[@]}"
  } </dev/null >"$log" 2>&1 8>&-; then
    say "the packages could not be installed: $(grep -E '^(E|Err)' "$log" | head -n 1 || true) (all of it: $log)"
    exit 1
  fi
  rm -f "$log"
  hash -r
}

# Fills missing_names (for people) and missing_packages (for apt-get).
look_for_system_packages() {
  missing_names=() missing_packages=()
  if ! libatomic_is_there; then
    missing_names+=('libatomic.so.1')
    missing_packages+=(libatomic1)
  fi
  if ! command -v openssl >/dev/null; then
    missing_names+=('openssl')
    missing_packages+=(openssl)
  fi
  if ! mariadb_is_there; then
    missing_names+=('MariaDB 10.6 or later: mariadbd, mariadb-install-db and my_print_defaults on the PATH')
    missing_packages+=(mariadb-server-core mariadb-client-core)
  fi
}

look_for_system_packages
if [ ${#missing_packages[@]} -eq 0 ] && modules_are_current && mysql_is_there && chromium_is_there; then
  exit 0
fi

mkdir -p "$cache"
if command -v flock >/dev/null; then
  exec 8>"$cache/prepare.lock"
  flock 8
fi

# Whoever held the lock may have done the work.
look_for_system_packages
if [ ${#missing_packages[@]} -gt 0 ]; then
  install_system_packages
  look_for_system_packages
  if [ ${#missing_packages[@]} -gt 0 ]; then
    say "still missing although its packages are installed: ${missing_names[*]}"
    exit 1
  fi
fi
modules_are_current || install_modules
if ! mysql_is_there; then
  # The lock must not live on in what is started there.
  bash "$here/fetch-mysql.sh" 8>&- || say 'going on without MySQL: MariaDB stands in for the clusters'
fi
if ! chromium_is_there; then
  # A shell of its own: the demo, the lab and all other tests do without.
  (
    missing_names=('Chromium: chromium on the PATH, or CHROMIUM_BIN')
    missing_packages=(chromium fonts-dejavu-core)
    install_system_packages
  ) || say 'going on without Chromium: the tests of the web page will fail'
fi
