# Sourced, not run: where everything that set-up downloads is kept, and the lock over it.
# The lab's infra/lab/databases/cacheFolder.ts names the same folder.

bigdb_cache_dir() {
  printf '%s\n' "${BIGDB_CUTOVER_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/bigdb-cutover}"
}

# Everything set-up has to say goes to stderr: stdout belongs to the program that is started afterwards.
say() {
  printf 'setup: %s\n' "$*" >&2
}
