#!/usr/bin/env bash
# run.sh SCRIPT [ARGUMENT…]: prepares the machine, then runs SCRIPT with the project's own Node.
# It replaces itself, so that signals reach the script. SCRIPT is relative to the project.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ $# -eq 0 ]; then
  echo 'usage: run.sh SCRIPT [ARGUMENT...]' >&2
  exit 2
fi
bash "$here/prepare.sh"
cd "$here/../.."
exec node_modules/.bin/node "$@"
