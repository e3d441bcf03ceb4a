import type { z } from 'zod';
import { auditPage, migrationPage, problemSchema } from '../http/schemas.ts';
import { waveOrgPage, wavePage } from '../http/waves.ts';
import { type FleetStatus, fleetStatusSchema, type ProxyStatus, proxyStatusSchema } from '../service/fleetStatus.ts';
import { type Mismatches, mismatchesSchema } from '../service/mismatches.ts';
import { type Evacuation, evacuationSchema, type FreezeStatus, freezeSchema } from '../service/operations.ts';
import { type OrgStatus, orgSchema, type PreflightReport, preflightSchema } from '../service/orgs.ts';
import { type Plan, planSchema } from '../service/plans.ts';
import { type PurgeAnswer, purgeAnswerSchema } from '../service/purgeAnswer.ts';
import { type RoutingManifest, routingSchema } from '../service/routing.ts';
import { type CommandName, type MigrationStatus, migrationStatusSchema } from '../service/status.ts';
import {
  type WaveCommandName,
  type WaveOrgStatus,
  type WavePlan,
  type WaveStatus,
  wavePlanSchema,
  waveStatusSchema,
} from '../service/waveStatus.ts';
import { type DeliveryPage, deliveryPageSchema, type WebhookStatus, webhookListSchema } from '../service/webhooks.ts';
import type { ApiOptions, OrderInput, PurgeInvocation } from './args.ts';
import { ApiProblemError, ApiReplyError, ApiUnreachableError, NoMigrationError } from './errors.ts';

/** How long one answer may take, and one that needs a proof (milliseconds). */
const timeoutMs = 15_000;
const proofTimeoutMs = 180_000;
/** Longest that a preflight takes, with room to spare (milliseconds). */
const preflightTimeoutMs = 60_000;
/** How long it may take to look at thousands of orgs, or to play their wave (milliseconds). */
const waveTimeoutMs = 120_000;
/** How long it may take to read rows at both sides (milliseconds). */
const valuesTimeoutMs = 30_000;
/** How long it may take to ask everything that a purge asks, and to count rows (milliseconds). */
const purgeTimeoutMs = 180_000;

/** The controller's API, as far as the command line uses it. Throws the errors of `errors.ts`. */
export interface Api {
  create(orgId: number): Promise<MigrationStatus>;
  get(id: string): Promise<MigrationStatus>;
  /** All of them, page by page. */
  list(filter?: { orgId?: number }): Promise<MigrationStatus[]>;
  command(id: string, command: CommandName, input: OrderInput): Promise<MigrationStatus>;
  acceptSchema(id: string, reason: string | null): Promise<MigrationStatus>;
  freeze(command: 'freeze' | 'unfreeze', reason: string): Promise<FreezeStatus>;
  evacuate(homeRegion: string, reason: string): Promise<Evacuation>;
  /** All of it, page by page. */
  audit(): Promise<z.output<typeof auditPage>['items']>;
  verify(id: string, reason: string | null): Promise<MigrationStatus>;
  repairRows(id: string, reason: string | null): Promise<MigrationStatus>;
  org(orgId: number): Promise<OrgStatus>;
  preflight(orgId: number): Promise<PreflightReport>;
  plan(id: string): Promise<Plan>;
  routing(): Promise<RoutingManifest>;
  mismatches(id: string, values: boolean): Promise<Mismatches>;
  purge(id: string, action: PurgeInvocation['action'], reason: string | null): Promise<PurgeAnswer>;
  webhooks(): Promise<{ items: WebhookStatus[] }>;
  /** The newest of one. */
  deliveries(hook: string): Promise<DeliveryPage>;
  fleet(): Promise<FleetStatus>;
  removeProxy(name: string, reason: string): Promise<ProxyStatus>;
  addProxy(name: string, reason: string | null): Promise<ProxyStatus>;
  createWave(request: Readonly<Record<string, unknown>>): Promise<WaveStatus>;
  wave(id: string): Promise<WaveStatus>;
  /** All of them, page by page. */
  waves(): Promise<WaveStatus[]>;
  waveOrgs(id: string): Promise<WaveOrgStatus[]>;
  wavePlan(id: string): Promise<WavePlan>;
  commandWave(id: string, command: WaveCommandName, reason: string | null): Promise<WaveStatus>;
}

