import { describe, expect, test } from 'vitest';
import { explore, snapshotOf, story, withoutWayTo } from './explore.ts';
import { fullName, policyWith } from './machine.ts';
import { rules } from './rules.ts';

describe.each([
  { name: 'people decide', policy: policyWith() },
  { name: 'all by itself', policy: policyWith({ approval: 'auto', completion: 'auto', onMismatch: 'alert' }) },
])('machine and world, $name', ({ policy }) => {
  const explored = explore(policy);
  const { nodes } = explored;

  test.each(Object.entries(rules))('%s', (_, rule) => {
    const broken = nodes.find((node) => rule(node.world, snapshotOf(node)) !== null);
    if (broken === undefined) return;
    expect.fail(`${rule(broken.world, snapshotOf(broken))}\n${story(broken)}`);
  });

  test('from everywhere there is a way to an end, unless a former owner closed a fence', () => {
    const stuck = withoutWayTo(explored, (node) => snapshotOf(node).status === 'done');
    const unexplained = stuck.find(({ world }) => !world.disturbed);
    if (unexplained !== undefined) expect.fail(story(unexplained));
  });

  test('the model is no emptier than the machine: every end, takeovers in every state of a flip, late owners', () => {
    const ends = new Set(nodes.map((node) => snapshotOf(node).context.outcome));
    expect(ends).toEqual(new Set([null, 'completed', 'rolledBack', 'cancelled']));
    const taken = nodes.filter(({ cause }) => cause === 'taken over: recover');
    const before = new Set(taken.map((node) => fullName(snapshotOf(node.before ?? node))));
    for (const phase of ['flipping', 'rollingBack']) {
      for (const step of ['undecided.drain', 'undecided.fence', 'commit', 'release', 'aborting']) {
        expect(before).toContain(`${phase}.${step}`);
      }
    }
    const lossy = nodes.filter((node) => snapshotOf(node).status === 'done' && snapshotOf(node).context.lossAccepted);
    expect(lossy.some(({ world }) => !world.whole.source)).toBe(true);
    expect(nodes.some(({ cause }) => cause === 'a former owner goes on')).toBe(true);
    expect(nodes.some(({ world }) => world.strays !== null && world.proxies.some(({ at }) => at === 'held'))).toBe(
      true,
    );
  });
});
