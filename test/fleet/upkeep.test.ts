import { type Connection, createConnection } from 'mysql2/promise';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { firstOrg, ruleCompleted } from '../../infra/bench/completed.ts';
import { makeTempFolder, pollUntil, removeFolder } from '../../infra/lab/databases/index.ts';
import { type ProxySqlServer, startProxySql } from '../../infra/lab/proxysql/start.ts';
import { systemClock } from '../../src/adapters/clock.ts';
import { connectAdmin, openAdmin } from '../../src/adapters/proxysql/admin.ts';
import type { ProxyConfig } from '../../src/adapters/proxysql/config.ts';
import { createProxy } from '../../src/adapters/proxysql/proxy.ts';
import { Membership } from '../../src/fleet/membership.ts';
import { Upkeep } from '../../src/fleet/upkeep.ts';
import type { FleetView } from '../../src/ports/fleet.ts';
import type { FleetProxy, SettledOrg } from '../../src/ports/routing.ts';
import type { RoutedOrg, Turn, UpkeepReport, UpkeepStore } from '../../src/ports/upkeep.ts';
import { type By, homeRegion, routingBy } from '../routing/world.ts';

// Rounds over two proxies, real or stand-in; the store is a memory that a test can look into.

class Memory implements UpkeepStore {
  orgs: RoutedOrg[] = [];
  turn: Turn = 'go';
  turns = 0;
  report: UpkeepReport | null = null;
  /** Called before every answer: where a test changes something between two commands. */
  onTurn: (turns: number) => Promise<void> = async () => {};
  view: FleetView;

  constructor(names: readonly string[]) {
    const row = { standing: 'member' as const, sinceMs: 1, actor: null, reason: null, evidence: {}, facts: null };
    this.view = { revision: 1, joining: null, proxies: names.map((name) => ({ name, ...row })) };
  }

  routedOrgs = async () => this.orgs;
  sharedPair = async (_region: string, part: number) => part + 1;
  upkeepReport = async () => this.report;
  endUpkeep = async () => {};
  readFleet = async () => this.view;
  enrolFleet = async () => {};
  async putUpkeepReport(report: UpkeepReport) {
    this.report = report;
  }
  async upkeepTurn() {
    this.turns += 1;
    await this.onTurn(this.turns);
    return this.turn;
  }
}

let folder: string;
let servers: readonly ProxySqlServer[];
beforeAll(async () => {
  folder = await makeTempFolder('bigdb-upkeep-');
  servers = await Promise.all(['one', 'two'].map((name) => startProxySql({ name, baseDir: folder })));
});
afterAll(async () => {
  await Promise.all((servers ?? []).map((server) => server.stop()));
  await removeFolder(folder);
});

let memory: Memory;
let proxies: readonly FleetProxy[];
const opened: { close(): void }[] = [];
const clients: Connection[] = [];
beforeEach(async () => {
  memory = new Memory(servers.map(({ name }) => name));
  for (const server of servers) {
    await admin(
      server,
      'DELETE FROM mysql_query_rules',
      'DELETE FROM mysql_query_rules_fast_routing',
      'LOAD MYSQL QUERY RULES TO RUNTIME',
      'SAVE MYSQL QUERY RULES TO DISK',
    );
  }
});
afterEach(async () => {
  for (const each of opened.splice(0)) each.close();
  await disconnected();
});

const configOf = ({ name, host, adminPort, adminUser, adminPassword }: ProxySqlServer): ProxyConfig => ({
  name,
  host,
  adminPort,
  adminUser,
  adminPassword,
});

async function admin(server: ProxySqlServer, ...statements: string[]): Promise<Record<string, string | null>[]> {
  const connection = await connectAdmin(configOf(server), 3_000);
  let rows: unknown = [];
  for (const statement of statements) [rows] = await connection.query(statement);
  connection.destroy();
  return rows as Record<string, string | null>[];
}

/** The first proxy has seen the org's user: a client of it is there. */
async function seen(orgId: number): Promise<void> {
  const [one] = servers as [ProxySqlServer, ProxySqlServer];
  const user = `org${orgId}`;
  await admin(
    one,
    `INSERT OR REPLACE INTO mysql_users (username, password) VALUES ('${user}', 'secret')`,
    'LOAD MYSQL USERS TO RUNTIME',
  );
  const { host, port } = one;
  clients.push(await createConnection({ host, port, user, password: 'secret', database: 'BigDB' }));
}

