import type { Connection, RowDataPacket } from 'mysql2/promise';
import { type DatabaseServer, pollUntil } from '../../infra/lab/databases/index.ts';
import { type AdminSession, openAdmin } from '../../src/adapters/proxysql/admin.ts';
import type { ProxyConfig, RoutingConfig } from '../../src/adapters/proxysql/config.ts';
import { createProxy } from '../../src/adapters/proxysql/proxy.ts';
import type { FleetProxy, Route, RouteOwner, Side } from '../../src/ports/routing.ts';
import { Bench, SOURCE, sideOf, TARGET } from '../conformance/proxysql/bench.ts';

// One proxy, real or stand-in, in front of two databases: `source` and, as the org's cluster, `target`.

export const homeRegion = 'eu-west-2';
export const SENTINEL = 2_000_000_000;
export type By = RoutingConfig['by'];
const templates: Readonly<Record<By, string>> = {
  user: 'org{orgId}',
  schema: 'BigDB_{orgId}',
  comment: '/* OrgID={orgId} */',
};

export function routingBy(by: By, changes: Partial<RoutingConfig> = {}): RoutingConfig {
  return {
    by,
    template: templates[by],
    ruleIds: { from: 10_000, to: 19_999 },
    holdHostgroups: { from: 30_000, to: 39_999 },
    sentinelRuleId: SENTINEL,
    source: { writerHostgroup: SOURCE },
    clusters: { [homeRegion]: { writerHostgroup: TARGET } },
    longestHoldMs: 6_000,
    ...changes,
  };
}

/** An org of its own slot, as an attempt of an owner sees it. */
export function ownerOf(changes: Partial<RouteOwner> = {}): RouteOwner {
  return { orgId: 42, homeRegion, slot: 1, epoch: 7, attempt: 1, ...changes };
}

/** A client of one org; how it names its org depends on the routing. */
export interface OrgClient {
  readonly connection: Connection;
  /** The statement as this org's client would send it. */
  sql(text: string): string;
  /** Side that answers a plain read. */
  side(): Promise<string>;
  /** Writes one row; resolves when it is acknowledged. */
  write(value: string): Promise<unknown>;
}

/** The org's route on the proxy, step by step: each change goes from what the last one left. */
export class RouteSteps {
  readonly proxy: FleetProxy;
  readonly owner: RouteOwner;
  readonly holdHostgroup: number;
  comment = '';

  constructor(proxy: FleetProxy, owner: RouteOwner, holdHostgroup: number) {
    this.proxy = proxy;
    this.owner = owner;
    this.holdHostgroup = holdHostgroup;
  }

  async prepare(): Promise<this> {
    const found = await this.proxy.prepare(this.owner);
    this.comment = found.comment ?? '';
    await this.to('prepare', { kind: found.route?.kind === 'cluster' ? 'cluster' : 'source' });
    return this;
  }

  async to(step: string, route: Route): Promise<void> {
    this.comment = await this.proxy.setRoute(this.owner, step, route, this.comment);
  }

  hold = (serving: Side): Promise<void> =>
    this.to('hold', { kind: 'held', serving, holdHostgroup: this.holdHostgroup });
  park = (serving: Side): Promise<void> =>
    this.to('park', { kind: 'parked', serving, holdHostgroup: this.holdHostgroup });

  /** Routes to a side, then lets through what waits. */
  async release(side: Side): Promise<void> {
    await this.to('release', { kind: side });
    await this.proxy.openHold(this.owner, this.holdHostgroup, side, this.comment);
  }

  /** Waits until so many queries wait in the hold. */
  untilWaiting = (queries: number): Promise<unknown> =>
    pollUntil(`${queries} waiting queries`, async () => (await this.proxy.waiting(this.holdHostgroup)) === queries, {
      timeoutMs: 60_000,
      everyMs: 5,
    });
}

export class RoutingWorld {
  readonly bench: Bench;
  readonly #proxies: FleetProxy[] = [];
  #holds = 30_000;

  private constructor(bench: Bench) {
    this.bench = bench;
  }

  static async start(): Promise<RoutingWorld> {
    const bench = await Bench.start();
    for (const server of [bench.source, bench.target]) {
      const connection = await bench.direct(server);
      for (const orgId of [4, 42]) {
        await connection.query(`CREATE DATABASE BigDB_${orgId}`);
        await connection.query(`CREATE VIEW BigDB_${orgId}.t AS SELECT * FROM BigDB.t`);
      }
    }
    return new RoutingWorld(bench);
  }

  /** The same start for every test: no rules, both sides empty, no session. */
  async reset(): Promise<void> {
    for (const proxy of this.#proxies.splice(0)) proxy.close();
    await this.bench.reset();
    // What a restart would come back with.
    const modules = ['QUERY RULES', 'SERVERS', 'USERS', 'VARIABLES'];
    await this.bench.admin(...modules.map((module) => `SAVE MYSQL ${module} TO DISK`));
  }

  async stop(): Promise<void> {
    for (const proxy of this.#proxies.splice(0)) proxy.close();
    await this.bench.stop();
  }

  get proxyConfig(): ProxyConfig {
    const { name, host, adminPort, adminUser, adminPassword } = this.bench.proxy;
    return { name, host, adminPort, adminUser, adminPassword };
  }

  /** An adapter of the proxy, as a controller has it; `admin` stands between it and the admin interface. */
  adapter(routing: RoutingConfig, admin?: AdminSession): FleetProxy {
    const proxy = createProxy(this.proxyConfig, routing, admin ?? openAdmin(this.proxyConfig));
    this.#proxies.push(proxy);
    return proxy;
  }

  /** The org's route, prepared, with a hold hostgroup that no test had before. */
  async prepared(by: By, changes: Partial<RouteOwner> = {}, routing = routingBy(by)): Promise<RouteSteps> {
    return new RouteSteps(this.adapter(routing), ownerOf(changes), ++this.#holds).prepare();
  }

  async client(by: By, orgId = 42): Promise<OrgClient> {
    const connection =
      by === 'user'
        ? await this.bench.client(`org${orgId}`)
        : await this.bench.client('shared', by === 'schema' ? { database: `BigDB_${orgId}` } : {});
    const prefix = by === 'comment' ? `/* OrgID=${orgId} */ ` : '';
    return {
      connection,
      sql: (text) => prefix + text,
      side: () => sideOf(connection, prefix),
      write: (value) => connection.query(`${prefix}INSERT INTO t (org, v) VALUES (${orgId}, '${value}')`),
    };
  }

  /** How often the value is stored, by side. */
  async stored(value: string): Promise<{ source: number; target: number }> {
    const { source, target } = this.bench;
    return { source: await this.bench.stored(source, value), target: await this.bench.stored(target, value) };
  }

  /** Rules of the runtime with their comments, without the sentinel. */
  async runtimeRules(): Promise<Record<string, string | null>[]> {
    return this.bench.admin(
      `SELECT rule_id, destination_hostgroup, comment FROM runtime_mysql_query_rules WHERE rule_id <> ${SENTINEL} ORDER BY rule_id`,
    );
  }

  /** Waits, past the proxy, until the server shows a session in a state. */
  async untilAt(server: DatabaseServer, what: string, where: string): Promise<void> {
    const connection = await this.bench.direct(server);
    await pollUntil(what, async () => {
      const [rows] = await connection.query<RowDataPacket[]>(
        `SELECT 1 FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND ${where}`,
      );
      return rows.length > 0;
    });
  }
}