export function createApi({ api, token }: Pick<ApiOptions, 'api' | 'token'>): Api {
  async function ask<T>(
    method: 'GET' | 'POST',
    path: string,
    schema: z.ZodType<T>,
    body?: unknown,
    withinMs = timeoutMs,
  ): Promise<T> {
    const url = `${api}/v1${path}`;
    let status: number;
    let text: string;
    try {
      const reply = await fetch(url, {
        method,
        // A token goes where the user said, and nowhere else.
        redirect: 'error',
        signal: AbortSignal.timeout(withinMs),
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      status = reply.status;
      text = await reply.text();
    } catch (error) {
      throw new ApiUnreachableError(url, error);
    }
    const json = parseJson(text, url, status);
    if (status < 400) {
      const parsed = schema.safeParse(json);
      if (parsed.success) return parsed.data;
      throw new ApiReplyError(`${url} answered what is not expected`, { cause: parsed.error });
    }
    const problem = problemSchema.safeParse(json);
    if (problem.success) throw new ApiProblemError(problem.data);
    throw new ApiReplyError(`${url} answered ${status} without saying why`);
  }

  const order = (id: string, path: string, { reason, acceptLoss }: OrderInput) =>
    ask('POST', `/migrations/${encodeURIComponent(id)}/${path}`, migrationStatusSchema, {
      ...(reason !== null && { reason }),
      ...(acceptLoss && { acceptLoss }),
    });

  return {
    create: (orgId) => ask('POST', '/migrations', migrationStatusSchema, { orgId }),
    get: (id) => ask('GET', `/migrations/${encodeURIComponent(id)}`, migrationStatusSchema),
    async list(filter = {}) {
      const found: MigrationStatus[] = [];
      let cursor: string | null = null;
      do {
        const query = new URLSearchParams({ limit: '500' });
        if (filter.orgId !== undefined) query.set('orgId', String(filter.orgId));
        if (cursor !== null) query.set('cursor', cursor);
        const page: z.output<typeof migrationPage> = await ask('GET', `/migrations?${query}`, migrationPage);
        found.push(...page.items);
        cursor = page.nextCursor;
      } while (cursor !== null);
      return found;
    },
    command: (id, command, input) => order(id, command, input),
    acceptSchema: (id, reason) => order(id, 'schema/accept', { reason, acceptLoss: false }),
    freeze: (command, reason) => ask('POST', `/${command}`, freezeSchema, { reason }),
    evacuate: (homeRegion, reason) =>
      ask('POST', `/clusters/${encodeURIComponent(homeRegion)}/rollback`, evacuationSchema, { reason }),
    async audit() {
      const found: z.output<typeof auditPage>['items'] = [];
      for (let after = 0; ; ) {
        const page: z.output<typeof auditPage> = await ask('GET', `/audit?limit=1000&after=${after}`, auditPage);
        if (page.items.length === 0) return found;
        found.push(...page.items);
        after = page.nextAfter;
      }
    },
    repairRows: (id, reason) => order(id, 'repair-rows', { reason, acceptLoss: false }),
    verify: (id, reason) => order(id, 'verify', { reason, acceptLoss: false }),
    org: (orgId) => ask('GET', `/orgs/${orgId}`, orgSchema),
    preflight: (orgId) => ask('POST', '/preflight', preflightSchema, { orgId }, preflightTimeoutMs),
    plan: (id) => ask('GET', `/migrations/${encodeURIComponent(id)}/plan`, planSchema),
    routing: () => ask('GET', '/routing', routingSchema),
    webhooks: () => ask('GET', '/webhooks', webhookListSchema),
    deliveries: (hook) => ask('GET', `/webhooks/${encodeURIComponent(hook)}/deliveries`, deliveryPageSchema),
    mismatches: (id, values) =>
      ask(
        'GET',
        `/migrations/${encodeURIComponent(id)}/mismatches?values=${values}`,
        mismatchesSchema,
        undefined,
        valuesTimeoutMs,
      ),
    purge(id, action, reason) {
      const path = `/migrations/${encodeURIComponent(id)}/purge`;
      const why = reason === null ? {} : { reason };
      if (action === 'status') return ask('GET', path, purgeAnswerSchema);
      if (action === 'order' || action === 'plan') {
        return ask('POST', path, purgeAnswerSchema, { ...why, dryRun: action === 'plan' }, purgeTimeoutMs);
      }
      return ask('POST', `${path}/${action}`, purgeAnswerSchema, why, purgeTimeoutMs);
    },
    fleet: () => ask('GET', '/fleet', fleetStatusSchema),
    removeProxy: (name, reason) =>
      ask('POST', `/fleet/${encodeURIComponent(name)}/remove`, proxyStatusSchema, { reason }, proofTimeoutMs),
    addProxy: (name, reason) =>
      ask(
        'POST',
        `/fleet/${encodeURIComponent(name)}/add`,
        proxyStatusSchema,
        reason === null ? {} : { reason },
        proofTimeoutMs,
      ),
    createWave: (request) => ask('POST', '/waves', waveStatusSchema, request, waveTimeoutMs),
    wave: (id) => ask('GET', `/waves/${encodeURIComponent(id)}`, waveStatusSchema),
    async waves() {
      const found: WaveStatus[] = [];
      let cursor: string | null = null;
      do {
        const after = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const page: z.output<typeof wavePage> = await ask('GET', `/waves?limit=100${after}`, wavePage);
        found.push(...page.items);
        cursor = page.nextCursor;
      } while (cursor !== null);
      return found;
    },
    async waveOrgs(id) {
      const found: WaveOrgStatus[] = [];
      for (let after = 0; ; ) {
        const path = `/waves/${encodeURIComponent(id)}/orgs?limit=1000&after=${after}`;
        const page: z.output<typeof waveOrgPage> = await ask('GET', path, waveOrgPage);
        if (page.items.length === 0) return found;
        found.push(...page.items);
        after = page.nextAfter;
      }
    },
    wavePlan: (id) => ask('GET', `/waves/${encodeURIComponent(id)}/plan`, wavePlanSchema, undefined, waveTimeoutMs),
    commandWave: (id, command, reason) =>
      ask('POST', `/waves/${encodeURIComponent(id)}/${command}`, waveStatusSchema, reason === null ? {} : { reason }),
  };
}

/** An org is a whole number; anything else is an id. */
export function orgIdOf(target: string): number | null {
  return /^\d{1,10}$/.test(target) ? Number(target) : null;
}

/** The migration that the user means: by id, or the org's one that has not ended, else its newest. */
export async function findMigration(api: Api, target: string): Promise<MigrationStatus> {
  const orgId = orgIdOf(target);
  if (orgId === null) return api.get(target);
  const found = newestOf(await api.list({ orgId }));
  if (found === undefined) throw new NoMigrationError(orgId);
  return found;
}

/** The one that has not ended, else the newest. */
export function newestOf(migrations: readonly MigrationStatus[]): MigrationStatus | undefined {
  const byAge = migrations.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt));
  return byAge.find((each) => each.outcome === null) ?? byAge[0];
}

function parseJson(text: string, url: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiReplyError(`${url} answered ${status} with something that is not JSON`, { cause: error });
  }
}
