import type { WaveMove } from '../ports/waves.ts';
import type { InstanceOf } from './load.ts';
import { decide, type Order, type Situation, type WaveView } from './schedule.ts';
import { isOver, type OrgView, phaseOf, viewOf } from './standing.ts';

/** What things take, as far as anybody knows (milliseconds). */
export interface Durations {
  /** Preflight, snapshot, task and lag check of an org without rows. */
  readonly startMs: number;
  /** Rows that an org's full load carries in a second. */
  readonly rowsPerSecond: number;
  readonly flipMs: number;
  readonly soakMs: number;
}

/** An org as it would go if nothing went wrong (epoch milliseconds); null where that is not known. */
export interface ForecastOrg {
  readonly orgId: number;
  readonly startsMs: number | null;
  readonly flipsMs: number | null;
  readonly completesMs: number | null;
}

export interface Forecast {
  readonly orgs: readonly ForecastOrg[];
  /** When every org is on its cluster, and when every org has ended, but for those that wait for a person. */
  readonly movedMs: number | null;
  readonly endsMs: number | null;
  /** The most at once of this wave's own orgs. */
  readonly peak: {
    readonly loading: number;
    readonly rowsPerSecond: number;
    readonly tasks: ReadonlyMap<string, number>;
  };
  /** Why it would stand still for ever, where it would. */
  readonly standsStill: string | null;
}

/** Times within so much of each other are one look (milliseconds). */
const grainMs = 1_000;
const looksAtMost = 20_000;
/** After so many looks others have their turn: a forecast of thousands of orgs holds up no flip. */
const looksInARow = 10;
/** Of the orgs that wait, so many are looked at: the others come behind them. */
const waitingLookedAt = 100;
/** Tasks of an org: the forward one, and the reverse one made before the flip. */
const tasksPerOrg = 2;

interface Course {
  readonly org: OrgView;
  startsMs: number | null;
  readyMs: number | null;
  flipsMs: number | null;
  movedMs: number | null;
  completesMs: number | null;
}

/**
 * The rest of a wave in its own scheduler, in a time of its own: every org takes what the durations say, everybody
 * approves at once, and what others have under way stays as it is.
 */
export async function forecast(
  wave: WaveView,
  situation: Omit<Situation, 'waves'>,
  durations: Durations,
  rest: () => Promise<void>,
): Promise<Forecast> {
  const { instanceOf } = situation;
  const document = { ...wave.document, approval: 'auto' as const };
  const courses = wave.orgs.map((org) => courseOf(org, situation.nowMs, durations));
  const play = new Play(courses, withoutOwn(situation.moves, wave.orgs));
  const peak = { loading: 0, rowsPerSecond: 0, tasks: new Map<string, number>() };
  let standsStill: string | null = null;
  let { nowMs } = situation;
  for (let look = 1; ; look++) {
    if (look % looksInARow === 0) await rest();
    play.goTo(nowMs);
    const orgs = play.inPlay().map((course) => viewAt(course, nowMs));
    const moves = [...play.moves(), ...ownMoves(orgs)];
    const played = { ...wave, state: 'running' as const, document, orgs };
    const [decision] = decide({ ...situation, frozen: null, nowMs, moves, waves: [played] });
    if (decision === undefined || decision.next !== null) {
      standsStill = decision?.next?.reason?.message ?? null;
      break;
    }
    const orders = decision.orders.filter((order) => play.carryOut(order, nowMs, durations));
    notePeak(peak, play, nowMs, durations, instanceOf);
    if (orders.length > 0) continue;
    const nextMs = play.nextTime(decision.waits, nowMs);
    if (nextMs === null || look >= looksAtMost) {
      standsStill =
        nextMs === null ? decision.waits.map(({ message }) => message).join('; ') : 'it is too long to tell';
      break;
    }
    nowMs = Math.max(nextMs, nowMs + grainMs);
  }
  return summary(courses, peak, standsStill);
}

/** The orgs of a forecast, apart by what can still happen to them. */
class Play {
  /** Canaries stay in it to their end: others wait for them. */
  readonly #canaries: readonly Course[];
  readonly #waiting: Course[] = [];
  #active: Course[] = [];
  /** On their cluster, in the order in which they complete. */
  readonly #soaking: Course[] = [];
  readonly #byOrg: ReadonlyMap<number, Course>;
  /** Of others, and of own orgs that wait for a person. */
  readonly #fixed: Situation['moves'];

