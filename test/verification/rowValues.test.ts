import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRowValues, withOpenKeys } from '../../src/verification/index.ts';
import { compare, ORG, onBoth, orgTable, series, startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
  await onBoth(
    world,
    `CREATE TABLE BigDB.Notes (OrgID INT, Phone VARCHAR(20), Day DATE, Note LONGTEXT, Raw VARBINARY(2000), Score DOUBLE,
      PRIMARY KEY (OrgID, Phone, Day)) CHARACTER SET utf8mb4`,
  );
  await onBoth(
    world,
    `INSERT INTO BigDB.Notes SELECT ${ORG}, CONCAT('+44', n), '2026-01-02', CONCAT('note ', n), X'00FF', 0 FROM ${series(40)}`,
  );
});
afterAll(() => world.close());

/** What the comparison finds, and the values of it. */
async function valuesOfMismatches(bounds: { mostPerValue?: number; mostBytes?: number } = {}) {
  const found = await compare(world, ['Notes']);
  const tables = [orgTable('Notes')];
  const [source, target] = await Promise.all(
    [world.site, world.cluster].map(async (side) => ({
      views: await side.views(1),
      shapes: await side.shapes(tables),
    })),
  );
  if (source === undefined || target === undefined) throw new Error('both sides were asked');
  const { sample, sampleRows: rows } = found;
  const limits = { mostPerValue: 1_000, mostBytes: 100_000, ...bounds };
  const values = await readRowValues({ source, target, tables, orgId: ORG, rows, ...limits });
  return { rows, values, open: withOpenKeys(sample, target.shapes) };
}

const note = (n: number, set: string) => world.cluster.sql(`UPDATE BigDB.Notes SET ${set} WHERE Phone = '+44${n}'`);

describe('the values of rows that differ', () => {
  it('are those of both sides now, of the columns that differ, no longer than asked for', async () => {
    await note(1, "Note = CONCAT(Note, ' ')");
    await note(2, "Note = REPEAT('ü', 5000), Raw = REPEAT('x', 1500)");
    await note(3, 'Note = NULL, Score = 0.5');
    await world.cluster.sql("DELETE FROM BigDB.Notes WHERE Phone = '+444'");
    const { values } = await valuesOfMismatches();
    const key = (n: number) => ({ Phone: `+44${n}`, Day: '2026-01-02' });
    const text = (value: string) => ({ value, bytes: Buffer.byteLength(value), cut: false });
    const byPhone = (n: number) => values.find((row) => row.key.Phone === `+44${n}`);
    expect(values).toHaveLength(4);
    expect(byPhone(1)).toEqual({
      kind: 'different',
      table: 'Notes',
      key: key(1),
      columns: ['Note'],
      source: { Note: text('note 1') },
      target: { Note: text('note 1 ') },
    });
    expect(byPhone(2)).toMatchObject({
      source: { Note: text('note 2'), Raw: { value: '0x00FF', bytes: 2, cut: false } },
      target: {
        Note: { value: 'ü'.repeat(1_000), bytes: 10_000, cut: true },
        Raw: { value: `0x${'78'.repeat(1_000)}`, bytes: 1_500, cut: true },
      },
    });
    expect(byPhone(3)).toMatchObject({ target: { Note: null, Score: { value: '0.5' } } });
    expect(byPhone(4)).toMatchObject({ kind: 'missing', target: null, source: { Note: text('note 4') } });
  });

  it('say what agrees by now', async () => {
    const { rows } = await valuesOfMismatches();
    await note(1, "Note = 'note 1'");
    const { values } = await valuesOfMismatches();
    expect(values).toHaveLength(rows.length - 1);
  });

  it('are bounded in all', async () => {
    const { rows, values } = await valuesOfMismatches({ mostBytes: 1 });
    expect(rows.length).toBeGreaterThan(1);
    expect(values).toHaveLength(1);
  });

  it('are not in the sample that everybody may read, keys of text neither', async () => {
    const { open } = await valuesOfMismatches();
    expect(open.length).toBeGreaterThan(0);
    for (const { key } of open) {
      expect(key.Day).toBe('2026-01-02');
      expect(key.Phone).toMatch(/^sha256:[0-9a-f]{16}$/);
    }
    expect(JSON.stringify(open)).not.toContain('+44');
  });
});
