import type { Policy } from '../../statecharts/policy.ts';
import { tightenPolicy } from '../config/index.ts';
import {
  CommandNotAllowedError,
  SecondPersonError,
  TimeZoneUnknownError,
  UnknownWaveError,
  WindowNeverOpensError,
} from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import type { Store } from '../ports/store.ts';
import type { WaveDocument, WaveRow, WaveState, WaveStore } from '../ports/waves.ts';
import { changed } from '../waves/change.ts';
import { durationsOf } from '../waves/durations.ts';
import { type Forecast, forecast } from '../waves/forecast.ts';
import type { InstanceOf } from '../waves/load.ts';
import { type Picture, readPicture, readWave, type WavePicture } from '../waves/picture.ts';
import { decide } from '../waves/schedule.ts';
import { selectOrgs } from '../waves/select.ts';
import { definedOf, type Limits, settingsSchema, type WaveFilter, type WaveRequest } from '../waves/settings.ts';
import { allSeen } from '../waves/troubles.ts';
import { isTimeZone, lookAt } from '../waves/window.ts';
import type { Actor } from './status.ts';
import { timedId } from './timedId.ts';
import { planOf } from './wavePlan.ts';
import type { WaveCommandName, WaveOrgStatus, WavePlan, WaveStatus } from './waveStatus.ts';
import { allowedIn, assembleOrg, assembleWave, doneBy } from './waveStatusOf.ts';

/** What the ways in may ask of waves. Throws the errors of `src/errors/`. */
export interface WaveService {
  /** Makes the wave in `planned`: nothing happens before `start`. */
  create(request: WaveRequest, actor: Actor): Promise<WaveStatus>;
  /** `known` are statuses told before: what has ended since they were told is taken from there. */
  list(query: {
    state?: WaveState;
    limit: number;
    cursor?: string;
    known?: ReadonlyMap<string, WaveStatus>;
  }): Promise<{ items: WaveStatus[]; nextCursor: string | null }>;
  get(id: string): Promise<WaveStatus>;
  orgs(id: string, query: { limit: number; after: number }): Promise<WaveOrgStatus[]>;
  /** Repeating a command whose effect is already there answers with the status and changes nothing. */
  command(id: string, command: WaveCommandName, input: { reason?: string }, actor: Actor): Promise<WaveStatus>;
  /** The rest of the wave as it would go, with what it needs; changes nothing. */
  plan(id: string): Promise<WavePlan>;
}

export interface WaveServiceDeps {
  readonly estate: Pick<Estate, 'directory' | 'sites' | 'tables' | 'clock' | 'ids' | 'replication'> & {
    readonly store: Store & WaveStore;
  };
  readonly policy: Policy;
  readonly limits: Limits;
  readonly rowsPerSecond: number;
  readonly instanceOf: InstanceOf;
  readonly leaseMs: number;
  /** Told of every command, so that it is carried out at once where this controller drives the waves. */
  readonly onCommand: () => void;
}

interface KeptForecast {
  last: Forecast | null;
  running: Promise<void> | null;
  /** When it is to be made anew (monotonic milliseconds). */
  dueMs: number;
}

/** A forecast is told for so long (milliseconds), and for so many times as long as it took. */
const forecastAgeMs = 5_000;
const forecastRest = 50;
/** Longest that an answer waits for the first one (milliseconds). */
const forecastWaitMs = 300;
/** Tries to write a change that somebody else's change came before. */
const changesAtMost = 10;

