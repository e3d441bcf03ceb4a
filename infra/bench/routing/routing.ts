import { type Connection, createConnection } from 'mysql2/promise';
import {
  type DatabaseServer,
  makeTempFolder,
  onServer,
  removeFolder,
  startMariaDb,
} from '../../lab/databases/index.ts';
import { type ProxySqlServer, startProxySql } from '../../lab/proxysql/start.ts';
import type { Benchmark, BenchOptions, BenchResult } from '../benchmark.ts';
import { ratio, round } from '../figures.ts';
import { annotationOf, schemaOf, settledRoutes, userOf, type Way } from './settled.ts';

const ways: readonly Way[] = ['user', 'schema', 'comment'];
const settled = 10_000;
/** The lab's orgs are far from the first of an alternation, and so is this one. */
const orgId = settled / 2;
const password = 'bench';
const hostgroups = { bare: 10, settled: 20 } as const;
const sides = ['bare', 'settled'] as const;
type Side = (typeof sides)[number];
/** Turns of each side with the proxies so and the other way round, short ones: what else the machine does meets both alike. */
const turns = 200;
const queriesPerTurn = 20;
/** Turns before them that are not counted. */
const warmUps = 20;
const withinShare = 1.05;

/** What one query takes (microseconds, medians). */
interface Cost {
  readonly value: number;
  readonly floor: number;
  readonly ratio: number;
}

/** What settled orgs cost every query of one of them, beside the same query past no rule at all. */
export const routing: Benchmark = {
  name: 'routing',
  about: `latency added to a query by ${settled} settled orgs, for each way to tell orgs apart`,
  async run(options) {
    const baseDir = await makeTempFolder('bigdb-cutover-bench-');
    const ends: (() => Promise<unknown>)[] = [() => removeFolder(baseDir)];
    const ending = <T extends { stop(): Promise<unknown> }>(thing: T): T => {
      ends.unshift(() => thing.stop());
      return thing;
    };
    try {
      const server = ending(await startMariaDb({ name: 'source', baseDir }));
      await fill(server);
      const proxies = [
        ending(await startProxySql({ name: 'proxy-1', baseDir })),
        ending(await startProxySql({ name: 'proxy-2', baseDir })),
      ] as const;
      return await measure(server, proxies, options);
    } finally {
      for (const end of ends) await end();
    }
  },
};

type Proxies = readonly [ProxySqlServer, ProxySqlServer];

async function fill(server: DatabaseServer): Promise<void> {
  await onServer(server, async (connection) => {
    for (const schema of new Set(ways.map((way) => schemaOf(way, orgId)))) {
      await connection.query(`CREATE DATABASE ${schema}`);
      await connection.query(`CREATE TABLE ${schema}.calls (id INT PRIMARY KEY, notes VARCHAR(200) NOT NULL)`);
      await connection.query(`INSERT INTO ${schema}.calls VALUES (1, REPEAT('x', 200))`);
    }
    for (const user of new Set(ways.map((way) => userOf(way, orgId)))) {
      await connection.query(`CREATE USER ${user}@'%' IDENTIFIED BY '${password}'`);
      await connection.query(`GRANT ALL ON *.* TO ${user}@'%'`);
    }
  });
}

async function measure(server: DatabaseServer, proxies: Proxies, { signal, say }: BenchOptions): Promise<BenchResult> {
  const costs = new Map<Way, Cost>();
  for (const way of ways) {
    const taken: Record<Side, number[]> = { bare: [], settled: [] };
    // Each proxy is the one with the routes once: what one of them has of its own counts for neither side.
    for (const withRoutes of [0, 1]) {
      signal.throwIfAborted();
      for (const [index, proxy] of proxies.entries()) {
        await configure(proxy, server, way, index === withRoutes ? 'settled' : 'bare');
      }
      const [settledProxy, bareProxy] = [
        proxies[withRoutes] as ProxySqlServer,
        proxies[1 - withRoutes] as ProxySqlServer,
      ];
      const found = await compare({ settled: settledProxy, bare: bareProxy }, way, signal);
      for (const side of sides) taken[side].push(...found[side]);
    }
    const [value, floor] = [median(taken.settled), median(taken.bare)];
    costs.set(way, { value, floor, ratio: ratio(value, floor) });
    say(`by ${way}: ${round(value)} µs, without rules ${round(floor)} µs`);
  }
  return resultOf(costs, proxies[0].kind);
}

