import { CommandNotAllowedError, UnknownWaveError } from '../../src/errors/index.ts';
import type { Actor } from '../../src/service/status.ts';
import type { WaveCommandName, WaveOrgStatus, WavePlan, WaveStatus } from '../../src/service/waveStatus.ts';
import type { WaveService } from '../../src/service/waves.ts';
import type { WaveRequest } from '../../src/waves/settings.ts';
import { standings } from '../../src/waves/standing.ts';

const at = '2026-01-02T03:04:05.000Z';

export function waveStatus(id: string, changes: Partial<WaveStatus> = {}): WaveStatus {
  return {
    id,
    name: `wave ${id}`,
    state: 'planned',
    since: at,
    createdAt: at,
    createdBy: 'the operator',
    startedBy: null,
    approval: { needed: true, by: null },
    reason: null,
    allowed: ['start', 'cancel', 'approve'],
    waits: [],
    orgs: 2,
    standings: Object.fromEntries(
      standings.map((each) => [each, each === 'waiting' ? 2 : 0]),
    ) as WaveStatus['standings'],
    troubles: { wentBack: [], stuck: [], aborts: 0, longestPauseMs: null },
    progress: { moved: 0, percent: 0, movedAt: null, endsAt: null },
    settings: {},
    history: [{ at, message: 'created' }],
    version: 1,
    ...changes,
  };
}

export function waveOrg(orgId: number, changes: Partial<WaveOrgStatus> = {}): WaveOrgStatus {
  return {
    orgId,
    position: orgId,
    homeRegion: 'eu-west-2',
    rows: 10,
    canary: false,
    standing: 'waiting',
    migrationId: null,
    state: null,
    since: null,
    letGo: false,
    aborts: 0,
    longestPauseMs: null,
    reason: null,
    refusal: null,
    ...changes,
  };
}

/** Keeps waves in memory, remembers what it was asked, and throws what it is told to. */
export class FakeWaves implements WaveService {
  readonly waves = new Map<string, WaveStatus>();
  readonly calls: { method: string; input: unknown; actor?: Actor }[] = [];
  orgList: WaveOrgStatus[] = [waveOrg(1), waveOrg(2)];
  plans: Partial<WavePlan> = {};
  /** Thrown by the next call, then forgotten. */
  failure: unknown = null;

  async create(request: WaveRequest, actor: Actor) {
    this.#asked('create', request, actor);
    const status = waveStatus(`w${this.waves.size + 1}`, { name: request.name });
    this.waves.set(status.id, status);
    return status;
  }

  async list({ limit, cursor, known }: Parameters<WaveService['list']>[0]) {
    this.#asked('list', { limit, cursor, ...(known && { known }) });
    const from = Number(cursor ?? 0);
    const all = [...this.waves.values()];
    return {
      items: all.slice(from, from + limit),
      nextCursor: from + limit < all.length ? String(from + limit) : null,
    };
  }

  async get(id: string) {
    this.#asked('get', id);
    const status = this.waves.get(id);
    if (status === undefined) throw new UnknownWaveError(id);
    return status;
  }

  async orgs(id: string, { after, limit }: Parameters<WaveService['orgs']>[1]) {
    await this.get(id);
    return this.orgList.filter(({ position }) => position > after).slice(0, limit);
  }

  async command(id: string, command: WaveCommandName, input: { reason?: string }, actor: Actor) {
    const status = await this.get(id);
    this.#asked(command, { id, ...input }, actor);
    if (!status.allowed.includes(command)) throw new CommandNotAllowedError(command, status.state, status.allowed);
    return status;
  }

  async plan(id: string): Promise<WavePlan> {
    const { state } = await this.get(id);
    return {
      id,
      state,
      orgs: this.orgList.map(({ orgId, position, homeRegion, rows, canary, standing }) => ({
        ...{ orgId, position, homeRegion, rows, canary, standing },
        startsAt: at,
        flipsAt: at,
        completesAt: null,
      })),
      movedAt: at,
      endsAt: null,
      load: { loadingAtOnce: 2, rowsPerSecond: 4_000, rows: 20 },
      tasks: [{ homeRegions: 'eu-west-2', atOnce: 4 }],
      quotas: [{ where: 'region eu-west-2', used: 1, max: 600, needed: 4, fits: true }],
      windows: [{ window: 'flipWindow', open: false, until: at }],
      standsStill: null,
      assumptions: ['nothing goes wrong'],
      unknown: [],
      ...this.plans,
    };
  }

  #asked(method: string, input: unknown, actor?: Actor): void {
    this.calls.push({ method, input, ...(actor && { actor }) });
    const { failure } = this;
    this.failure = null;
    if (failure !== null) throw failure;
  }
}