export function createWaves(deps: WaveServiceDeps): WaveService {
  const { estate, policy, limits, instanceOf, leaseMs } = deps;
  const { store, clock } = estate;
  const forecasts = new Map<string, KeptForecast>();
  const look = () => readPicture({ store, clock, limits, instanceOf, leaseMs });

  const rowOf = async (id: string): Promise<WaveRow> => {
    const row = await store.getWave(id);
    if (row === null) throw new UnknownWaveError(id);
    return row;
  };
  /** A wave that has ended stands in no picture. */
  const inPicture = async (row: WaveRow, picture: Picture | null): Promise<WavePicture> =>
    picture?.waves.find(({ id }) => id === row.id) ?? (await readWave(store, row));

  const durations = (wave: WavePicture) =>
    // Told is what it takes, not whether its policy is still strict enough: that is the driver's to find.
    durationsOf(wave.orgs, { ...policy, ...definedOf(wave.document.settings.policy ?? {}) }, deps.rowsPerSecond);
  const nothingElse = async () => ({ nowMs: clock.nowMs(), frozen: null, limits, instanceOf, moves: [], waves: [] });
  const makeForecast = async (wave: WavePicture, picture: Picture | null) =>
    forecast(wave, picture ?? (await nothingElse()), durations(wave), () => clock.sleep(0));

  /** The last forecast; a new one is begun where it is old, and where there is none yet it is waited for a moment. */
  const forecastOf = async (wave: WavePicture, picture: Picture | null): Promise<Forecast | null> => {
    if (wave.ended) {
      forecasts.delete(wave.id);
      return null;
    }
    const nowMs = clock.monotonicMs();
    const entry = forecasts.get(wave.id) ?? { last: null, dueMs: nowMs, running: null };
    forecasts.set(wave.id, entry);
    if (entry.running === null && nowMs >= entry.dueMs) {
      entry.running = makeForecast(wave, picture)
        .then((made) => {
          entry.last = made;
        })
        .finally(() => {
          entry.running = null;
          entry.dueMs = clock.monotonicMs() + Math.max(forecastAgeMs, forecastRest * (clock.monotonicMs() - nowMs));
        });
    }
    if (entry.last === null && entry.running !== null) await Promise.race([entry.running, clock.sleep(forecastWaitMs)]);
    return entry.last;
  };

  const statusOf = async (row: WaveRow, picture: Picture | null): Promise<WaveStatus> => {
    const wave = await inPicture(row, picture);
    const decision = picture === null ? undefined : decide(picture).find(({ id }) => id === row.id);
    return assembleWave(wave, decision?.waits ?? [], await forecastOf(wave, picture));
  };

  const write = async (
    id: string,
    command: WaveCommandName,
    change: (row: WaveRow) => Promise<Parameters<typeof changed>[1] | null>,
  ): Promise<WaveRow> => {
    for (let tried = 0; tried < changesAtMost; tried++) {
      const row = await rowOf(id);
      const wanted = await change(row);
      if (wanted === null) return row;
      if (await store.changeWave(row, changed(row, wanted))) {
        deps.onCommand();
        return rowOf(id);
      }
    }
    throw new CommandNotAllowedError(command, 'a wave that changes all the time', []);
  };

  return {
    async create(request, actor) {
      const { name, orgs: named, filter, ...settings } = request;
      const effective = wavePolicy(policy, settings);
      assertWindows(settings, clock.nowMs());
      const orgs = await selectOrgs(
        { directory: estate.directory, store, site: estate.sites[0], tables: estate.tables },
        request,
      );
      const createdAtMs = clock.nowMs();
      const chosen = named === undefined ? `by ${JSON.stringify(told(filter ?? {}))}` : 'by name';
      const document: WaveDocument = {
        settings: settingsSchema.parse(settings),
        approval: effective.approval,
        approvedBy: effective.approvedBy,
        creator: { ...actor },
        starter: null,
        approver: null,
        ender: null,
        reason: null,
        seen: {},
        history: [{ atMs: createdAtMs, message: `created by ${actor.name}: ${orgs.length} orgs, chosen ${chosen}` }],
      };
      const id = timedId('w', createdAtMs, estate.ids);
      await store.createWave({ id, name, createdAtMs, document }, orgs);
      return statusOf(await rowOf(id), await look());
    },

    async list({ state, limit, cursor, known }) {
      const rows = await store.listWaves({
        limit: limit + 1,
        ...(state !== undefined && { state }),
        ...(cursor !== undefined && { after: cursor }),
      });
      const picture = rows.length === 0 ? null : await look();
      const items: WaveStatus[] = [];
      for (const row of rows.slice(0, limit)) {
        const told = row.ended ? known?.get(row.id) : undefined;
        items.push(told?.version === row.revision ? told : await statusOf(row, picture));
      }
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
    },

    async get(id) {
      const row = await rowOf(id);
      return statusOf(row, row.ended ? null : await look());
    },

    async orgs(id, { limit, after }) {
      const { orgs } = await readWave(store, await rowOf(id));
      return orgs
        .filter(({ position }) => position > after)
        .slice(0, limit)
        .map(assembleOrg);
    },

    async command(id, command, { reason }, actor) {
      const row = await write(id, command, async (found) => {
        if (doneBy(found, command)) return null;
        const allowed = allowedIn(found);
        if (!allowed.includes(command)) throw new CommandNotAllowedError(command, found.state, allowed);
        assertSecondPerson(found.document, command, actor);
        return {
          ...(await changeBy(found, command, actor)),
          // An approval changes nothing about why it stands still.
          reason: command === 'approve' ? found.document.reason : null,
          atMs: clock.nowMs(),
          message: `${command} by ${actor.name}${reason === undefined ? '' : `: ${reason}`}`,
          ended: false,
        };
      });
      return statusOf(row, await look());
    },

    async plan(id) {
      const row = await rowOf(id);
      const picture = row.ended ? null : await look();
      const wave = await inPicture(row, picture);
      const found = await makeForecast(wave, picture);
      return planOf(wave, found, {
        nowMs: clock.nowMs(),
        durations: durations(wave),
        instanceOf,
        quotas: (homeRegion) => estate.replication.taskQuotas(homeRegion, clock.timeoutSignal(quotasWithinMs)),
      });
    },
  };

  /** What a command makes of a wave. */
  async function changeBy(
    row: WaveRow,
    command: WaveCommandName,
    actor: Actor,
  ): Promise<{ state: WaveState; document: Partial<WaveDocument> }> {
    const who = { ...actor };
    switch (command) {
      case 'start':
        return { state: 'running', document: { starter: who } };
      case 'pause':
        return { state: 'paused', document: {} };
      case 'resume':
        return { state: 'running', document: { seen: allSeen((await readWave(store, row)).orgs) } };
      case 'approve':
        return { state: row.state, document: { approver: who } };
      case 'cancel':
        return { state: 'cancelling', document: { ender: who } };
      case 'rollback':
        return { state: 'rollingBack', document: { ender: who } };
    }
  }
}

