import { checkWorkload } from './check.ts';
import { ClientErrors } from './clientErrors.ts';
import { type WorkloadContext, WriteIds } from './context.ts';
import { runCdrWorker, runRetention } from './jobs.ts';
import { Ledger } from './ledger.ts';
import { runReader } from './reader.ts';
import { ClientSession } from './session.ts';
import { cdrTasks, wholesaleCallCostCache } from './tables/index.ts';
import { type StatementKind, Timings } from './timings.ts';
import { TokenBucket } from './tokenBucket.ts';
import type {
  ClientErrorSample,
  ServedInterval,
  SideConnection,
  WorkloadCheck,
  WorkloadOptions,
  WorkloadOrg,
} from './types.ts';
import { Writer } from './writer.ts';

/** After this the connections of clients that still wait are cut. */
const STOP_GRACE_MS = 15_000;
/** Seeded rows of an org that its writers take over, so that rows of the full load get changed as well. */
const ADOPTED_TASKS = 200;
const ADOPTED_RATES = 100;
/** Turns of each job instance per second; a turn is one org. */
const JOB_TURNS_PER_SECOND = 8;

/** Clients at work, and what they know. Moments are epoch milliseconds. */
export interface Workload {
  /** Acknowledged row writes so far. */
  readonly writesAcknowledged: number;
  /** Acknowledged row writes of one org from that moment on (to the other one). */
  acknowledgedSince(orgId: number, fromMs: number, toMs?: number): number;
  /** Acknowledged row writes of all orgs per second, over the last `windowMs` (default 5,000). */
  acknowledgedPerSecond(windowMs?: number): number;
  /** The longest that a client of the org waited for the answer to one statement, in the window; since the start by default. */
  longestWaitMs(orgId: number, kind: StatementKind, fromMs?: number, toMs?: number): number;
  /** Statements of the org that had been sent and not been answered at that moment; now by default. */
  waiting(orgId: number, kind: StatementKind, atMs?: number): number;
  /** From that moment until the last of the org's statements that were on their way then was answered (milliseconds); null while one is. */
  answeredAfterMs(orgId: number, kind: StatementKind, atMs: number): number | null;
  /** Errors that clients got. */
  readonly clientErrors: number;
  clientErrorsOf(orgId: number): number;
  readonly errorSamples: readonly ClientErrorSample[];
  /** Clients that did not see their own last write. */
  readonly staleReads: number;
  /** Lets every client finish what it is at, then ends all connections. Idempotent. */
  stop(): Promise<void>;
  /** Compares what was acknowledged with what is stored. Stop first, and let replication arrive. */
  check(input: CheckOptions): Promise<WorkloadCheck>;
}

export interface CheckOptions {
  /** The server that serves the org now, with an account that may read all of BigDB. */
  readonly sideOf: (orgId: number) => SideConnection;
  /** Who served when, for `wrongSideWrites`. */
  readonly served?: readonly ServedInterval[];
  readonly toleranceMs?: number;
}

/**
 * Starts writers and readers of each org through every proxy, and the jobs. Resolves when each org has taken over its
 * seeded rows; rejects when an org cannot connect.
 */