function resultOf(costs: ReadonlyMap<Way, Cost>, kind: string): BenchResult {
  const [[worstWay, worst] = ['user', { value: 0, floor: 0, ratio: 0 }]] = [...costs].sort(
    ([, one], [, other]) => other.ratio - one.ratio,
  );
  return {
    name: routing.name,
    value: round(worst.value),
    unit: 'µs',
    floor: round(worst.floor),
    ratio: worst.ratio,
    ratios: Object.fromEntries([...costs].map(([way, cost]) => [way, cost.ratio])),
    better: 'lower',
    toReach: 'within 5 %, for each way',
    reached: [...costs.values()].every((cost) => cost.ratio <= withinShare),
    slowest: `orgs told apart by ${worstWay}: ${round(worst.value - worst.floor)} µs more a query`,
    toHalve: 'nothing that a rule could do: the rest is the proxy and the database behind it',
    settled,
    proxysql: kind,
  };
}

/** Nothing but servers and accounts; with routes, only where these lead is a server: a query that they miss fails. */
async function configure(proxy: ProxySqlServer, server: DatabaseServer, way: Way, side: Side): Promise<void> {
  const { host, adminPort: port, adminUser: user, adminPassword } = proxy;
  const admin = await createConnection({ host, port, user, password: adminPassword });
  try {
    for (const table of ['mysql_servers', 'mysql_users', 'mysql_query_rules', 'mysql_query_rules_fast_routing']) {
      await admin.query(`DELETE FROM ${table}`);
    }
    await admin.query(
      `INSERT INTO mysql_servers (hostgroup_id, hostname, port) VALUES (${hostgroups[side]}, '${server.host}', ${server.port})`,
    );
    await admin.query(
      `INSERT INTO mysql_users (username, password, default_hostgroup) VALUES ('${userOf(way, orgId)}', '${password}', ${hostgroups.bare})`,
    );
    if (side === 'settled') {
      const orgIds = Array.from({ length: settled }, (_, n) => n + 1);
      for (const statement of settledRoutes(way, orgIds, hostgroups.settled)) await admin.query(statement);
    }
    for (const module of ['SERVERS', 'USERS', 'QUERY RULES']) await admin.query(`LOAD MYSQL ${module} TO RUNTIME`);
  } finally {
    admin.destroy();
  }
}

/** Microseconds of single queries, both sides in turns. */
async function compare(
  proxies: Readonly<Record<Side, ProxySqlServer>>,
  way: Way,
  signal: AbortSignal,
): Promise<Record<Side, number[]>> {
  const connections = new Map<Side, Connection>();
  try {
    for (const side of sides) connections.set(side, await connect(proxies[side], way));
    const taken: Record<Side, number[]> = { bare: [], settled: [] };
    for (let turn = -warmUps; turn < turns; turn++) {
      signal.throwIfAborted();
      for (const side of turn % 2 === 0 ? sides : sides.toReversed()) {
        const times = await timed(connections.get(side) as Connection, way);
        if (turn >= 0) taken[side].push(...times);
      }
    }
    return taken;
  } finally {
    for (const connection of connections.values()) connection.destroy();
  }
}

function connect({ host, port }: ProxySqlServer, way: Way): Promise<Connection> {
  return createConnection({ host, port, user: userOf(way, orgId), password, database: schemaOf(way, orgId) });
}

async function timed(connection: Connection, way: Way): Promise<number[]> {
  const sql = `${annotationOf(way, orgId)}SELECT id, notes FROM calls WHERE id = 1`;
  const taken: number[] = [];
  for (let n = 0; n < queriesPerTurn; n++) {
    const startedAtMs = performance.now();
    await connection.query(sql);
    taken.push((performance.now() - startedAtMs) * 1_000);
  }
  return taken;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
