import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { z } from 'zod';
import { makeTempFolder, onServer, removeFolder, startMariaDb } from '../../lab/databases/index.ts';
import type { Benchmark, BenchOptions, BenchResult } from '../benchmark.ts';
import { percentile, ratio } from '../figures.ts';
import { fillStore, idOf } from '../fill.ts';
import { type Poll, poll } from './pollers.ts';

const database = 'bench_store';
const migrations = 10_000;
const pollers = 1_000;
/** Migrations that are polled one by one; each is made once before it is measured. */
const polledOnes = 2_000;
const measureMs = 1_500;
/** Of the bare server's. */
const toReach = { 304: 0.7, 200: 0.5 } as const;
/** Times that floor and API take turns, so that a machine's moods meet both. */
const turns = 3;

const page = '/v1/migrations?limit=50';
const one = (n: number) => `/v1/migrations/${idOf(n)}`;
const floors = { '/page': page, '/one': one(0) };

/** What a thousand pollers get of the API, beside a bare server that sends the same bytes. */
export const api: Benchmark = {
  name: 'api',
  about: `answers per second to ${pollers} pollers, ${migrations} migrations in the store`,
  async run(options) {
    const baseDir = await makeTempFolder('bigdb-cutover-bench-');
    try {
      const server = await startMariaDb({ name: 'store', baseDir });
      try {
        options.say(`filling ${migrations} migrations into MariaDB ${server.version}`);
        const { host, port, user, password } = server;
        const store = { host, port, user, password, database };
        await onServer(server, (connection) => connection.query(`CREATE DATABASE ${database}`));
        await fillStore(store, { moved: migrations, planned: 0 }, options.signal);
        const token = randomBytes(24).toString('base64url');
        const child = fork(new URL('./server.ts', import.meta.url).pathname, [JSON.stringify({ store, token })]);
        try {
          return await measure(child, token, options);
        } finally {
          const gone = once(child, 'exit');
          if (child.connected) child.disconnect();
          if (child.exitCode === null && child.signalCode === null) await gone;
        }
      } finally {
        await server.stop();
      }
    } finally {
      await removeFolder(baseDir);
    }
  },
};

interface Case {
  readonly name: string;
  /** Of the API, and of the bare server. */
  readonly next: (poller: number) => Poll;
  readonly floor: () => Poll;
  readonly status: 200 | 304;
}

