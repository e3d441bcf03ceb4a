import { randomBytes } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { DatabaseServer } from '../../infra/lab/databases/index.ts';
import type { Stage } from './stage.ts';

const usuallyEveryMs = 5;
/** How finely it is measured how long the machine stood still (milliseconds). */
const stallResolutionMs = 10;
/** Steps one behind the other while clients are held: each may meet such a standstill. */
const stepsOfAHold = 10;

interface Write {
  readonly payload: string;
  readonly sentAtMs: number;
  readonly waitedMs: number;
}

/** A client that writes one row after the other through one proxy, and knows what was acknowledged. */
export class SteadyWriter {
  readonly orgId: number;
  readonly name = randomBytes(6).toString('hex');
  readonly acknowledged: Write[] = [];
  readonly errors: { readonly payload: string; readonly code: string; readonly message: string }[] = [];
  readonly #stage: Stage;
  readonly #proxyIndex: number;
  readonly #everyMs: number;
  readonly #stopping = new AbortController();
  #sent: { payload: string; atMs: number } | null = null;
  readonly #stalls = monitorEventLoopDelay({ resolution: stallResolutionMs });
  #loop: Promise<void> = Promise.resolve();

  private constructor(stage: Stage, orgId: number, proxyIndex: number, everyMs: number) {
    this.#stage = stage;
    this.orgId = orgId;
    this.#proxyIndex = proxyIndex;
    this.#everyMs = everyMs;
  }

  /** Resolves when the first write was acknowledged. */
  static async start(stage: Stage, orgId: number, proxyIndex = 0, everyMs = usuallyEveryMs): Promise<SteadyWriter> {
    const writer = new SteadyWriter(stage, orgId, proxyIndex, everyMs);
    const connection = await stage.client(orgId, proxyIndex);
    await writer.#write(connection, 0);
    writer.#stalls.enable();
    writer.#loop = writer.#run(connection);
    return writer;
  }

  /** One at every proxy. */
  static startAll(stage: Stage, orgId: number, everyMs?: number): Promise<SteadyWriter[]> {
    return Promise.all(stage.lab.proxies.map((_, index) => SteadyWriter.start(stage, orgId, index, everyMs)));
  }

  async #run(first: Connection): Promise<void> {
    let connection = first;
    for (let n = 1; !this.#stopping.signal.aborted; n++) {
      try {
        await this.#write(connection, n);
        await sleep(this.#everyMs);
      } catch (error) {
        this.errors.push({
          payload: this.#payload(n),
          code: String((error as { code?: unknown }).code),
          message: error instanceof Error ? error.message : String(error),
        });
        connection.destroy();
        connection = await this.#reconnect();
      }
    }
    connection.destroy();
    this.#stalls.disable();
  }

  /** As a client's pool does: until the proxy takes connections again. */
  async #reconnect(): Promise<Connection> {
    for (;;) {
      try {
        return await this.#stage.client(this.orgId, this.#proxyIndex);
      } catch (error) {
        if (this.#stopping.signal.aborted) throw error;
        await sleep(50);
      }
    }
  }

  #payload = (n: number): string => `${this.name}/${n}`;

  async #write(connection: Connection, n: number): Promise<void> {
    const payload = this.#payload(n);
    const sentAtMs = performance.now();
    this.#sent = { payload, atMs: sentAtMs };
    await connection.query('INSERT INTO CdrTasks (OrgID, CdrRef, Payload) VALUES (?, ?, ?)', [
      this.orgId,
      randomBytes(16),
      payload,
    ]);
    this.#sent = null;
    this.acknowledged.push({ payload, sentAtMs, waitedMs: performance.now() - sentAtMs });
  }

  /** The longest wait of a write, one that still waits included (milliseconds). */
  get longestWaitMs(): number {
    const now = this.#sent === null ? 0 : performance.now() - this.#sent.atMs;
    return Math.max(now, ...this.acknowledged.map(({ waitedMs }) => waitedMs));
  }

  /** The longest wait, less what a machine that stands still now and then may have added to a hold (milliseconds). */
  get longestHoldMs(): number {
    const stallMs = Math.max(0, this.#stalls.max / 1e6 - stallResolutionMs);
    return this.longestWaitMs - stepsOfAHold * stallMs;
  }

  /** Lets the write under way end. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
  }
}

/** What became of the writers' rows at the server that serves the org. */
export interface Found {
  readonly lost: readonly string[];
  readonly duplicated: readonly string[];
  /** Stored without an acknowledgement or an error that left it open. */
  readonly unexplained: readonly string[];
}

/** Ends the writers and looks for each of their rows. */
export async function stopAndLook(
  stage: Stage,
  writers: readonly SteadyWriter[],
  server: DatabaseServer,
): Promise<Found> {
  await Promise.all(writers.map((writer) => writer.stop()));
  // A row written at one site shows at the other once replication has brought it.
  await stage.lab.sites.waitUntilInStep();
  const found = { lost: [] as string[], duplicated: [] as string[], unexplained: [] as string[] };
  for (const { name, orgId, acknowledged, errors } of writers) {
    const rows = await stage.at<RowDataPacket[]>(
      server,
      'SELECT Payload, COUNT(*) AS n FROM BigDB.CdrTasks WHERE OrgID = ? AND Payload LIKE ? GROUP BY Payload',
      [orgId, `${name}/%`],
    );
    const stored = new Map(rows.map(({ Payload, n }) => [String(Payload), Number(n)]));
    const open = new Set([...acknowledged, ...errors].map(({ payload }) => payload));
    found.lost.push(...acknowledged.map(({ payload }) => payload).filter((payload) => !stored.has(payload)));
    found.duplicated.push(...[...stored].filter(([, n]) => n > 1).map(([payload]) => payload));
    found.unexplained.push(...[...stored.keys()].filter((payload) => !open.has(payload)));
  }
  return found;
}

/** Nothing lost, nothing twice, nothing from nowhere. */
export const allThere: Found = { lost: [], duplicated: [], unexplained: [] };

/** An open transaction of the org that has written a row; `end` commits it, `abandon` goes away without. */
export async function openTransaction(
  stage: Stage,
  orgId: number,
  proxyIndex = 0,
): Promise<{ payload: string; end(): Promise<void>; abandon(): void }> {
  const connection = await stage.client(orgId, proxyIndex);
  const payload = `transaction ${randomBytes(6).toString('hex')}`;
  await connection.query('BEGIN');
  await connection.query('INSERT INTO CdrTasks (OrgID, CdrRef, Payload) VALUES (?, ?, ?)', [
    orgId,
    randomBytes(16),
    payload,
  ]);
  return {
    payload,
    async end() {
      await connection.query('COMMIT');
      connection.destroy();
    },
    abandon: () => connection.destroy(),
  };
}
