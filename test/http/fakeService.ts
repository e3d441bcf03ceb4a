import { createHash } from 'node:crypto';
import { UnknownOrgError } from '../../src/errors/directory.ts';
import { ProxyUnknownError } from '../../src/errors/fleet.ts';
import { PurgeUnknownError } from '../../src/errors/purge.ts';
import { UnknownMigrationError } from '../../src/errors/service.ts';
import { type AppParts, buildApp } from '../../src/http/app.ts';
import type { App } from '../../src/http/types.ts';
import type { Routes } from '../../src/ports/store.ts';
import type { DeliveryQuery, HookBacklog, KeptDelivery } from '../../src/ports/webhooks.ts';
import { answerOf } from '../../src/service/answer.ts';
import type { FleetService, ProxyStatus } from '../../src/service/fleetStatus.ts';
import type { OrgService, OrgStatus, PreflightReport } from '../../src/service/orgs.ts';
import type { Plan, PlanService } from '../../src/service/plans.ts';
import type { PurgeAnswer, PurgeChange, PurgeService } from '../../src/service/purgeAnswer.ts';
import { createRouting } from '../../src/service/routing.ts';
import {
  type Actor,
  type LagPoint,
  type MigrationService,
  type MigrationStatus,
  migrationStatusSchema,
  type PurgeStatus,
  type TimelineEvent,
} from '../../src/service/status.ts';
import { createWebhooks } from '../../src/service/webhooks.ts';
import { compareWithDescription } from './described.ts';
import { FakeOperations } from './fakeOperations.ts';
import { FakeWaves } from './fakeWaves.ts';

const at = '2026-01-02T03:04:05.000Z';

/** A status as a migration has it right after it was created. */
export function statusOf(id: string, orgId: number, changes: Partial<MigrationStatus> = {}): MigrationStatus {
  return {
    id,
    orgId,
    wave: null,
    homeRegion: 'eu-west-2',
    state: 'planned',
    since: at,
    createdAt: at,
    outcome: null,
    serving: 'source',
    waitsFor: 'start',
    notice: null,
    reason: null,
    allowed: ['start', 'cancel'],
    pauseRequested: false,
    progress: { percent: 0, etaMs: null, tables: [] },
    lag: { forwardMs: null, reverseMs: null, observedAt: null },
    attempts: [],
    verification: null,
    wayBack: null,
    leftBehind: [],
    comparing: null,
    purge: null,
    findings: [],
    policy: {},
    owner: null,
    epoch: 0,
    version: 1,
    ...changes,
  };
}

export function eventOf(seq: number, message = `event ${seq}`): TimelineEvent {
  return { seq, at, type: 'note', state: 'planned', attempt: null, message, data: {} };
}

/** Keeps migrations in memory, remembers what it was asked, and throws what it is told to. */
export class FakeService implements MigrationService {
  readonly migrations = new Map<string, MigrationStatus>();
  readonly timeline: TimelineEvent[] = [];
  readonly lag: LagPoint[] = [];
  readonly calls: { method: string; input: unknown; actor?: Actor }[] = [];
  missing: { dependency: string; message: string }[] = [];
  /** Thrown by the next call, then forgotten. */
  failure: unknown = null;

  async create(input: { orgId: number; policy?: Record<string, unknown> }, actor: Actor): Promise<MigrationStatus> {
    this.#asked('create', input, actor);
    const status = statusOf(`m${this.migrations.size + 1}`, input.orgId, { policy: input.policy ?? {} });
    this.migrations.set(status.id, status);
    return status;
  }

  async list(query: { state?: string; homeRegion?: string; orgId?: number; limit: number; cursor?: string }) {
    this.#asked('list', query);
    const all = [...this.migrations.values()].filter((each) => query.orgId === undefined || each.orgId === query.orgId);
    const from = Number(query.cursor ?? 0);
    const items = all.slice(from, from + query.limit);
    return { items, nextCursor: from + query.limit < all.length ? String(from + query.limit) : null };
  }

  async get(id: string): Promise<MigrationStatus> {
    this.#asked('get', id);
    const status = this.migrations.get(id);
    if (status === undefined) throw new UnknownMigrationError(id);
    return status;
  }

  async getAnswer(id: string) {
    return answerOf(migrationStatusSchema.parse(await this.get(id)));
  }

  async listAnswer(query: Parameters<FakeService['list']>[0]) {
    return answerOf(await this.list(query));
  }

  async command(id: string, command: string, input: { reason?: string }, actor: Actor): Promise<MigrationStatus> {
    this.#asked(command, { id, ...input }, actor);
    const status = this.migrations.get(id);
    if (status === undefined) throw new UnknownMigrationError(id);
    const changed = { ...status, state: command, version: status.version + 1 };
    this.migrations.set(id, changed);
    return changed;
  }

