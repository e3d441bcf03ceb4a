import type { WaveDocument, WaveRow, WaveState } from '../ports/waves.ts';
import type { Reason } from '../service/status.ts';
import { canariesPassed, canaryThatFailed } from './canaries.ts';
import {
  addAsked,
  addMoves,
  addOrg,
  flipReaches,
  type InstanceOf,
  type Load,
  type Moves,
  noLoad,
  type Reached,
  startReaches,
} from './load.ts';
import type { Limits } from './settings.ts';
import { isOver, mayTryAgain, type OrgView } from './standing.ts';
import { stopRuleMet, troublesOf } from './troubles.ts';
import { lookAt, type TimeWindow } from './window.ts';

/** A wave with its orgs in their order. */
export interface WaveView extends Pick<WaveRow, 'id' | 'state'> {
  readonly document: Pick<WaveDocument, 'settings' | 'approval' | 'approver' | 'seen'>;
  readonly orgs: readonly OrgView[];
}

/** All that is decided from. */
export interface Situation {
  readonly nowMs: number;
  readonly frozen: { readonly actor: string; readonly reason: string } | null;
  /** Of the configuration: for all waves together, and beside what others began. */
  readonly limits: Limits;
  readonly instanceOf: InstanceOf;
  /** Every move that has not ended, of a wave or not. */
  readonly moves: readonly Moves[];
  /** Every wave that has not ended, the oldest first. */
  readonly waves: readonly WaveView[];
}

/** What is to be done for an org of a wave. */
export type Order =
  /** `again`: it was written down before, and does not show yet. */
  | { readonly kind: 'start'; readonly orgId: number; readonly again: boolean }
  | { readonly kind: 'letGo'; readonly orgId: number; readonly migrationId: string; readonly attempts: number }
  /** It was written down that it is let go, and nobody may have said so to the org. */
  | { readonly kind: 'withdraw'; readonly orgId: number }
  | { readonly kind: 'cancel' | 'rollback'; readonly orgId: number; readonly migrationId: string };

/** Why something does not go on by itself now. */
export interface Wait {
  readonly code: 'frozen' | 'approval' | 'window' | 'canaries' | 'limit' | 'orgs' | 'persons';
  readonly message: string;
  /** When it ends, where that is known (epoch milliseconds). */
  readonly untilMs: number | null;
}

export interface Decision {
  readonly id: string;
  readonly orders: readonly Order[];
  readonly waits: readonly Wait[];
  /** Another state that it has come to, and why. */
  readonly next: { readonly state: WaveState; readonly reason: Reason | null } | null;
}

/**
 * What may start, what may flip, and why nothing else does. Older waves come first, and in each its own order. A limit
 * counts what is under way anywhere and what was asked for and does not show yet; nothing is taken back here, for a
 * limit that was lowered or a window that closed: what is under way goes on, up to where it is asked again.
 */
export function decide(situation: Situation): readonly Decision[] {
  const { instanceOf, moves, waves } = situation;
  const load = addMoves(noLoad(), moves, instanceOf);
  for (const { orgs } of waves) addAsked(load, orgs, instanceOf);
  return waves.map((wave) => decideWave(wave, situation, load));
}

function decideWave(wave: WaveView, situation: Situation, load: Load): Decision {
  const nothing = { id: wave.id, orders: [], waits: [], next: null };
  switch (wave.state) {
    case 'running':
      return decideRunning(wave, situation, load);
    case 'cancelling':
    case 'rollingBack':
      return decideEnding(wave, wave.state);
    case 'paused':
      return decidePaused(wave);
    default:
      return nothing;
  }
}

function decideRunning(wave: WaveView, situation: Situation, load: Load): Decision {
  const { id, orgs, document } = wave;
  const { settings, seen } = document;
  if (orgs.every(isOver)) return { id, orders: [], waits: [], next: { state: 'completed', reason: null } };
  const rule = stopRuleMet(troublesOf(orgs, seen), settings.stop) ?? canaryThatFailed(wave);
  if (rule !== null) return { id, orders: [], waits: [], next: { state: 'paused', reason: stopped(rule) } };
  if (situation.frozen !== null) {
    const { actor, reason } = situation.frozen;
    return { id, orders: [], waits: [waitFor('frozen', `the freeze by ${actor} to be lifted: ${reason}`)], next: null };
  }
  const own = addAsked(
    addMoves(
      noLoad(),
      orgs.flatMap(({ move, homeRegion }) =>
        move === null || move.ended ? [] : [{ state: move.state, homeRegion, moves: 1 }],
      ),
      situation.instanceOf,
    ),
    orgs,
    situation.instanceOf,
  );
  const flips = letOrgsGo(wave, situation, load, own);
  const starts = startOrgs(wave, situation, load, own);
  const over = [flips.over, starts.over].find((each) => each !== null);
  if (over !== undefined) return { id, orders: [], waits: [], next: { state: 'paused', reason: windowOver(over) } };
  return {
    id,
    orders: [...flips.orders, ...starts.orders],
    waits: [...flips.waits, ...starts.waits, ...others(orgs)],
    next: null,
  };
}

