// What the lab starts must not outlive it, however it ends, SIGKILL included. One small shell is kept beside this
// process and told of every child and every folder over a pipe. When this process is gone the kernel closes the pipe;
// the shell then ends the children and removes the folders that are still on its list.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';

const GUARDIAN_SCRIPT = `
pids= dirs=
while IFS= read -r line; do
  case "$line" in
    '+pid '*) pids="$pids \${line#+pid }" ;;
    '-pid '*) kept=; for p in $pids; do [ "$p" = "\${line#-pid }" ] || kept="$kept $p"; done; pids=$kept ;;
    '+dir '*) dirs="$dirs\${line#+dir }
" ;;
    '-dir '*) dirs=$(printf '%s' "$dirs" | grep -vxF -e "\${line#-dir }")
      [ -z "$dirs" ] || dirs="$dirs
" ;;
  esac
done
for p in $pids; do kill -KILL "$p" 2>/dev/null; done
tries=0
while [ $tries -lt 20 ]; do
  left=
  OLDIFS=$IFS; IFS='
'
  for d in $dirs; do rm -rf "$d" 2>/dev/null; [ -e "$d" ] && left=1; done
  IFS=$OLDIFS
  [ -z "$left" ] && exit 0
  tries=$((tries + 1)); sleep 0.1
done
exit 1
`;

let pipe: Writable | undefined;

function tell(line: string): void {
  if (pipe === undefined) {
    // A session of its own, so that Ctrl-C in the terminal does not take the guardian away first.
    const child = spawn('sh', ['-c', GUARDIAN_SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    child.unref();
    pipe = child.stdin;
    (pipe as Writable & { unref(): void }).unref();
    // A guardian that somebody killed is replaced at the next entry; its list is gone with it.
    pipe.on('error', () => {
      pipe = undefined;
    });
  }
  pipe.write(`${line}\n`);
}

/**
 * Has the process ended with SIGKILL when this one ends, in whatever way. Call it right after the spawn.
 * Forgets the process when it has exited by itself.
 */
export function guardProcess(child: ChildProcess): void {
  if (child.pid === undefined) return;
  guardPid(child.pid, new Promise((resolve) => child.once('exit', resolve)));
}

/** {@link guardProcess} for a process that is not a child of this one; `exited` tells that it has gone. */
export function guardPid(pid: number, exited: Promise<unknown>): void {
  tell(`+pid ${pid}`);
  void exited.finally(() => tell(`-pid ${pid}`));
}

/** Has the folder removed when this process ends, in whatever way, unless {@link removeFolder} did it before. */
export function guardFolder(path: string): void {
  tell(`+dir ${path}`);
}

/** A new temporary folder of mode 0700 that does not outlive this process. */
export async function makeTempFolder(prefix: string): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  guardFolder(path);
  return path;
}

/** Removes a guarded folder with all that is in it. */
export async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  tell(`-dir ${path}`);
}