  async verify(id: string, input: { reason?: string }, actor: Actor): Promise<MigrationStatus> {
    this.#asked('verify', { id, ...input }, actor);
    return this.get(id);
  }

  async repairRows(id: string, input: { reason?: string }, actor: Actor): Promise<MigrationStatus> {
    this.#asked('repairRows', { id, ...input }, actor);
    return this.get(id);
  }

  acceptSchema(id: string, input: { reason?: string }, actor: Actor): Promise<MigrationStatus> {
    return this.command(id, 'schema accept', input, actor);
  }

  async mismatches(id: string, query: { values: boolean; limit: number }) {
    this.#asked('mismatches', { id, ...query });
    const { orgId } = await this.get(id);
    const found = { kind: 'different' as const, table: 'CallLogs', key: { CallLogID: '7' }, columns: ['Notes'] };
    const excerpt = (value: string) => ({ Notes: { value, bytes: value.length, cut: false } });
    const values = query.values ? [{ ...found, source: excerpt('ab'), target: excerpt('ab ') }] : null;
    return { id, orgId, comparedAt: at, mismatches: 1, sample: [found], values };
  }

  async events(id: string, query: { after: number; limit: number }): Promise<TimelineEvent[]> {
    this.#asked('events', { id, ...query });
    if (!this.migrations.has(id)) throw new UnknownMigrationError(id);
    return this.timeline.filter((event) => event.seq > query.after).slice(0, query.limit);
  }

  async lagHistory(id: string): Promise<LagPoint[]> {
    this.#asked('lagHistory', { id });
    if (!this.migrations.has(id)) throw new UnknownMigrationError(id);
    return this.lag;
  }

  async notReady() {
    this.#asked('notReady', null);
    return this.missing;
  }

  #asked(method: string, input: unknown, actor?: Actor): void {
    this.calls.push({ method, input, ...(actor && { actor }) });
    const { failure } = this;
    this.failure = null;
    if (failure !== null) throw failure;
  }
}

/** A fleet of one member and one that was removed; remembers what it was asked. */
export class FakeFleet implements FleetService {
  readonly calls: { method: string; input: unknown; actor?: Actor }[] = [];
  readonly proxies = new Map<string, ProxyStatus>(
    (['member', 'removed'] as const).map((standing, n) => [
      `proxy-${n + 1}`,
      proxyStatusOf(`proxy-${n + 1}`, standing),
    ]),
  );

  async list() {
    return { revision: 3, joining: null, upkeep: null, proxies: [...this.proxies.values()] };
  }

  async remove(name: string, input: { reason: string }, actor: Actor): Promise<ProxyStatus> {
    return this.#change('remove', name, 'removed', input, actor);
  }

  async add(name: string, input: { reason?: string }, actor: Actor): Promise<ProxyStatus> {
    return this.#change('add', name, 'member', input, actor);
  }

  #change(method: string, name: string, standing: ProxyStatus['standing'], input: object, actor: Actor): ProxyStatus {
    this.calls.push({ method, input: { name, ...input }, actor });
    if (!this.proxies.has(name)) throw new ProxyUnknownError(name);
    const changed = proxyStatusOf(name, standing);
    this.proxies.set(name, changed);
    return changed;
  }
}

export function proxyStatusOf(name: string, standing: ProxyStatus['standing']): ProxyStatus {
  return {
    name,
    standing,
    since: at,
    by: null,
    reason: null,
    evidence: {},
    configured: true,
    reachable: standing === 'member',
    silentSince: standing === 'member' ? null : at,
    message: null,
    version: '2.7.1',
    heldOrgs: [],
    routes: standing === 'member' ? { source: [7], held: [], parked: [], cluster: [42] } : null,
    sharedOrgs: null,
    drift: [],
    drifts: 0,
    warning: null,
  };
}

/** What stands in the store of who is served where; the tests change it. */
export class FakeRoutes {
  routes: Routes = { revision: 1, orgs: [] };
  /** How often the store was asked, for the revision and for all of it. */
  readonly asked = { revision: 0, routes: 0 };

  readonly service = createRouting({
    clusters: new Map([['eu-west-2', { name: 'aurora-eu' }]]) as unknown as Parameters<
      typeof createRouting
    >[0]['clusters'],
    store: {
      routesRevision: async () => {
        this.asked.revision += 1;
        return this.routes.revision;
      },
      routes: async () => {
        this.asked.routes += 1;
        return this.routes;
      },
    } as unknown as Parameters<typeof createRouting>[0]['store'],
  });
}

/** What stands in the store of webhooks; one is configured. */
export class FakeHooks {
  backlogs: HookBacklog[] = [];
  kept: KeptDelivery[] = [];
  readonly asked: DeliveryQuery[] = [];

  readonly service = createWebhooks(
    {
      hookBacklogs: async () => this.backlogs,
      keptDeliveries: async (query) => {
        this.asked.push(query);
        return this.kept.slice(0, query.limit);
      },
    },
    [{ name: 'changes', format: 'event' }],
  );
}