/** What was begun is brought to where it waits: nothing more starts, and nothing more is let go. */
function decidePaused({ id, orgs }: WaveView): Decision {
  if (orgs.every(isOver)) return { id, orders: [], waits: [], next: { state: 'completed', reason: null } };
  const orders = orgs.flatMap(({ orgId, standing, goesByItself, move }): Order[] => {
    if (standing === 'starting') return [{ kind: 'start', orgId, again: true }];
    return goesByItself && move?.approved === false ? [{ kind: 'withdraw', orgId }] : [];
  });
  return { id, orders, waits: [], next: null };
}

interface Part {
  readonly orders: Order[];
  readonly waits: Wait[];
  /** The window that never opens again though something waits for it. */
  readonly over: 'startWindow' | 'flipWindow' | null;
}

/** Orgs that are ready, as far as approval, window and limits allow. */
function letOrgsGo({ orgs, document }: WaveView, { nowMs, limits }: Situation, load: Load, own: Load): Part {
  const { settings, approval, approver, seen } = document;
  const part: Part = { orders: [], waits: [], over: null };
  const ready = orgs.filter((org) => org.standing === 'ready' || mayTryAgain(org, seen[org.orgId]));
  if (ready.length === 0) return part;
  const candidates = ready.filter(({ goesByItself }) => !goesByItself);
  if (candidates.length > 0 && approval === 'manual' && approver === null) {
    part.waits.push(waitFor('approval', `an approver of the wave: ${candidates.length} orgs are ready`));
    return part;
  }
  const window = windowWait(settings.flipWindow, nowMs, 'flips');
  if (window === 'never') return { ...part, over: 'flipWindow' };
  if (window !== null) return { ...part, waits: [...part.waits, window] };
  for (const { orgId, move, attemptsWhenLetGo, goesByItself } of ready) {
    if (!goesByItself || move === null || move.approved || attemptsWhenLetGo === null) continue;
    part.orders.push({ kind: 'letGo', orgId, migrationId: move.migrationId, attempts: attemptsWhenLetGo });
  }
  for (const { orgId, move } of candidates) {
    if (move === null) continue;
    const reached = flipReaches(load, limits) ?? flipReaches(own, settings.limits);
    if (reached !== null) {
      part.waits.push(limitWait(reached));
      break;
    }
    load.flips += 1;
    own.flips += 1;
    part.orders.push({ kind: 'letGo', orgId, migrationId: move.migrationId, attempts: move.attempts });
  }
  return part;
}

/** Orgs that have not been started, as far as canaries, window and limits allow. */
function startOrgs(wave: WaveView, { nowMs, limits, instanceOf }: Situation, load: Load, own: Load): Part {
  const { orgs, document } = wave;
  const { settings } = document;
  const part: Part = { orders: [], waits: [], over: null };
  for (const { orgId, standing } of orgs) {
    if (standing === 'starting') part.orders.push({ kind: 'start', orgId, again: true });
  }
  const waiting = orgs.filter(({ standing }) => standing === 'waiting');
  const gate = canariesPassed(wave, nowMs);
  const candidates = gate === null ? waiting : waiting.filter(({ canary }) => canary);
  if (gate !== null && candidates.length < waiting.length) part.waits.push(gate);
  if (candidates.length === 0) return part;
  const window = windowWait(settings.startWindow, nowMs, 'starts');
  if (window === 'never') return { ...part, over: 'startWindow' };
  if (window !== null) return { ...part, waits: [...part.waits, window] };
  const full = new Map<string, Reached>();
  for (const { orgId, homeRegion } of candidates) {
    const reached =
      startReaches(load, limits, homeRegion, instanceOf) ?? startReaches(own, settings.limits, homeRegion, instanceOf);
    if (reached !== null) {
      // One cluster that is full keeps no org of another one waiting.
      full.set(`${reached.limit} ${reached.of}`, reached);
      if (reached.limit === 'source') break;
      continue;
    }
    addOrg(load, homeRegion, instanceOf);
    addOrg(own, homeRegion, instanceOf);
    part.orders.push({ kind: 'start', orgId, again: false });
  }
  part.waits.push(...[...full.values()].map(limitWait));
  return part;
}