  constructor(courses: readonly Course[], others: Situation['moves']) {
    this.#byOrg = new Map(courses.map((course) => [course.org.orgId, course]));
    this.#canaries = courses.filter(({ org }) => org.canary);
    this.#fixed = [...others, ...ownMoves(courses.map(({ org }) => org).filter(staysWhereItIs))];
    for (const course of courses) {
      if (course.org.canary || isOver(course.org) || staysWhereItIs(course.org)) continue;
      (course.startsMs === null ? this.#waiting : this.#active).push(course);
    }
  }

  /** Orgs that are over at this moment leave. */
  goTo(nowMs: number): void {
    const moved = this.#active.filter(({ movedMs }) => movedMs !== null && movedMs <= nowMs);
    this.#active = this.#active.filter((course) => !moved.includes(course));
    this.#soaking.push(...moved.toSorted((one, other) => (one.completesMs ?? 0) - (other.completesMs ?? 0)));
    while ((this.#soaking[0]?.completesMs ?? Number.POSITIVE_INFINITY) <= nowMs) this.#soaking.shift();
  }

  inPlay(): readonly Course[] {
    return [...this.#canaries, ...this.#active, ...this.#waiting.slice(0, waitingLookedAt)];
  }

  /** Orgs with tasks. */
  underWay(): readonly Course[] {
    return [...this.#canaries, ...this.#active, ...this.#soaking];
  }

  moves(): Situation['moves'] {
    const soaking = Map.groupBy(this.#soaking, ({ org }) => org.homeRegion);
    return [
      ...this.#fixed,
      ...[...soaking].map(([homeRegion, { length: moves }]) => ({ state: 'soaking', homeRegion, moves })),
    ];
  }

  /** True where it changes anything. */
  carryOut(order: Order, nowMs: number, durations: Durations): boolean {
    const course = this.#byOrg.get(order.orgId);
    if (course === undefined) return false;
    if (order.kind === 'start' && course.startsMs === null) {
      course.startsMs = nowMs;
      course.readyMs = nowMs + loadMsOf(course.org, durations);
      if (!course.org.canary) {
        this.#waiting.splice(this.#waiting.indexOf(course), 1);
        this.#active.push(course);
      }
      return true;
    }
    if (order.kind === 'letGo' && course.flipsMs === null) {
      course.flipsMs = nowMs;
      course.movedMs = nowMs + durations.flipMs;
      course.completesMs = course.movedMs + durations.soakMs;
      return true;
    }
    return false;
  }

  nextTime(waits: readonly { readonly untilMs: number | null }[], nowMs: number): number | null {
    const times = [
      ...[...this.#canaries, ...this.#active].flatMap(({ readyMs, movedMs, completesMs }) => [
        readyMs,
        movedMs,
        completesMs,
      ]),
      this.#soaking[0]?.completesMs ?? null,
      ...waits.map(({ untilMs }) => untilMs),
    ].filter((ms): ms is number => ms !== null && ms > nowMs);
    return times.length === 0 ? null : Math.min(...times);
  }
}

function courseOf(org: OrgView, nowMs: number, durations: Durations): Course {
  const { move, standing } = org;
  const course: Course = { org, startsMs: null, readyMs: null, flipsMs: null, movedMs: null, completesMs: null };
  if (move === null && standing !== 'starting') return course;
  const startsMs = move?.createdAtMs ?? nowMs;
  const loadMs = loadMsOf(org, durations);
  const phase = phaseOf(move?.state ?? 'planned');
  course.startsMs = startsMs;
  course.readyMs = phase === 'ready' ? nowMs : Math.max(nowMs, startsMs + loadMs);
  if (standing === 'flipping') {
    course.flipsMs = nowMs;
    course.movedMs = nowMs + durations.flipMs;
  } else if (standing === 'onCluster' || standing === 'completed') {
    course.flipsMs = move?.sinceMs ?? nowMs;
    course.movedMs = course.flipsMs;
  }
  if (standing === 'completed') course.completesMs = move?.sinceMs ?? nowMs;
  else if (course.movedMs !== null) course.completesMs = course.movedMs + durations.soakMs;
  return course;
}

function loadMsOf({ rows }: OrgView, { startMs, rowsPerSecond }: Durations): number {
  return startMs + (rows / rowsPerSecond) * 1_000;
}

/** The org as it would be found at a moment of the course. */
function viewAt({ org, ...course }: Course, nowMs: number): OrgView {
  if (isOver(org) || staysWhereItIs(org) || course.startsMs === null) return org;
  const { startsMs, readyMs, flipsMs, movedMs, completesMs } = course;
  const reached = (ms: number | null) => ms !== null && ms <= nowMs;
  const at = (state: string, sinceMs: number | null) => ({ state, sinceMs: sinceMs ?? nowMs });
  const now = reached(completesMs)
    ? at('completed', completesMs)
    : reached(movedMs)
      ? at('soaking', movedMs)
      : reached(flipsMs)
        ? at('flipping.hold', flipsMs)
        : reached(readyMs)
          ? at('ready', readyMs)
          : at('replicating.fullLoad', startsMs);
  const move: WaveMove = {
    orgId: org.orgId,
    migrationId: org.move?.migrationId ?? `forecast-${org.orgId}`,
    createdAtMs: startsMs,
    ended: now.state === 'completed',
    side: reached(movedMs) ? 'cluster' : 'source',
    approved: flipsMs !== null,
    reason: null,
    decided: null,
    attempts: 0,
    aborts: 0,
    longestPauseMs: null,
    firstAttemptMs: null,
    ...now,
  };
  return viewOf({ ...org, askedToStart: true, attemptsWhenLetGo: null }, move);
}

/** Until somebody has looked at it. */
function staysWhereItIs({ standing }: OrgView): boolean {
  return standing === 'stuck' || standing === 'paused' || standing === 'goingBack';
}

function ownMoves(views: readonly OrgView[]) {
  return views.flatMap(({ move, homeRegion }) =>
    move === null || move.ended ? [] : [{ state: move.state, homeRegion, moves: 1 }],
  );
}

function withoutOwn(moves: Situation['moves'], orgs: readonly OrgView[]): Situation['moves'] {
  const own = new Map<string, number>();
  for (const { state, homeRegion } of ownMoves(orgs)) {
    const key = `${state} ${homeRegion}`;
    own.set(key, (own.get(key) ?? 0) + 1);
  }
  return moves.map((each) => ({
    ...each,
    moves: Math.max(0, each.moves - (own.get(`${each.state} ${each.homeRegion}`) ?? 0)),
  }));
}

function notePeak(
  peak: { loading: number; rowsPerSecond: number; tasks: Map<string, number> },
  play: Play,
  nowMs: number,
  { rowsPerSecond }: Durations,
  instanceOf: InstanceOf,
): void {
  const open = play.underWay().filter(({ startsMs, completesMs }) => {
    return startsMs !== null && startsMs <= nowMs && (completesMs === null || nowMs < completesMs);
  });
  const loading = open.filter(({ readyMs }) => readyMs !== null && nowMs < readyMs).length;
  peak.loading = Math.max(peak.loading, loading);
  peak.rowsPerSecond = Math.max(peak.rowsPerSecond, loading * rowsPerSecond);
  const byInstance = Map.groupBy(open, ({ org }) => instanceOf(org.homeRegion));
  for (const [instance, { length: orgs }] of byInstance) {
    peak.tasks.set(instance, Math.max(peak.tasks.get(instance) ?? 0, orgs * tasksPerOrg));
  }
}

function summary(courses: readonly Course[], peak: Forecast['peak'], standsStill: string | null): Forecast {
  const open = courses.filter(({ org }) => (!isOver(org) && !staysWhereItIs(org)) || org.standing === 'completed');
  const last = (times: readonly (number | null)[]) =>
    times.length === 0 || times.some((ms) => ms === null) ? null : Math.max(...(times as number[]));
  return {
    orgs: courses.map(({ org: { orgId }, startsMs, flipsMs, completesMs }) => ({
      orgId,
      startsMs,
      flipsMs,
      completesMs,
    })),
    movedMs: last(open.map(({ movedMs }) => movedMs)),
    endsMs: last(open.map(({ completesMs }) => completesMs)),
    peak,
    standsStill,
  };
}
