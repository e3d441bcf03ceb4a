import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { personsFor } from '../../src/cli/persons.ts';

const tokens = [
  { name: 'ann', role: 'approver' as const },
  { name: 'bob', role: 'operator' as const },
].map((person) => ({ ...person, sha256: createHash('sha256').update(`of-${person.name}`).digest('hex') }));
const asked = (own: string, second: string | null, starters: readonly string[] | null) =>
  personsFor('repair', { tokens }, { own, second }, starters);

it('an approver who did not start the move is enough; who started it is not', async () => {
  expect(await asked('of-ann', null, ['bob'])).toMatchObject({ approver: { name: 'ann' }, second: null });
  await expect(asked('of-ann', 'of-bob', ['bob', 'ann'])).rejects.toMatchObject({
    code: 'SECOND_PERSON_NEEDED',
    details: { command: 'repair', starter: 'ann' },
  });
});

it.each([null, []])('where nobody is known to have started it (%j) another person stands by', async (starters) => {
  await expect(asked('of-ann', null, starters)).rejects.toMatchObject({ code: 'SECOND_TOKEN_NEEDED' });
  await expect(asked('of-ann', 'of-ann', starters)).rejects.toMatchObject({ code: 'SECOND_TOKEN_NEEDED' });
  expect(await asked('of-ann', 'of-bob', starters)).toMatchObject({ second: { name: 'bob' } });
});
