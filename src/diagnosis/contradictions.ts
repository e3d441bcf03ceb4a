import type { FenceWriter } from '../ports/place.ts';
import type { Route } from '../ports/routing.ts';
import { type Expectation, expectationOf, type Presence, type RouteKind, type Stage, stageOf } from './expectation.ts';
import type { Journal } from './journal.ts';
import { type Observed, seenValue } from './observed.ts';
import type { Reality } from './reality.ts';

/** Something that cannot be as it is found, or could not be seen. */
export interface Contradiction {
  readonly code:
    | 'TWO_SIDES_ROUTED'
    | 'TWO_FENCES_OPEN'
    | 'ROUTE_UNEXPECTED'
    | 'ROUTE_UNPUBLISHED'
    | 'ROUTE_NOT_SAVED'
    | 'ROUTE_NEWER_THAN_JOURNAL'
    | 'FENCE_UNEXPECTED'
    | 'FENCE_NEWER_THAN_JOURNAL'
    | 'TASK_MISSING'
    | 'TASK_UNEXPECTED'
    | 'TASK_FAILED'
    | 'HOME_REGION_DIFFERS'
    | 'IDENTITY_DIFFERS'
    | 'PLACE_READ_ONLY'
    | 'OWNER_MISSING'
    | 'JOURNAL_UNREADABLE'
    | 'NOT_SEEN';
  /** `danger` breaks what must always hold; `wrong` has to be put right; `unknown` could not be looked at. */
  readonly severity: 'danger' | 'wrong' | 'unknown';
  /** Proxy, site, cluster, region, or `journal`. */
  readonly where: string;
  readonly expected: string;
  readonly found: string;
}

/** The journal's view of the org, as far as it can be read. */
export interface Judged {
  readonly stage: Stage | null;
  readonly expectation: Expectation | null;
  readonly contradictions: readonly Contradiction[];
}

/** Statuses of a task that neither works nor can be expected to. */
const failedStatuses: ReadonlySet<string> = new Set(['failed', 'failed-move']);

/** Compares journal and reality. Pure: the same inputs give the same list, the dangerous first. */
export function judge(journal: Observed<Journal>, reality: Reality): Judged {
  const found: Contradiction[] = [];
  const migration = journal.seen ? journal.value.migration : null;
  const attempt = journal.seen ? journal.value.attempt : null;
  if (!journal.seen) {
    found.push(
      contradiction('JOURNAL_UNREADABLE', 'unknown', 'journal', 'a journal that can be read', journal.message),
    );
  }
  // An org that never moved is served by the source, like one that has left.
  const stage = !journal.seen
    ? null
    : migration === null
      ? 'left'
      : stageOf(migration.state, migration.journal.context, attempt);
  const direction = attempt?.direction ?? 'forward';
  const expectation = stage === null ? null : expectationOf(stage, direction);
  const homeRegion = migration?.homeRegion ?? seenValue(reality.homeRegion);

  found.push(...unseen(reality), ...twoSides(reality));
  if (migration !== null && !migration.ended && journal.seen && !journal.value.ownerAlive) {
    found.push(
      contradiction('OWNER_MISSING', 'wrong', 'journal', 'a controller that is alive', migration.owner ?? 'no owner'),
    );
  }
  if (migration !== null && reality.homeRegion.seen && reality.homeRegion.value !== migration.homeRegion) {
    found.push(contradiction('HOME_REGION_DIFFERS', 'wrong', 'CoreDB', migration.homeRegion, reality.homeRegion.value));
  }
  found.push(...places(reality, expectation, homeRegion, migration?.epoch ?? null));
  found.push(...routes(reality, expectation, migration?.epoch ?? null));
  if (expectation !== null && homeRegion !== null) {
    found.push(...tasks(reality, expectation, homeRegion, migration?.journal.context.generation ?? 0));
  }
  const rank = { danger: 0, wrong: 1, unknown: 2 } as const;
  found.sort((a, b) => rank[a.severity] - rank[b.severity]);
  return { stage, expectation, contradictions: found };
}

function contradiction(
  code: Contradiction['code'],
  severity: Contradiction['severity'],
  where: string,
  expected: string,
  found: string,
): Contradiction {
  return { code, severity, where, expected, found };
}

/** What did not answer is named: nothing is known of it, neither good nor bad. */
function unseen(reality: Reality): Contradiction[] {
  const asked: [string, string, Observed<unknown>][] = [
    ['CoreDB', 'the home region', reality.homeRegion],
    ...reality.places.map((place): [string, string, Observed<unknown>] => [place.name, 'the fence', place.fence]),
    ...reality.proxies.map((proxy): [string, string, Observed<unknown>] => [proxy.name, 'the route', proxy.route]),
    ...reality.regions.map((region): [string, string, Observed<unknown>] => [
      `DMS ${region.homeRegion}`,
      'the tasks',
      region.tasks,
    ]),
  ];
  return asked.flatMap(([where, what, observed]) =>
    observed.seen ? [] : [contradiction('NOT_SEEN', 'unknown', where, what, observed.message)],
  );
}