/** Longest wait for DMS to tell its quotas (milliseconds). */
const quotasWithinMs = 10_000;

/** The policy of the wave's orgs. Throws as `tightenPolicy` does. */
function wavePolicy(policy: Policy, { policy: requested }: Pick<WaveRequest, 'policy'>): Policy {
  return requested === undefined ? policy : tightenPolicy(policy, requested);
}

/** A filter as the history tells it: of the orgs that were left out their number. */
function told({ except, ...filter }: WaveFilter): object {
  return { ...filter, ...(except !== undefined && { except: `${except.length} orgs` }) };
}

/** Throws `TimeZoneUnknownError` or `WindowNeverOpensError`: a wave that would wait for ever is not made. */
function assertWindows(settings: Pick<WaveRequest, 'startWindow' | 'flipWindow'>, nowMs: number): void {
  for (const name of ['startWindow', 'flipWindow'] as const) {
    const window = settings[name];
    if (window === undefined) continue;
    if (!isTimeZone(window.timeZone)) throw new TimeZoneUnknownError(name, window.timeZone);
    const look = lookAt(window, nowMs);
    if (!look.open && look.opensMs === null) throw new WindowNeverOpensError(name);
  }
}

/** Four eyes: the wave's approver is neither who made it nor who starts it. Throws `SecondPersonError`. */
function assertSecondPerson(
  { approval, approvedBy, creator, starter, approver }: WaveDocument,
  command: WaveCommandName,
  actor: Actor,
): void {
  if (approval !== 'manual' || approvedBy !== 'another') return;
  const begun = [creator.name, starter?.name];
  if (command === 'approve' && begun.includes(actor.name)) throw new SecondPersonError('approve', actor.name);
  if (command === 'start' && approver?.name === actor.name) {
    throw new SecondPersonError('start after an approval', actor.name);
  }
}
