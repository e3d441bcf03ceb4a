#!/usr/bin/env bash
# run.sh [--browser] SCRIPT [ARGUMENT…]: prepares the machine, then runs SCRIPT with the project's own Node.
# With --browser a Chromium belongs to what is prepared.
# It replaces itself, so that signals reach the script. SCRIPT is relative to the project.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
prepare=()
if [ "${1:-}" = --browser ]; then
  prepare=(--browser)
  shift
fi
if [ $# -eq 0 ]; then
  echo 'usage: run.sh [--browser] SCRIPT [ARGUMENT...]' >&2
  exit 2
fi
bash "$here/prepare.sh" ${prepare[@]+"${prepare[@]}"}
cd "$here/../.."
exec node_modules/.bin/node "$@"