/** Rule 2, whatever the journal says: one side at most takes the org's writes. */
function twoSides(reality: Reality): Contradiction[] {
  const found: Contradiction[] = [];
  const open = reality.places.filter(({ fence }) => seenValue(fence)?.writer === 'clients');
  const kinds = new Set(open.map(({ kind, name }) => (kind === 'site' ? 'the sites' : name)));
  if (kinds.size > 1) {
    found.push(
      contradiction(
        'TWO_FENCES_OPEN',
        'danger',
        [...kinds].join(', '),
        'one side open to clients',
        [...kinds].join(', '),
      ),
    );
  }
  const byKind = new Map<RouteKind, string[]>();
  for (const { name, route } of reality.proxies) {
    if (!route.seen) continue;
    const kind = kindOf(route.value.runtime);
    byKind.set(kind, [...(byKind.get(kind) ?? []), name]);
  }
  const toSource = byKind.get('source') ?? [];
  const toCluster = byKind.get('cluster') ?? [];
  if (toSource.length > 0 && toCluster.length > 0) {
    found.push(
      contradiction(
        'TWO_SIDES_ROUTED',
        'danger',
        'the fleet',
        'one side',
        `source at ${toSource.join(', ')}; cluster at ${toCluster.join(', ')}`,
      ),
    );
  }
  return found;
}

/** Without an active rule of its own an org goes where the rules that were there before send it. */
export function kindOf(route: Route | null): RouteKind {
  return route?.kind ?? 'source';
}

function places(
  reality: Reality,
  expectation: Expectation | null,
  homeRegion: string | null,
  epoch: number | null,
): Contradiction[] {
  const found: Contradiction[] = [];
  for (const place of reality.places) {
    const identity = seenValue(place.identity);
    if (identity !== null && (identity.name !== place.name || identity.homeRegion !== place.homeRegion)) {
      const says = `${identity.name}, home region ${identity.homeRegion ?? 'none'}`;
      found.push(
        contradiction('IDENTITY_DIFFERS', 'danger', place.name, `${place.name}, ${place.homeRegion ?? 'a site'}`, says),
      );
    }
    if (seenValue(place.readOnly) === true) {
      found.push(contradiction('PLACE_READ_ONLY', 'wrong', place.name, 'writable', 'read-only'));
    }
    if (!place.fence.seen) continue;
    const writer: FenceWriter | 'missing' = place.fence.value?.writer ?? 'missing';
    const allowed =
      place.kind === 'site'
        ? expectation?.siteFence
        : place.homeRegion === homeRegion
          ? expectation?.clusterFence
          : // No other region's cluster ever serves the org.
            (['forward', 'nobody', 'missing'] as const);
    if (allowed !== undefined && !allowed.some((each) => each === writer)) {
      found.push(contradiction('FENCE_UNEXPECTED', 'wrong', place.name, allowed.join(' or '), writer));
    }
    const fenceEpoch = place.fence.value?.epoch ?? 0;
    if (epoch !== null && fenceEpoch > epoch) {
      found.push(
        contradiction('FENCE_NEWER_THAN_JOURNAL', 'wrong', place.name, `epoch ${epoch} at most`, `epoch ${fenceEpoch}`),
      );
    }
  }
  return found;
}

function routes(reality: Reality, expectation: Expectation | null, epoch: number | null): Contradiction[] {
  const found: Contradiction[] = [];
  for (const { name, route } of reality.proxies) {
    if (!route.seen) continue;
    const { memory, runtime, disk } = route.value;
    const published = kindOf(runtime);
    if (expectation !== null && !expectation.routes.includes(published)) {
      found.push(contradiction('ROUTE_UNEXPECTED', 'wrong', name, expectation.routes.join(' or '), published));
    }
    const wanted = kindOf(memory.route);
    if (published !== wanted) {
      found.push(contradiction('ROUTE_UNPUBLISHED', 'wrong', name, `${wanted} in the runtime`, published));
    }
    if (disk !== memory.comment) {
      found.push(
        contradiction('ROUTE_NOT_SAVED', 'wrong', name, memory.comment ?? 'no rule on disk', disk ?? 'no rule'),
      );
    }
    if (epoch !== null && memory.epoch > epoch) {
      found.push(
        contradiction('ROUTE_NEWER_THAN_JOURNAL', 'wrong', name, `epoch ${epoch} at most`, `epoch ${memory.epoch}`),
      );
    }
  }
  return found;
}

function tasks(reality: Reality, expectation: Expectation, homeRegion: string, generation: number): Contradiction[] {
  const found: Contradiction[] = [];
  for (const region of reality.regions) {
    if (!region.tasks.seen) continue;
    const where = `DMS ${region.homeRegion}`;
    const own = region.homeRegion === homeRegion;
    for (const task of region.tasks.value) {
      const presence: Presence =
        own && task.generation === generation ? expectation[`${task.direction}Task`] : 'forbidden';
      if (presence === 'forbidden') {
        found.push(contradiction('TASK_UNEXPECTED', 'wrong', where, 'no such task', `${task.id} (${task.status})`));
      } else if (failedStatuses.has(task.status)) {
        found.push(contradiction('TASK_FAILED', 'wrong', where, 'a task that works', `${task.id} (${task.status})`));
      }
    }
    for (const direction of ['forward', 'reverse'] as const) {
      const there = region.tasks.value.some((task) => task.direction === direction && task.generation === generation);
      if (own && expectation[`${direction}Task`] === 'required' && !there) {
        found.push(contradiction('TASK_MISSING', 'wrong', where, `the ${direction} task`, 'none'));
      }
    }
  }
  return found;
}