async function measure(child: ChildProcess, token: string, { signal, say }: BenchOptions): Promise<BenchResult> {
  const at = z.object({ api: z.string(), floor: z.string() }).parse(await asked(child, { floors }));
  say('making every polled answer once');
  const etags: string[] = [];
  for (let n = 0; n < polledOnes; n += 100) {
    const batch = Array.from({ length: 100 }, (_, index) => etagOf(`${at.api}${one(n + index)}`, token));
    etags.push(...(await Promise.all(batch)));
  }
  const pageEtag = await etagOf(`${at.api}${page}`, token);
  const turn = new Uint32Array(pollers);
  const nextOne = (poller: number) => {
    const asked = (turn[poller] ?? 0) + 1;
    turn[poller] = asked;
    return (poller + asked * 7) % polledOnes;
  };
  const full = (path: string): Poll => ({ path, etag: null });
  const cases: readonly Case[] = [
    {
      name: 'page304',
      next: () => ({ path: page, etag: pageEtag }),
      floor: () => ({ path: '/page', etag: pageEtag }),
      status: 304,
    },
    {
      name: 'one304',
      next: (poller) => {
        const n = nextOne(poller);
        return { path: one(n), etag: etags[n] ?? '' };
      },
      floor: () => ({ path: '/one', etag: etags[0] ?? '' }),
      status: 304,
    },
    { name: 'page200', next: () => full(page), floor: () => full('/page'), status: 200 },
    { name: 'one200', next: (poller) => full(one(nextOne(poller))), floor: () => full('/one'), status: 200 },
  ];
  const results: Record<string, Figures> = {};
  for (const each of cases) {
    const seen: { api: Turn[]; floor: Turn[] } = { api: [], floor: [] };
    for (let number = 0; number < turns; number++) {
      for (const side of ['floor', 'api'] as const) {
        signal.throwIfAborted();
        seen[side].push(await oneTurn(child, at[side], token, each, side));
      }
    }
    const median = (list: readonly Turn[], of: (turn: Turn) => number) => percentile(list.map(of), 0.5);
    const [value, floor] = [median(seen.api, (t) => t.perSecond), median(seen.floor, (t) => t.perSecond)];
    const [cpuUs, floorCpuUs] = [median(seen.api, (t) => t.cpuUs), median(seen.floor, (t) => t.cpuUs)];
    results[each.name] = {
      perSecond: value,
      floor,
      ratio: ratio(value, floor),
      p99Ms: median(seen.api, (t) => t.p99Ms),
      cpuUs,
      floorCpuUs,
    };
    say(`${each.name}: ${JSON.stringify(results[each.name])}`);
  }
  const [worst304, worst200] = [
    ['page304', 'one304'],
    ['page200', 'one200'],
  ].map((names) => names.map((name) => results[name]).sort((a, b) => (a?.ratio ?? 0) - (b?.ratio ?? 0))[0]);
  return {
    name: api.name,
    value: worst304?.perSecond ?? 0,
    unit: 'answers/s (304)',
    floor: worst304?.floor ?? 0,
    ratio: worst304?.ratio ?? 0,
    ratios: Object.fromEntries(Object.entries(results).map(([name, { ratio }]) => [name, ratio])),
    better: 'higher',
    toReach: `${toReach[304]} or better for 304s, ${toReach[200]} or better for full answers`,
    reached: (worst304?.ratio ?? 0) >= toReach[304] && (worst200?.ratio ?? 0) >= toReach[200],
    slowest: `whose token it is, the limit, the look at the store: ${(worst304?.cpuUs ?? 0) - (worst304?.floorCpuUs ?? 0)} µs of processor more than the bare server's ${worst304?.floorCpuUs ?? 0}`,
    toHalve: 'one look at the store for several controllers, or a look less often than somebody asks',
    migrations,
    pollers,
    ...results,
  };
}

interface Turn {
  readonly perSecond: number;
  readonly p99Ms: number;
  /** What the server spent on one answer (microseconds). */
  readonly cpuUs: number;
}

interface Figures extends Turn {
  readonly floor: number;
  readonly ratio: number;
  readonly floorCpuUs: number;
}

async function oneTurn(
  child: ChildProcess,
  address: string,
  token: string,
  { name, next, floor, status }: Case,
  side: 'api' | 'floor',
): Promise<Turn> {
  const before = await cpuOf(child);
  const startedAtMs = performance.now();
  const polled = await poll(address, token, pollers, measureMs, side === 'api' ? next : floor);
  const spentUs = (await cpuOf(child)) - before;
  const answers = (polled.perSecond * (performance.now() - startedAtMs)) / 1_000;
  const others = [...polled.statuses.keys()].filter((found) => found !== status);
  if (others.length > 0) throw new Error(`${name}: the ${side} answered ${others.join(', ')} instead of ${status}`);
  return { perSecond: polled.perSecond, p99Ms: polled.p99Ms, cpuUs: Math.round(spentUs / answers) };
}

async function asked(child: ChildProcess, message: object | string): Promise<unknown> {
  const ended = new AbortController();
  child.send(message);
  try {
    return await Promise.race([
      once(child, 'message', { signal: ended.signal }).then(([answer]: unknown[]) => answer),
      once(child, 'exit', { signal: ended.signal }).then(() => {
        throw new Error('the server of the benchmark has ended');
      }),
    ]);
  } finally {
    ended.abort();
  }
}

async function cpuOf(child: ChildProcess): Promise<number> {
  return z.object({ cpuUs: z.number() }).parse(await asked(child, 'cpu')).cpuUs;
}

async function etagOf(url: string, token: string): Promise<string> {
  const reply = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  await reply.arrayBuffer();
  const etag = reply.headers.get('etag');
  if (reply.status !== 200 || etag === null) throw new Error(`${url} was answered with ${reply.status}`);
  return etag;
}