/** What nobody but the orgs themselves, or a person, makes go on. */
function others(orgs: readonly OrgView[]): Wait[] {
  const count = (...standings: OrgView['standing'][]) => orgs.filter((org) => standings.includes(org.standing)).length;
  const [loading, flipping, soaking] = [count('starting', 'loading'), count('flipping'), count('onCluster')];
  const [stuck, paused, back] = [count('stuck'), count('paused'), count('goingBack')];
  const parts: [number, Wait['code'], string][] = [
    [loading, 'orgs', 'orgs to be loaded and in step'],
    [flipping, 'orgs', 'orgs that flip'],
    [soaking, 'orgs', 'orgs on their cluster to complete'],
    [back, 'orgs', 'orgs that go back'],
    [stuck, 'persons', 'orgs that need a person'],
    [paused, 'persons', 'orgs that are paused'],
  ];
  return parts.filter(([orgsThere]) => orgsThere > 0).map(([n, code, what]) => waitFor(code, `${n} ${what}`));
}

/** A wave that somebody gave up, or sends back: each org is asked until it is where it should be. */
function decideEnding({ id, orgs }: WaveView, state: 'cancelling' | 'rollingBack'): Decision {
  const kind = state === 'cancelling' ? 'cancel' : 'rollback';
  const open = orgs.filter((org) => !isOver(org) && org.move !== null && !org.move.ended);
  const left = open.filter(({ move }) => (kind === 'rollback' ? move?.decided !== 'stays' : move?.side !== 'cluster'));
  // One that cannot go back waits for a person's choice, and is not asked again over it.
  const orders = left.flatMap(({ orgId, standing, move }): Order[] =>
    standing === 'goingBack' || move === null || move.decided !== null
      ? []
      : [{ kind, orgId, migrationId: move.migrationId }],
  );
  if (left.length === 0) {
    return { id, orders: [], waits: [], next: { state: kind === 'cancel' ? 'cancelled' : 'rolledBack', reason: null } };
  }
  const waits = [waitFor('orgs', `${left.length} orgs to end`)];
  const stuck = left.filter(({ standing }) => standing === 'stuck').length;
  if (stuck > 0) waits.push(waitFor('persons', `${stuck} orgs that need a person`));
  return { id, orders, waits, next: null };
}

function windowWait(window: TimeWindow | undefined, nowMs: number, what: string): Wait | 'never' | null {
  if (window === undefined) return null;
  const look = lookAt(window, nowMs);
  if (look.open) return null;
  if (look.opensMs === null) return 'never';
  const opens = new Date(look.opensMs).toISOString();
  return { code: 'window', message: `the window for ${what}, which opens at ${opens}`, untilMs: look.opensMs };
}

const limitNames: Readonly<Record<keyof Limits, string>> = {
  source: 'orgs that the source is read for',
  instance: 'orgs with tasks on the replication instance of',
  cluster: 'orgs that are loaded into the cluster of',
  flips: 'orgs that flip',
};

function limitWait({ limit, of, now, most }: Reached): Wait {
  const where = of === null ? '' : ` ${of}`;
  return waitFor('limit', `the limit of ${limit}: ${now} of ${most} ${limitNames[limit]}${where}`);
}

export function waitFor(code: Wait['code'], message: string): Wait {
  return { code, message, untilMs: null };
}

function stopped(rule: string): Reason {
  return {
    code: 'WAVE_STOPPED',
    message: `the wave stopped by its rule: ${rule}`,
    remedy: 'Look at these orgs first; then resume the wave, roll it back or cancel the rest.',
    details: { rule },
  };
}

function windowOver(window: 'startWindow' | 'flipWindow'): Reason {
  return {
    code: 'WAVE_WINDOW_OVER',
    message: `orgs are left, and the ${window} of the wave does not open any more`,
    remedy: 'Cancel the rest and make another wave of it, with a window that opens.',
    details: { window },
  };
}
