import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { diagram, diagramFile } from '../../statecharts/diagram.ts';

test('the diagram beside the machine is the machine’s', async () => {
  expect(diagram()).toBe(diagram());
  expect(
    (await readFile(diagramFile, 'utf8')) === diagram(),
    'stale: run `node statecharts/diagram.ts` and look at the difference',
  ).toBe(true);
});

test('it shows every phase and every effect', () => {
  const shown = diagram();
  for (const phase of ['planned', 'replicating', 'flipping', 'rollingBack', 'needsOperator', 'completed']) {
    expect(shown).toContain(`state "${phase}" as ${phase}`);
  }
  expect(shown).toContain('| `flipping.undecided.drain` | `flip.drain.done` |');
  expect(shown).not.toContain('undefined');
});