export async function startWorkload(options: WorkloadOptions): Promise<Workload> {
  const {
    proxies,
    orgs,
    routing,
    ratePerOrg = 60,
    readsPerOrg = 20,
    writersPerProxy = 1,
    readersPerProxy = 1,
  } = options;
  const ledgers = new Map(orgs.map(({ orgId }) => [orgId, new Ledger()]));
  const abort = new AbortController();
  const context: WorkloadContext = {
    ids: new WriteIds(),
    timings: new Timings(),
    errors: new ClientErrors(),
    staleReads: 0,
    signal: abort.signal,
    ledger(orgId) {
      const ledger = ledgers.get(orgId);
      if (ledger === undefined) throw new TypeError(`org ${orgId} is not part of this workload`);
      return ledger;
    },
  };

  const sessions: ClientSession[] = [];
  const connect = (org: WorkloadOrg, proxyIndex: number): ClientSession => {
    const proxy = proxies[proxyIndex];
    if (proxy === undefined) throw new TypeError(`there is no proxy number ${proxyIndex}`);
    const session = new ClientSession(org, proxy, routing, context.timings);
    sessions.push(session);
    return session;
  };

  const loops: (() => Promise<void>)[] = [];
  const allWriters = new Map<number, Writer[]>();
  for (const org of orgs) {
    const writes = new TokenBucket(ratePerOrg);
    const reads = new TokenBucket(readsPerOrg);
    const forget = options.forgetBeginAnnotation;
    const forgetShare = forget?.orgIds.includes(org.orgId) ? forget.share : 0;
    const writers: Writer[] = [];
    allWriters.set(org.orgId, writers);
    for (const index of proxies.keys()) {
      for (let n = 0; n < writersPerProxy; n += 1) {
        const writer = new Writer({ context, session: connect(org, index), bucket: writes, forgetShare });
        writers.push(writer);
        loops.push(() => writer.run());
      }
      for (let n = 0; n < readersPerProxy; n += 1) {
        const session = connect(org, index);
        loops.push(() => runReader(context, session, reads));
      }
    }
  }
  const count = proxies.length * (options.jobInstancesPerProxy ?? 1);
  for (let index = 0; index < count; index += 1) {
    for (const run of [runCdrWorker, runRetention]) {
      const jobSessions = orgs.map((org) => connect(org, index % proxies.length));
      const bucket = new TokenBucket(JOB_TURNS_PER_SECOND);
      loops.push(() => run({ context, sessions: jobSessions, index, count, bucket }));
    }
  }

  try {
    await Promise.all(orgs.map((org) => adoptSeededRows(connect(org, 0), allWriters.get(org.orgId) ?? [])));
  } catch (error) {
    for (const session of sessions) session.close();
    throw error;
  }
  const running = Promise.all(loops.map((loop) => loop()));
  // The loops end only when they are told to; a defect in one shows at stop().
  running.catch(() => {});

  let stopped: Promise<void> | undefined;
  const stop = async () => {
    abort.abort();
    const cut = setTimeout(() => {
      for (const session of sessions) session.close();
    }, STOP_GRACE_MS);
    try {
      await running;
    } finally {
      clearTimeout(cut);
      for (const session of sessions) session.close();
    }
  };

  return {
    get writesAcknowledged() {
      return context.timings.totalAcknowledged;
    },
    acknowledgedSince: (orgId, fromMs, toMs = Number.POSITIVE_INFINITY) =>
      context.timings.acknowledgedBetween(orgId, fromMs, toMs),
    acknowledgedPerSecond: (windowMs = 5_000) => context.timings.acknowledgedPerSecond(windowMs),
    longestWaitMs: (orgId, kind, fromMs = 0, toMs = Number.POSITIVE_INFINITY) =>
      context.timings.longestWaitMs(orgId, kind, fromMs, toMs),
    waiting: (orgId, kind, atMs = Date.now()) => context.timings.waitingAt(orgId, kind, atMs),
    answeredAfterMs: (orgId, kind, atMs) => context.timings.answeredAfterMs(orgId, kind, atMs),
    get clientErrors() {
      return context.errors.count;
    },
    clientErrorsOf: (orgId) => context.errors.countOf(orgId),
    get errorSamples() {
      return context.errors.samples;
    },
    get staleReads() {
      return context.staleReads;
    },
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
    check: (input) => checkWorkload({ ...input, ledgers, firstWriteId: context.ids.first }),
  };
}

/** Shares seeded rows out among an org's writers: each row has one writer. */
async function adoptSeededRows(session: ClientSession, writers: readonly Writer[]): Promise<void> {
  const { orgId } = session.org;
  const seeded = { present: true, writeId: 0, bornId: 0, seq: 0 };
  const tasks = await session.read({
    sql: `SELECT TaskID, Attempts, Status FROM CdrTasks WHERE OrgID = ? AND WriteId = 0 ORDER BY TaskID LIMIT ${ADOPTED_TASKS}`,
    values: [orgId],
    prepared: false,
  });
  for (const [index, row] of tasks.entries()) {
    const state = { ...seeded, counter: Number(row.Attempts), status: String(row.Status) };
    writers[index % writers.length]?.adopt(cdrTasks, { key: cdrTasks.keyOf(row), state });
  }
  const rates = await session.read({
    sql: `SELECT CarrierID, Prefix FROM WholesaleCallCostCache WHERE OrgID = ? AND WriteId = 0
          ORDER BY CarrierID, Prefix LIMIT ${ADOPTED_RATES}`,
    values: [orgId],
    prepared: false,
  });
  for (const [index, row] of rates.entries()) {
    const state = { ...seeded, counter: 0, status: null };
    writers[index % writers.length]?.adopt(wholesaleCallCostCache, { key: wholesaleCallCostCache.keyOf(row), state });
  }
  session.close();
}
