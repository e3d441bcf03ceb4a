import { describe, expect, test } from 'vitest';
import type { EffectRun } from '../../src/driver/handlers.ts';
import type { Estate } from '../../src/estate/estate.ts';
import type { TaskRef } from '../../src/ports/replication.ts';
import { removeTasks } from '../../src/steps/replicating.ts';

const idOf = ({ direction, generation }: Pick<TaskRef, 'direction' | 'generation'>) => `${direction}-${generation}`;

/** DMS with these tasks; `behind` happens once, when the first deletions have ended. */
function dms(tasks: { direction: 'forward' | 'reverse'; generation: number }[], behind: () => void = () => {}) {
  const there = new Set(tasks.map(idOf));
  const deleted: string[] = [];
  let happened = false;
  const replication = {
    async tasksOf() {
      if (deleted.length > 0 && !happened) {
        happened = true;
        behind();
      }
      return [...there].sort();
    },
    describeTasksOf: async () =>
      [...there].map((id) => {
        const [direction, generation] = id.split('-');
        return { id, direction, generation: Number(generation), status: 'running', stopReason: null };
      }),
    async ensureGone(ref: TaskRef) {
      if (there.delete(idOf(ref))) deleted.push(idOf(ref));
    },
  };
  const estate = { replication, clock: { sleep: async () => {} } } as unknown as Estate;
  return { estate, there, deleted };
}

function runOf(generationBefore: number, generation: number): EffectRun {
  const migration = { orgId: 42, homeRegion: 'eu-west-2', generationBefore, generation };
  return { migration, signal: new AbortController().signal, waitsFor: () => {} } as unknown as EffectRun;
}

describe('the tasks of an org', () => {
  test('are deleted, of every generation of the move', async () => {
    const tasks = [1, 2].flatMap((generation) => [
      { direction: 'forward' as const, generation },
      { direction: 'reverse' as const, generation },
    ]);
    const { estate, there, deleted } = dms(tasks);
    await removeTasks(estate, runOf(0, 2));
    expect([...there]).toEqual([]);
    expect(deleted.sort()).toEqual(['forward-1', 'forward-2', 'reverse-1', 'reverse-2']);
  });

  test('are deleted again where a create that was sent twice makes one behind its deletion', async () => {
    const { estate, there, deleted } = dms([{ direction: 'forward', generation: 1 }], () => there.add('forward-1'));
    await removeTasks(estate, runOf(0, 1));
    expect([...there]).toEqual([]);
    expect(deleted).toEqual(['forward-1', 'forward-1']);
  });

  test('are deleted also where a move before has left one', async () => {
    const { estate, there, deleted } = dms([{ direction: 'reverse', generation: 3 }]);
    await removeTasks(estate, runOf(3, 3));
    expect([...there]).toEqual([]);
    expect(deleted).toEqual(['reverse-3']);
  });
});
