import type { World } from '../world/world.ts';

/** States in which an org may stay for ever, if nobody does anything. */
const restful: ReadonlySet<string> = new Set([
  'none',
  'planned',
  'ready',
  'paused',
  // Before that its time to soak runs.
  'soaking.soaked',
  'completed',
  'rolledBack',
  'cancelled',
  'needsOperator',
]);

/** Rule 5, while it is waited for: every org has come to rest, and where it needs somebody it says why. */
export function atRest(world: World): boolean {
  const ordered = new Set(world.databases.ordersWaiting());
  return world.moved.every(({ orgId }) => {
    const journal = world.journalOf(orgId);
    if (journal === null) return true;
    // Somebody starts it soon; and what was ordered while the store was away is carried out late.
    if (journal.state === 'planned' || (!journal.ended && ordered.has(journal.id))) return false;
    if (isKeptBack(world, orgId)) return true;
    if (!restful.has(world.stateOf(orgId)) || !restful.has(journal.state)) return false;
    return journal.state !== 'ready' || !journal.approved;
  });
}

/** On its cluster under watch, and says why it does not complete: it tries again by itself, or goes back when told to. */
function isKeptBack(world: World, orgId: number): boolean {
  const journal = world.journalOf(orgId);
  return /^soaking\b/.test(world.stateOf(orgId)) && journal?.reason === 'HOME_REGION_CHANGED';
}

/** Rule 5, when the time is up. */
export function tellUnrest(world: World, withinMs: number): void {
  for (const { orgId } of world.moved) {
    const journal = world.journalOf(orgId);
    if (journal === null) continue;
    const state = world.stateOf(orgId);
    if (isKeptBack(world, orgId)) continue;
    if (!restful.has(state)) {
      const waitsFor =
        world.controllers.map((one) => one.waitsFor(journal.id)).find((one) => one !== null) ?? 'nothing';
      world.broken(
        5,
        `org ${orgId} is still in ${state} (journal: ${journal.state}) ${withinMs} ms after all was well again; it waits for ${waitsFor}`,
      );
    } else if (journal.state === 'needsOperator' && journal.reason === null) {
      world.broken(5, `org ${orgId} waits in needsOperator without a reason`);
    }
  }
}