/** Knows org 42, and finds what the test says. */
export class FakeOrgs implements OrgService {
  findings: PreflightReport['findings'] = [];

  async org(orgId: number): Promise<OrgStatus> {
    if (orgId !== 42) throw new UnknownOrgError(orgId);
    return {
      orgId,
      homeRegion: 'eu-west-2',
      homeRegionProblem: null,
      served: 'cluster',
      cluster: 'aurora-eu',
      since: at,
      migrations: [{ id: 'm1', state: 'soaking', since: at, createdAt: at, outcome: null }],
    };
  }

  async preflight(orgId: number): Promise<PreflightReport> {
    if (orgId !== 42) throw new UnknownOrgError(orgId);
    const { findings } = this;
    const refusals = findings.filter(({ severity }) => severity === 'refuse').length;
    const warnings = findings.length - refusals;
    return { orgId, homeRegion: 'eu-west-2', passed: refusals === 0, refusals, warnings, findings, at, tookMs: 12 };
  }
}

export class FakePlans implements PlanService {
  async plan(id: string): Promise<Plan> {
    if (id !== 'm1') throw new UnknownMigrationError(id);
    const rule = { ruleId: 1_000, active: 1, destinationHostgroup: 9_000, matchDigest: null };
    const hold = { where: 'proxy-1', what: 'rules of org 42', details: { comment: 'step=hold', rules: [rule] } };
    return {
      id,
      orgId: 42,
      homeRegion: 'eu-west-2',
      state: 'ready',
      policy: {},
      phases: [{ phase: 'flipping.hold', acts: [hold], waits: ['the drain'] }],
      unknown: ['the binlog position'],
    };
  }
}

/** One migration has a purge that runs, every other one none. */
export class FakePurges implements PurgeService {
  readonly asked: string[] = [];
  readonly status: PurgeStatus = {
    state: 'running',
    by: 'the approver',
    why: 'thirty days are over',
    orderedAt: at,
    site: 'lon1',
    rowsExpected: 1_000,
    rowsDeleted: 250,
    tables: [{ table: 'CallLogs', rowsExpected: 1_000, rowsDeleted: 250 }],
    etaMs: 90_000,
    waitsFor: null,
    reason: null,
    changedAt: at,
  };

  async purge(id: string): Promise<PurgeAnswer> {
    if (id !== 'm1') throw new PurgeUnknownError(id);
    return this.#answer(id, 'purge');
  }

  async plan(id: string): Promise<PurgeAnswer> {
    const tables = [{ table: 'CallLogs', rows: 1_000 }];
    const plan = { refusals: [], purgeAfterMs: 0, rows: 1_000, chunks: 2, sites: [{ site: 'lon1', tables }] };
    return { ...this.#answer(id, 'plan'), plan };
  }

  async order(id: string, reason: string): Promise<PurgeAnswer> {
    return this.#answer(id, `order: ${reason}`);
  }

  async change(id: string, change: PurgeChange): Promise<PurgeAnswer> {
    return this.#answer(id, change);
  }

  #answer(id: string, what: string): PurgeAnswer {
    this.asked.push(what);
    return { id, orgId: 42, plan: null, purge: this.status };
  }
}

const roleNames = ['viewer', 'operator', 'approver', 'admin'] as const;

/** The header with the token of a role. */
export const bearer = (role: (typeof roleNames)[number]) => ({ authorization: `Bearer token-of-${role}` });

/** An app over a fake service, with one token for each role. */
export function fakeApp(parts: Partial<AppParts> = {}): {
  app: App;
  service: FakeService;
  fleet: FakeFleet;
  operations: FakeOperations;
  routes: FakeRoutes;
  orgs: FakeOrgs;
  plans: FakePlans;
  waves: FakeWaves;
  purges: FakePurges;
  hooks: FakeHooks;
} {
  const service = new FakeService();
  const fleet = new FakeFleet();
  const operations = new FakeOperations();
  const routes = new FakeRoutes();
  const orgs = new FakeOrgs();
  const plans = new FakePlans();
  const waves = new FakeWaves();
  const purges = new FakePurges();
  const hooks = new FakeHooks();
  const tokens = roleNames.map((role) => ({
    name: `the ${role}`,
    role,
    sha256: createHash('sha256').update(`token-of-${role}`).digest('hex'),
  }));
  return {
    app: compareWithDescription(
      buildApp({
        service,
        fleet,
        operations,
        routing: routes.service,
        orgs,
        plans,
        waves,
        purges,
        webhooks: hooks.service,
        tokens,
        version: '1.2.3',
        ...parts,
      }),
      'token-of-admin',
    ),
    service,
    fleet,
    operations,
    routes,
    orgs,
    plans,
    waves,
    purges,
    hooks,
  };
}
