import { createHash } from 'node:crypto';
import { kindOf } from '../diagnosis/contradictions.ts';
import type { Diagnosis } from '../diagnosis/diagnose.ts';
import { type Expectation, expectationOf, type Stage } from '../diagnosis/expectation.ts';
import { seenValue } from '../diagnosis/observed.ts';
import { RepairAmbiguousError, RepairBlockedError } from '../errors/repair.ts';
import type { FenceWriter } from '../ports/place.ts';
import type { Side } from '../ports/routing.ts';

/** One change that brings an org nearer to a state that holds. They are carried out in the order of the plan. */
export type RepairStep =
  /** No attempt is left undecided: one that nobody can end is aborted. */
  | { readonly do: 'abort'; readonly attempt: number }
  | { readonly do: 'closeFence'; readonly place: string; readonly from: string; readonly to: FenceWriter }
  | { readonly do: 'deleteTask'; readonly homeRegion: string; readonly task: string }
  | { readonly do: 'openFence'; readonly place: string; readonly from: string; readonly to: FenceWriter }
  | { readonly do: 'route'; readonly proxy: string; readonly from: string; readonly to: Side }
  /** The journal follows what an operator decided: the migration waits in `needsOperator`, served by this side. */
  | { readonly do: 'journal'; readonly serving: Side };

/** What would be done for one org, and where it leads. */
export interface RepairPlan {
  readonly orgId: number;
  readonly homeRegion: string;
  readonly serving: Side;
  readonly steps: readonly RepairStep[];
  /** Digest of all this: what is confirmed is this plan and no other. */
  readonly planId: string;
}

/**
 * The way to a state that holds: the side that the journal says serves the org (an undecided attempt counts as aborted,
 * a committed one as done) gets routes and fence, the other side loses both. `serve` is an operator's decision, needed
 * where journal and fences contradict each other, or where there is no journal. Pure.
 *
 * Throws `RepairAmbiguousError`, and `RepairBlockedError` where a fence that has to close cannot be seen.
 */
export function planRepair(diagnosis: Diagnosis, serve: Side | null): RepairPlan {
  const { orgId, reality } = diagnosis;
  const journal = seenValue(diagnosis.journal);
  const migration = journal?.migration ?? null;
  const attempt = journal?.attempt ?? null;
  const homeRegion = migration?.homeRegion ?? seenValue(reality.homeRegion);
  if (homeRegion === null) throw new RepairBlockedError(orgId, ['CoreDB: the home region is not known']);
  const journaled = journaledSide(diagnosis);
  const serving = decidedSide(diagnosis, journaled, homeRegion, serve);
  const overruled = journaled !== null && serving !== journaled;
  const result =
    journaled === null || overruled
      ? bare(serving)
      : expectationOf(stageAfter(diagnosis.stage, attempt?.direction), 'forward');

  const fences = reality.places
    .filter((place) => place.kind === 'site' || place.homeRegion === homeRegion)
    .map((place) => ({ place, allowed: place.kind === 'site' ? result.siteFence : result.clusterFence }));
  const blind = fences.filter(({ place, allowed }) => !place.fence.seen && !allowed.some((one) => one === 'clients'));
  if (blind.length > 0)
    throw new RepairBlockedError(
      orgId,
      blind.map(({ place }) => `${place.name}: the fence cannot be seen`),
    );

  const steps: RepairStep[] = [];
  const undecided = diagnosis.stage === 'holding' && attempt !== null && attempt.decision === null;
  if (undecided) steps.push({ do: 'abort', attempt: attempt.attempt });
  const changes = fences.flatMap(({ place, allowed }) => {
    const from = place.fence.seen ? (place.fence.value?.writer ?? 'missing') : 'not seen';
    const to = allowed.find((one): one is FenceWriter => one !== 'missing');
    return to === undefined || allowed.some((one) => one === from) ? [] : [{ place: place.name, from, to }];
  });
  for (const change of changes) if (change.to !== 'clients') steps.push({ do: 'closeFence', ...change });
  const generation = migration?.journal.context.generation ?? null;
  for (const region of reality.regions) {
    for (const task of seenValue(region.tasks) ?? []) {
      const own = region.homeRegion === homeRegion && (generation === null || task.generation === generation);
      if (own && result[`${task.direction}Task`] !== 'forbidden') continue;
      steps.push({ do: 'deleteTask', homeRegion: region.homeRegion, task: task.id });
    }
  }
  for (const change of changes) if (change.to === 'clients') steps.push({ do: 'openFence', ...change });
  for (const { name, route } of reality.proxies) {
    if (!route.seen) continue;
    const published = kindOf(route.value.runtime);
    const { memory, disk } = route.value;
    const lasting = disk === memory.comment && kindOf(memory.route) === published;
    if (!(published === serving && lasting)) steps.push({ do: 'route', proxy: name, from: published, to: serving });
  }
  if (overruled) steps.push({ do: 'journal', serving });
  return { orgId, homeRegion, serving, steps, planId: digest({ orgId, homeRegion, serving, steps }) };
}

