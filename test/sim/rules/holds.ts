import type { World } from '../world/world.ts';
import type { Routes } from './routes.ts';
import { changes, type Rule } from './rule.ts';

/** How long the owner may be silent before others take over (milliseconds), and the design's allowance beside it. */
const leaseMs = 2_000;
const allowanceMs = 1_000;
/** What an abort or a release may need for its own steps (milliseconds). */
const stepsMs = 1_500;

/**
 * Rule 4: every hold ends on every proxy that can be reached: within its budget and what the release itself needs, and
 * with a controller that died within the lease's time beside it. Counted from when nothing else is wrong any more.
 */
export function holds(world: World, routes: Routes, anythingWrong: () => boolean): Rule {
  const since = new Map<string, number>();
  const told = new Set<string>();
  const rerouted = changes(() => routes.version);
  let longestMs = 0;
  return {
    look() {
      if (rerouted()) {
        for (const { orgId } of world.moved) {
          for (const proxy of world.proxies) {
            const key = `${proxy.name}/${orgId}`;
            const held = proxy.process.state !== 'dead' && routes.sideAt(proxy, orgId) === 'held';
            if (!held) since.delete(key);
            else if (!since.has(key)) since.set(key, world.nowMs);
          }
        }
      }
      if (since.size === 0 || anythingWrong()) return;
      const { flipBudgetMs = 3_000 } = world.choice.policy;
      const limitMs = flipBudgetMs + leaseMs + allowanceMs + stepsMs;
      for (const [key, heldMs] of since) {
        const countedMs = world.nowMs - Math.max(heldMs, world.troubleMs);
        longestMs = Math.max(longestMs, countedMs);
        if (countedMs > limitMs && !told.has(key)) {
          told.add(key);
          world.broken(4, `${key} is held for ${Math.round(countedMs)} ms with nothing wrong, over ${limitMs} ms`);
        }
      }
    },
    atRest() {
      const ended = new Set(world.databases.journals().flatMap(({ id, ended }) => (ended ? [id] : [])));
      for (const id of world.databases.holdsInUse()) {
        if (ended.has(id)) world.broken(4, `${id} has ended, and a hold hostgroup of its was never given back`);
      }
    },
  };
}
