import type { World } from '../world/world.ts';
import { changes, type Rule } from './rule.ts';

/** Steps of an attempt behind which its own earlier ones may come no more. */
const ends: ReadonlySet<string> = new Set(['abort', 'release']);
const begins: ReadonlySet<string> = new Set(['prepare', 'hold', 'park']);

/**
 * Rule 4, where it begins: a hold that somebody ended stays so. What a controller asked for and what arrives late changes
 * nothing any more: by an edit of a controller an org's rules never come to an earlier attempt or owner than theirs, nor
 * behind its end to a step of the same one; and no fence is ever an earlier owner's again.
 */
export function onward(world: World): Rule {
  for (const proxy of world.proxies) {
    proxy.onCommentChanged((before, after) => {
      const [was, is] = [numbersIn(before), numbersIn(after)];
      if (was === null || is === null) return;
      const earlier = is.epoch < was.epoch || (is.epoch === was.epoch && is.attempt < was.attempt);
      const same = is.attempt === was.attempt && is.epoch === was.epoch;
      if (!earlier && !(same && ends.has(was.step) && begins.has(is.step))) return;
      world.broken(4, `a command that came late changed a route at ${proxy.name}: from "${before}" to "${after}"`);
    });
  }
  const places = [...world.databases.sites, ...world.databases.clusters.values()];
  const newest = new Map<string, number>();
  const committed = changes(() => world.databases.commits());
  return {
    look() {
      if (!committed()) return;
      for (const { orgId } of world.moved) {
        for (const place of places) {
          const key = `${place.name}/${orgId}`;
          const epoch = Number(place.fenceEpoch(orgId) ?? 0);
          const before = newest.get(key) ?? 0;
          newest.set(key, epoch);
          if (epoch < before) world.broken(4, `the fence of ${key} is of epoch ${epoch} again, after ${before}`);
        }
      }
    },
  };
}

function numbersIn(comment: string): { epoch: number; attempt: number; step: string } | null {
  const [, epoch, attempt, step = ''] = / epoch=(\d+) attempt=(\d+) step=(\w+)/.exec(comment) ?? [];
  return epoch === undefined ? null : { epoch: Number(epoch), attempt: Number(attempt), step };
}