/** The side that the journal says serves the org, an undecided attempt taken as aborted; null without a journal. */
function journaledSide({ journal }: Diagnosis): Side | null {
  if (!journal.seen) return null;
  const { migration, attempt } = journal.value;
  if (migration === null) return 'source';
  const { serving } = migration.journal.context;
  if (serving !== 'held') return serving;
  const forward = (attempt?.direction ?? migration.journal.context.direction) === 'forward';
  const [from, to] = forward ? (['source', 'cluster'] as const) : (['cluster', 'source'] as const);
  return attempt?.decision === 'commit' ? to : from;
}

/**
 * The journal's side, unless clients could have written the other one: then people have to say. Where journal and
 * fences agree nobody can overrule them: the other side does not have the org's last writes.
 */
function decidedSide(diagnosis: Diagnosis, journaled: Side | null, homeRegion: string, serve: Side | null): Side {
  const { orgId, journal } = diagnosis;
  const open = openTo(diagnosis, homeRegion);
  const [only] = open.size === 1 ? open : [];
  const held = journal.seen && journal.value.migration?.journal.context.serving === 'held';
  const against = journaled !== null && only !== undefined && only !== journaled && !held;
  const certain = against ? null : (journaled ?? only ?? null);
  if (certain === null) {
    if (serve !== null) return serve;
    throw new RepairAmbiguousError(
      orgId,
      against
        ? `the journal says ${journaled}, but only the fence of the ${only} is open to clients`
        : 'there is no journal, and the fences do not tell one side from the other',
    );
  }
  if (serve !== null && serve !== certain) {
    throw new RepairBlockedError(orgId, [
      `--serve ${serve}: the ${certain} serves the org; use rollback to take it back`,
    ]);
  }
  return certain;
}

/** Sides whose fence lets clients in. */
function openTo({ reality }: Diagnosis, homeRegion: string): Set<Side> {
  const open = new Set<Side>();
  for (const place of reality.places) {
    if (seenValue(place.fence)?.writer !== 'clients') continue;
    if (place.kind === 'site') open.add('source');
    else if (place.homeRegion === homeRegion) open.add('cluster');
  }
  return open;
}

/** Where an attempt under way leads; everything else stays where it is. */
function stageAfter(stage: Stage | null, direction: 'forward' | 'back' | undefined): Stage {
  if (stage === 'holding') return direction === 'back' ? 'onCluster' : 'inStep';
  if (stage === 'releasing') return direction === 'back' ? 'returned' : 'settling';
  return stage ?? 'left';
}

/** All that can be asked for without a journal: one side open, the other closed, no task that could write where the org is served. */
function bare(serving: Side): Expectation {
  return serving === 'source'
    ? {
        serving,
        routes: ['source'],
        siteFence: ['clients'],
        clusterFence: ['nobody', 'forward', 'missing'],
        forwardTask: 'allowed',
        reverseTask: 'forbidden',
      }
    : {
        serving,
        routes: ['cluster'],
        siteFence: ['nobody', 'reverse'],
        clusterFence: ['clients'],
        forwardTask: 'forbidden',
        reverseTask: 'allowed',
      };
}

function digest(plan: unknown): string {
  return createHash('sha256').update(JSON.stringify(plan)).digest('hex').slice(0, 12);
}
