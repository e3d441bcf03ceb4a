import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { guardProcess } from '../databases/index.ts';
import type { DmsConfigInput } from './config.ts';
import type { FaultInput } from './faults.ts';

/** What to start. All but the folder has a default. */
export interface DmsOptions extends DmsConfigInput {
  /** An existing folder of the caller's; configuration and log go into a folder `dms-REGION` in it. */
  readonly baseDir: string;
  /** Default 0, a free one. */
  readonly port?: number;
}

/** A running DMS stand-in. */
export interface DmsServer {
  /** For the SDK's `endpoint`. */
  readonly url: string;
  readonly region: string;
  readonly pid: number;
  /** The replication instances that are there from the start. */
  readonly instances: readonly { readonly identifier: string; readonly arn: string }[];
  readonly faults: DmsFaults;
  /** Ends it in order and waits until it is gone. Idempotent. */
  stop(): Promise<void>;
  /** Sends a signal; waits for the exit after SIGKILL only. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

const stateSchema = z.object({
  region: z.string(),
  binlogReaders: z.number(),
  tasks: z.array(
    z.object({
      identifier: z.string(),
      arn: z.string(),
      status: z.string(),
      queued: z.number(),
      checkpoint: z.object({ file: z.string(), offset: z.number() }).nullable(),
      captureFrom: z.object({ file: z.string(), offset: z.number() }).nullable(),
      overlapUntil: z.object({ file: z.string(), offset: z.number() }).nullable(),
      tables: z.array(z.object({ name: z.string(), state: z.string(), error: z.string().nullable() })),
      log: z.array(z.string()),
    }),
  ),
});

export type DmsState = z.infer<typeof stateSchema>;

/** The fault switches. `task` is a prefix of task identifiers; left out it means all. */
export class DmsFaults {
  readonly #labUrl: string;

  constructor(labUrl: string) {
    this.#labUrl = labUrl;
  }

  /** Changes reach the target this much later; 0 switches it off. */
  applyLag = (ms: number, task = '*'): Promise<void> => this.set({ kind: 'applyLag', ms, task });
  /** Captured changes wait until it is switched off. */
  holdApply = (on: boolean, task = '*'): Promise<void> => this.set({ kind: 'holdApply', on, task });
  /** The table ends in `Table error`, in tasks that run and in those that start later. */
  tableError = (table: string, task = '*', message?: string): Promise<void> =>
    this.set({ kind: 'tableError', table, task, ...(message === undefined ? {} : { message }) });
  /** Running tasks fail, with this stop reason. */
  failTask = (reason: 'RECOVERABLE_ERROR' | 'FATAL_ERROR', task = '*', message?: string): Promise<void> =>
    this.set({ kind: 'taskFailure', reason, task, ...(message === undefined ? {} : { message }) });
  /** Stopped and failed tasks resume by themselves, so many transactions before their checkpoint. */
  selfResume = (task = '*', replayTransactions = 0): Promise<void> =>
    this.set({ kind: 'selfResume', task, replayTransactions });
  /** The next calls (of one operation, or of any) are answered with "Rate exceeded". */
  throttle = (calls: number, operation = '*'): Promise<void> => this.set({ kind: 'throttle', calls, operation });
  /** All calls together get this rate and no more; null goes back to the configured one. */
  apiRate = (perSecond: number | null, capacity = 1): Promise<void> =>
    this.set({ kind: 'apiRate', perSecond, capacity });
  /** The next calls of the operation are carried out and their answers lost. */
  loseReply = (operation: string, calls = 1, how: 'drop' | '500' = 'drop'): Promise<void> =>
    this.set({ kind: 'lostReply', operation, calls, how });
  /** The service refuses connections, or takes requests and never answers. */
  unreachable = (how: 'refuse' | 'hang' | 'off'): Promise<void> => this.set({ kind: 'unreachable', how });
  /** Everybody's credentials are refused. */
  credentials = (are: 'good' | 'expired' | 'unknown'): Promise<void> => this.set({ kind: 'credentials', are });
  /** Every replication instance shows this status; null: its own again. */
  instances = (status: string | null): Promise<void> => this.set({ kind: 'instances', status });
  /** Deleting takes this long. */
  slowDelete = (ms: number, task = '*'): Promise<void> => this.set({ kind: 'slowDelete', ms, task });
  /** All switches off. */
  clear = (): Promise<void> => this.set({ kind: 'clear' });

  /** What is going on inside. */
  async state(): Promise<DmsState> {
    const response = await fetch(`${this.#labUrl}/lab/state`);
    return stateSchema.parse(await response.json());
  }

  /** Sets any fault. */
  async set(fault: FaultInput): Promise<void> {
    const response = await fetch(`${this.#labUrl}/lab/faults`, { method: 'POST', body: JSON.stringify(fault) });
    const text = await response.text();
    if (!response.ok) throw new DmsStartError('DMS_FAULT_REFUSED', text, 'see the schema of the faults');
  }
}

/** The stand-in did not start, or refused a switch. */
export class DmsStartError extends Error {
  override readonly name = 'DmsStartError';
  readonly code: 'DMS_DID_NOT_START' | 'DMS_FAULT_REFUSED';
  readonly remedy: string;

  constructor(code: DmsStartError['code'], message: string, remedy: string) {
    super(`${message} (${remedy})`);
    this.code = code;
    this.remedy = remedy;
  }
}

const readySchema = z.object({
  url: z.string(),
  labUrl: z.string(),
  region: z.string(),
  pid: z.number(),
  instances: z.array(z.object({ identifier: z.string(), arn: z.string() })),
});

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const STOP_TIMEOUT_MS = 10_000;

/** Starts the stand-in as a process of its own and waits until it answers. It does not outlive this process. */
export async function startDms({ baseDir, port = 0, ...config }: DmsOptions): Promise<DmsServer> {
  const folder = join(baseDir, `dms-${config.region ?? 'eu-west-2'}`);
  await mkdir(folder, { recursive: true });
  const configFile = join(folder, 'config.json');
  await writeFile(configFile, JSON.stringify(config));
  const logFile = join(folder, 'dms.log');
  const log = await open(logFile, 'a');
  const child = spawn(process.execPath, [MAIN, '--port', String(port), '--config', configFile], {
    stdio: ['ignore', 'pipe', log.fd],
    // A Ctrl-C in the terminal is for the lab, which ends its processes in order.
    detached: true,
  });
  guardProcess(child);
  await log.close();
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const ready = await firstLine(child);
  if (ready === null) {
    await exited;
    const tail = (await readFile(logFile, 'utf8')).slice(-2000);
    throw new DmsStartError('DMS_DID_NOT_START', `the DMS stand-in ended at its start: ${tail}`, `see ${logFile}`);
  }
  const { url, labUrl, region, pid, instances } = readySchema.parse(JSON.parse(ready));
  return {
    url,
    region,
    pid,
    instances,
    faults: new DmsFaults(labUrl),
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      // A frozen process takes no SIGTERM.
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await exited;
      clearTimeout(timer);
    },
    kill: async (signal) => {
      child.kill(signal);
      if (signal === 'SIGKILL') await exited;
    },
  };
}

function firstLine(child: ChildProcess): Promise<string | null> {
  return new Promise((resolve) => {
    if (child.stdout === null) {
      resolve(null);
      return;
    }
    const lines = createInterface({ input: child.stdout });
    lines.once('line', resolve);
    child.once('exit', () => resolve(null));
  });
}
