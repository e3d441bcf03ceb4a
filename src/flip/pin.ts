import type { EffectRun } from '../driver/handlers.ts';
import { FlipNotReadyError } from '../errors/index.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import type { Place } from '../ports/place.ts';
import { budgetLeftMs, type FlipAttempt, placesOf } from './attempt.ts';

/** Behind a way back clients write at the sites, and no task carries it: only pinned views prove its cutover point. */
const leastViewsBack = 2;

/**
 * Nobody may write on either side now. Opens the read views that the comparison of this very moment will use after
 * release, and reads the binlog position from which the task of the way back will start.
 */
export async function pin(estate: Estate, attempt: FlipAttempt, run: EffectRun): Promise<void> {
  const { orgId, epoch, homeRegion } = attempt.owner;
  const { to } = placesOf(estate, attempt.direction, homeRegion);
  const [taskSite] = estate.sites;
  const cluster = clusterOf(estate, homeRegion);
  const timeoutMs = Math.max(50, Math.floor(budgetLeftMs(attempt, estate.clock.monotonicMs()) / 2));
  await Promise.all(to.map((place) => place.setFence(orgId, 'nobody', epoch, timeoutMs, run.signal)));
  const { cutoverViews } = estate.comparisons.limits;
  const count = attempt.direction === 'back' ? Math.max(leastViewsBack, cutoverViews) : cutoverViews;
  const viewsOf = async (place: Place) => (count === 0 ? [] : place.openViews(count, run.signal));
  const [source, target, position] = await Promise.allSettled([
    viewsOf(taskSite),
    viewsOf(cluster),
    cluster.binlogPosition(run.signal),
  ]);
  attempt.views = {
    source: source.status === 'fulfilled' ? source.value : [],
    cluster: target.status === 'fulfilled' ? target.value : [],
  };
  if (position.status === 'rejected') throw position.reason;
  attempt.pinned = position.value;
  // A missing view costs the proof of this moment, not the flip: the live sides are compared instead.
  if (source.status === 'rejected' || target.status === 'rejected') {
    run.note('read views could not be pinned; the live sides will be compared');
  }
  if (run.signal.aborted) throw new FlipNotReadyError('the attempt ended while it pinned its views');
}