/** Their clients have gone, and no proxy shows them any more. */
async function disconnected(): Promise<void> {
  if (clients.length === 0) return;
  for (const client of clients.splice(0)) client.destroy();
  const [one] = servers as [ProxySqlServer, ProxySqlServer];
  const shown = () => admin(one, 'SELECT SessionID FROM stats_mysql_processlist');
  await pollUntil('their sessions to be gone', async () => (await shown()).length === 0);
}

/** Orgs on their cluster by rules of their own, completed, at both proxies. */
async function completed(by: By, orgIds: readonly number[], wasSeen = true): Promise<void> {
  const routing = routingBy(by, { schemas: ['BigDB'] });
  proxies = servers.map((server) => createProxy(configOf(server), routing, openAdmin(configOf(server))));
  opened.push(...proxies);
  for (const orgId of orgIds) {
    const owner: SettledOrg = { orgId, homeRegion, slot: memory.orgs.length + 1, epoch: 7, attempt: 1, sharedPair: 1 };
    for (const proxy of proxies) {
      const { comment } = await proxy.prepare(owner);
      await proxy.setRoute(owner, 'release', { kind: 'cluster' }, comment ?? '');
    }
    memory.orgs.push({ ...owner, side: 'cluster', completed: true });
    if (by === 'user' && wasSeen) await seen(orgId);
  }
}

function upkeep(changes: { drift?: 'report' | 'repair'; share?: boolean } = {}): Upkeep {
  const configured = { proxies, tellsErrorsApart: true, close: () => {} };
  const logger = pino({ level: 'silent' });
  const membership = new Membership({ configured, store: memory, clock: systemClock, logger });
  const deps = { membership, store: memory, clock: systemClock, logger, instance: 'a', everyMs: 60_000 };
  return new Upkeep({ ...deps, share: true, drift: 'report', ...changes });
}

const sharings = async () =>
  Promise.all(
    proxies.map(async (proxy) => [...(await proxy.sharings())].map(([orgId, { sharing }]) => `${orgId} ${sharing}`)),
  );
const sharedAt = (server: ProxySqlServer) =>
  admin(
    server,
    `SELECT username, schemaname, flagIN, destination_hostgroup, comment FROM runtime_mysql_query_rules_fast_routing
      UNION ALL SELECT match_pattern, match_digest, rule_id, destination_hostgroup, comment FROM runtime_mysql_query_rules
      WHERE comment LIKE 'bigdb-cutover shared %' ORDER BY 1, 2, 3`,
  );
const all = (state: string, ...orgIds: number[]) => servers.map(() => orgIds.map((orgId) => `${orgId} ${state}`));

describe.each<By>(['user', 'schema', 'comment'])('completed orgs that are told apart by %s', (by) => {
  it('share routes that are the same at every proxy, to the byte; those that come later join them', async () => {
    await completed(by, [42, 7]);
    const rounds = upkeep();
    expect(await rounds.round()).toBe(true);
    expect(await sharings()).toEqual(all('shared', 42, 7));
    const [one, two] = servers as [ProxySqlServer, ProxySqlServer];
    const before = await sharedAt(one);
    expect(before.length).toBeGreaterThan(0);
    expect(await sharedAt(two)).toEqual(before);

    await completed(by, [9]);
    await rounds.round();
    expect(await sharings()).toEqual(all('shared', 42, 7, 9));
    expect(await sharedAt(two)).toEqual(await sharedAt(one));
    await rounds.round();
    const report = rounds.report?.proxies ?? [];
    expect(report.map(({ drifts, shared }) => [drifts, shared])).toEqual([
      [0, 3],
      [0, 3],
    ]);
    expect(new Set(report.map(({ sharedDigest }) => sharedDigest)).size).toBe(1);
    expect(memory.report).toEqual(rounds.report);
  });

  it('keep their own rules at every proxy until the shared route is read back from all of them', async () => {
    await completed(by, [42]);
    const [, two] = servers as [ProxySqlServer, ProxySqlServer];
    two.freeze();
    try {
      await upkeep().round();
      expect((await proxies[0]?.sharings())?.get(42)?.sharing).toBe('own');
    } finally {
      two.thaw();
    }
    await upkeep().round();
    expect(await sharings()).toEqual(all('shared', 42));
  });

  it('go on where a round was cut off by a proxy that was killed, whenever that was', async () => {
    for (const at of [6, 14, 22, 30]) {
      await completed(by, [42]);
      const [, two] = servers as [ProxySqlServer, ProxySqlServer];
      const begun = memory.turns;
      memory.onTurn = async (turns) => {
        if (turns === begun + at) await two.kill('SIGKILL');
      };
      // What it was in the middle of fails with it, and is told; nothing else.
      await upkeep()
        .round()
        .catch((error: unknown) => expect(error).toMatchObject({ code: 'PROXY_UNAVAILABLE' }));
      memory.onTurn = async () => {};
      await two.restart();
      for (const proxy of proxies) {
        await pollUntil(`${proxy.name} to answer`, async () =>
          proxy.ping().then(
            () => true,
            () => false,
          ),
        );
        expect(await proxy.publishedRoute(42), `killed at ${at}`).toMatchObject({
          memory: { route: { kind: 'cluster' } },
          runtime: { kind: 'cluster' },
        });
      }
      await upkeep().round();
      expect(await sharings(), `killed at ${at}`).toEqual(all('shared', 42));
      memory.orgs = [];
      for (const server of servers) {
        await admin(server, 'DELETE FROM mysql_query_rules', 'DELETE FROM mysql_query_rules_fast_routing');
      }
    }
  }, 120_000);
});

