import { tables } from '../world/choice.ts';
import type { World } from '../world/world.ts';
import type { Rule } from './rule.ts';

/** An answer that was given before an org's home moved may still be on its way for this long (milliseconds). */
const underWayMs = 100;

/**
 * Rule 6: an org's rows are never written outside its home region. Where an org's home moves to another region, no flip
 * that begins afterwards takes it to the one before.
 */
export function homeRegion(world: World): Rule {
  let looks = 0;
  const heldSinceMs = new Map<string, number>();
  const rowsElsewhere = () => {
    for (const org of world.moved) {
      // Where its rows may be now depends on when it moved.
      if (world.homesMoved.has(org.orgId)) continue;
      for (const [region, cluster] of world.databases.clusters) {
        if (region === org.homeRegion) continue;
        for (const table of tables) {
          const found = cluster.versions(table, org.orgId).size;
          if (found === 0) continue;
          world.broken(6, `${found} rows of org ${org.orgId}, at home in ${org.homeRegion}, are in ${region}`);
        }
      }
    }
  };
  const flipsElsewhere = () => {
    for (const { orgId } of world.moved) {
      const state = world.stateOf(orgId);
      if (state !== 'flipping.hold' && state !== 'flipping.release') continue;
      const journal = world.journalOf(orgId);
      if (journal === null) continue;
      // By attempt: behind a kill the journal's `hold` shows again, and a controller that wakes up is where it fell asleep.
      const key = `${journal.id}/${world.databases.attempts().get(journal.id)}`;
      if (!heldSinceMs.has(key)) heldSinceMs.set(key, world.nowMs);
      const [heldMs, movedMs] = [heldSinceMs.get(key), world.homesMoved.get(orgId)];
      if (state !== 'flipping.release' || heldMs === undefined || movedMs === undefined) continue;
      if (heldMs - movedMs < underWayMs) continue;
      world.broken(
        6,
        `org ${orgId} was flipped ${Math.round(heldMs - movedMs)} ms after its home moved to another region`,
      );
    }
  };
  return {
    look() {
      flipsElsewhere();
      // Rows that came stay long enough to be seen.
      if (++looks % 200 === 0) rowsElsewhere();
    },
    atRest: rowsElsewhere,
  };
}
