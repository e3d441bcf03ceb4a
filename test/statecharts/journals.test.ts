import { readdir } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { restoreSnapshot } from '../../src/driver/restore.ts';
import { stateName } from '../../src/driver/stateName.ts';
import { JournalVersionError } from '../../src/errors/index.ts';
import type { DeadlineName, EffectName } from '../../statecharts/effects.ts';
import { journalVersion } from '../../statecharts/machine.ts';
import type { MigrationEvent } from '../../statecharts/setup.ts';
import { allowedIn, fixturesFolder, journalsOfToday, rowOf, savedJournals, stateAfter } from './journals.ts';
import { outputs, type Work } from './machine.ts';

const saved = await savedJournals(journalVersion);

test('there is a saved journal for every state that is written down, and for no other', () => {
  const states = [...journalsOfToday().keys()].map((state) => `${state}.json`).sort();
  expect([...saved.keys()].sort(), 'run `node test/statecharts/saveJournals.ts`').toEqual(states);
});

test('the present version is the newest that was saved', async () => {
  const versions = (await readdir(fixturesFolder)).map((folder) => Number(folder.slice(1)));
  expect(Math.max(...versions)).toBe(journalVersion);
});

describe.each([...saved])('%s', (_, journal) => {
  const snapshot = restoreSnapshot(rowOf(journal));
  const work: Work = {
    asked: journal.journal.asked as EffectName[],
    deadlines: Object.keys(journal.journal.deadlines) as DeadlineName[],
  };

  test('is taken up in its state, with the same commands and known effects', () => {
    expect(stateName(snapshot.value)).toBe(journal.state);
    expect(allowedIn(snapshot)).toEqual(journal.allowed);
    expect(work.asked.filter((effect) => !(effect in outputs))).toEqual([]);
    expect(snapshot.context).toEqual(journal.journal.context);
  });

  test('goes on as it would have then', () => {
    const now = journal.next.map(({ event }) => ({
      event,
      state: snapshot.can(event as MigrationEvent)
        ? stateAfter(snapshot, work, event as MigrationEvent)
        : 'no answer any more',
    }));
    expect(now).toEqual(journal.next);
  });
});

describe('a state that this version does not know', () => {
  const [planned] = [...saved.values()].filter(({ state }) => state === 'planned');
  test.each([
    'hovering',
    { flipping: 'levitate' },
    { flipping: { undecided: 'fly' } },
    { hovering: { low: 'here' } },
    { planned: 'deep' },
  ])('%j is refused, never guessed at', (value) => {
    if (planned === undefined) throw new Error('no journal of planned was saved');
    const row = rowOf({ ...planned, journal: { ...planned.journal, value } });
    expect(() => restoreSnapshot(row)).toThrow(JournalVersionError);
    expect(() => restoreSnapshot(row)).toThrow(/m-saved/);
  });
});