describe('a round over the proxies', () => {
  it('sends nothing while anybody is held, and goes on when nobody is', async () => {
    await completed('user', [42]);
    memory.turn = 'held';
    let ended = false;
    const round = upkeep()
      .round()
      .then(() => {
        ended = true;
      });
    await pollUntil('it to ask again', async () => memory.turns > 5);
    expect(ended).toBe(false);
    expect(await sharings()).toEqual(all('own', 42));
    memory.turn = 'go';
    await round;
    expect(await sharings()).toEqual(all('shared', 42));
  });

  it('begins nothing while a proxy is being added, or where another controller makes the rounds', async () => {
    await completed('user', [42]);
    memory.turn = 'joining';
    expect(await upkeep().round()).toBe(true);
    memory.turn = 'lost';
    expect(await upkeep().round()).toBe(false);
    expect(await sharings()).toEqual(all('own', 42));
  });

  it('stops where its lease goes to another in the middle', async () => {
    await completed('user', [42]);
    memory.onTurn = async (turns) => {
      if (turns === 12) memory.turn = 'lost';
    };
    const before = memory.turns;
    await expect(upkeep().round()).rejects.toThrow();
    expect(memory.turns - before).toBeGreaterThanOrEqual(12);
    for (const proxy of proxies) expect((await proxy.publishedRoute(42)).runtime).toEqual({ kind: 'cluster' });
  });

  it('leaves orgs that are not completed with rules of their own', async () => {
    await completed('user', [42, 7]);
    memory.orgs = memory.orgs.map((org) => (org.orgId === 7 ? { ...org, completed: false } : org));
    await upkeep().round();
    expect(await sharings()).toEqual(all('shared', 42).map((orgs) => [...orgs, '7 own']));
  });

  it('begins with no org whose user no proxy has seen, and lets one share on whose user is forgotten', async () => {
    await completed('user', [42], false);
    const rounds = upkeep();
    await rounds.round();
    expect(await sharings()).toEqual(all('own', 42));
    expect(rounds.report?.ownRules).toMatchObject([
      { reason: expect.stringMatching('no proxy has seen'), orgIds: [42] },
    ]);

    await seen(42);
    await rounds.round();
    expect(await sharings()).toEqual(all('shared', 42));
    await disconnected();
    await rounds.round();
    expect(await sharings()).toEqual(all('shared', 42));
    expect(rounds.report?.ownRules).toEqual([]);
  });

  it('tells of drift when it has seen it twice, and puts it right where the policy says so', async () => {
    await completed('user', [42]);
    const [one] = servers as [ProxySqlServer, ProxySqlServer];
    await admin(
      one,
      'DELETE FROM mysql_query_rules WHERE rule_id IN (10000, 10001)',
      'LOAD MYSQL QUERY RULES TO RUNTIME',
    );
    const telling = upkeep();
    const drifts = () => telling.report?.proxies.map(({ drifts }) => drifts);
    await telling.round();
    expect(drifts()).toEqual([0, 0]);
    await telling.round();
    expect(drifts()?.[0]).toBeGreaterThan(0);
    expect(drifts()?.[1]).toBe(0);
    expect(telling.report?.proxies[0]?.drift[0]).toMatchObject({ kind: 'route', orgId: 42, expected: 'cluster' });
    // Meanwhile nobody settles: what is there is not what it should be.
    expect((await proxies[1]?.sharings())?.get(42)?.sharing).toBe('own');

    const mending = upkeep({ drift: 'repair' });
    await mending.round();
    await mending.round();
    expect((await proxies[0]?.publishedRoute(42))?.runtime).toEqual({ kind: 'cluster' });
    await mending.round();
    expect(mending.report?.proxies.map(({ drifts }) => drifts)).toEqual([0, 0]);
    expect(await sharings()).toEqual(all('shared', 42));
  });

  it('compares every one of thousands of rules, wherever it stands among them', async () => {
    await completed('user', []);
    const routing = routingBy('user', { schemas: ['BigDB'] });
    const orgs = 1_100;
    for (const server of servers) await ruleCompleted(server, routing, homeRegion, orgs);
    memory.orgs = Array.from({ length: orgs }, (_, n) => ({
      ...{ orgId: firstOrg + n, homeRegion, slot: n + 1, epoch: 2, attempt: 1 },
      ...{ side: 'cluster', completed: true },
    }));
    const [one] = servers as [ProxySqlServer, ProxySqlServer];
    const rounds = upkeep({ share: false });
    const found = () => rounds.report?.proxies.map(({ drift }) => drift.map(({ kind, orgId }) => `${kind} ${orgId}`));
    await rounds.round();
    await rounds.round();
    expect(found()).toEqual([[], []]);
    // The first, the last, and both sides of where a thousand rules end.
    const spoilt = [0, 499, 500, orgs - 1];
    const ids = spoilt.map((n) => routing.ruleIds.from + 2 * n + 1);
    await admin(
      one,
      `UPDATE mysql_query_rules SET destination_hostgroup = 1 WHERE rule_id IN (${ids.join(', ')})`,
      'LOAD MYSQL QUERY RULES TO RUNTIME',
      'SAVE MYSQL QUERY RULES TO DISK',
    );
    await rounds.round();
    await rounds.round();
    expect(found()).toEqual([spoilt.map((n) => `rules ${firstOrg + n}`), []]);
  });

  it('mends nothing from a look that an org has moved on from', async () => {
    await completed('user', [42]);
    const [one] = servers as [ProxySqlServer, ProxySqlServer];
    await admin(one, 'UPDATE mysql_query_rules SET destination_hostgroup = 1 WHERE rule_id = 10001');
    const [org] = memory.orgs;
    const [first, second] = proxies;
    if (org === undefined || first === undefined || second === undefined) throw new Error('there is an org');
    let moved = 0;
    const movedOn: FleetProxy = {
      ...first,
      // Between the look and what puts it right the org goes back to the source, under another attempt.
      async mend(...given) {
        moved += 1;
        const { comment } = await first.readRoute(org);
        await first.setRoute({ ...org, attempt: 2 }, 'release', { kind: 'source' }, comment ?? '');
        return first.mend(...given);
      },
    };
    proxies = [movedOn, second];
    const mending = upkeep({ drift: 'repair' });
    await mending.round();
    await mending.round();
    expect(moved).toBe(1);
    expect((await first.readRoute(org)).route).toEqual({ kind: 'source' });
    expect((await first.publishedRoute(42)).runtime).toBeNull();
  });

  it('gives an org its own rules back when somebody makes a rule that would decide first', async () => {
    await completed('user', [42]);
    await upkeep().round();
    expect(await sharings()).toEqual(all('shared', 42));
    const [one] = servers as [ProxySqlServer, ProxySqlServer];
    await admin(
      one,
      `INSERT INTO mysql_query_rules (rule_id, active, username, destination_hostgroup, apply) VALUES (1000000, 1, 'org42', 1, 1)`,
      'LOAD MYSQL QUERY RULES TO RUNTIME',
    );
    const rounds = upkeep();
    await rounds.round();
    expect(await sharings()).toEqual(all('own', 42));
    expect(rounds.report?.ownRules).toEqual([
      { reason: 'one: rule 1000000 would decide before fast routing', orgs: 1, orgIds: [42] },
    ]);
  });
});
