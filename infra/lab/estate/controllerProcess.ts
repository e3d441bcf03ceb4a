import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { guardProcess } from '../databases/index.ts';

const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
/** What the program's first line tells Node. */
const nodeFlags = readFileSync(main, 'utf8').split('\n', 1)[0]?.match(/--\S+/g) ?? [];
/** On a machine that is several times slower than others, with several that start at once. */
const readyWithinMs = 120_000;
const stopWithinMs = 15_000;

/** A controller that runs as a process of its own. */
export interface ControllerProcess {
  readonly name: string;
  readonly api: string;
  readonly pid: number;
  /** From its start until it listened (milliseconds): what the machine is like. */
  readonly startMs: number;
  /** JSON lines of its log. */
  readonly logFile: string;
  /** SIGTERM, then waits for its end; resolves to the exit code. */
  stop(): Promise<number | null>;
  /** Resolves to the exit code when it has ended, however that came; null after a signal. */
  readonly ended: Promise<number | null>;
  /** Sends a signal; after SIGKILL waits for the end. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

const listening = z.looseObject({ msg: z.literal('listening'), address: z.string() });

/** Starts `bigdb-cutover serve` and waits until it listens. */
export async function startController(
  name: string,
  config: { text: string; env: Record<string, string> },
  baseDir: string,
): Promise<ControllerProcess> {
  const file = join(baseDir, `${name}.yaml`);
  const logFile = join(baseDir, `${name}.log`);
  await writeFile(file, config.text, { mode: 0o600 });
  const startedAtMs = performance.now();
  const child = spawn(process.execPath, [...nodeFlags, main, 'serve', '--config', file], {
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...config.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  guardProcess(child);
  const log = createWriteStream(logFile, { flags: 'a' });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const api = await addressOf(child, exited, logFile);
  return {
    name,
    api,
    pid: child.pid ?? -1,
    startMs: performance.now() - startedAtMs,
    logFile,
    ended: exited,
    async stop() {
      child.kill('SIGTERM');
      child.kill('SIGCONT');
      const hard = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
      const code = await exited;
      clearTimeout(hard);
      log.end();
      return code;
    },
    async kill(signal) {
      child.kill(signal);
      if (signal === 'SIGKILL') await exited;
    },
  };
}

async function addressOf(child: ChildProcess, exited: Promise<number | null>, logFile: string): Promise<string> {
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  const found = new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      if (!line.includes('"listening"')) return;
      const parsed = listening.safeParse(JSON.parse(line));
      if (parsed.success) resolve(parsed.data.address);
    });
  });
  const timeout = AbortSignal.timeout(readyWithinMs);
  const late = new Promise<never>((_, reject) => {
    timeout.addEventListener('abort', () => reject(new Error(`the controller did not listen in time; see ${logFile}`)));
  });
  const ended = exited.then((code) => {
    throw new Error(`the controller ended with exit code ${code}; see ${logFile}`);
  });
  return Promise.race([found, late, ended]);
}
